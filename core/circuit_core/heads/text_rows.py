"""Text for copy suppression, of a model's own kind (METHODS e.5): rows of tokens, and which tokens are function words.

Function words carry grammar rather than content: copy suppression is not looked for at them.
"""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.models.tokenizers import Encode

WIDTH, SCORED, REFERENCE = 60, 17, 100
"""Tokens a row, rows that are scored, and rows for the mean."""
WORDS = (
    "a an the this that these those there here such same other another each every either neither both all any some no "
    "none one ones of in on at by to from with without within into onto upon over under above below between among "
    "through during before after since until against about around across along behind beside beyond near off out up "
    "down for as than like per via and or but nor so yet if then because although though while whereas whether unless "
    "I me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us our ours "
    "they them their theirs themselves who whom whose which what when where why how be am is are was were been being "
    "do does did doing done have has had having can could may might must shall should will would not isn't don't "
    "didn't doesn't wasn't 's 't 're 've 'll 'd 'm n't also just very too only even more most much "
    "many few less least own"
)
MARKS = '. , : ; ! ? \' " ` ’ ‘ “ ” ( ) [ ] { } < > / \\ | - – — _ … ... * & # @ % $ + = ~ ^ -- .. ?" ." ," ). ),'
CONTROLS = [chr(i) for i in range(33)] + ["\n\n", "\r\n", "  ", "   ", "    ", "\u00a0"]


def rows(
    encode: Encode, text: str, bos: int | None = None, scored: int = SCORED, reference: int = REFERENCE
) -> tuple[Int[Tensor, "row pos"], Int[Tensor, "reference pos"]]:
    """The first rows of `WIDTH` tokens of a text, to be scored, and those after them, for the mean.

    Args:
        bos: a token to put before every row, or None.

    Raises:
        TaskError: the text is too short.
    """
    needed, ids = scored + reference, encode(text)
    if len(ids) < needed * WIDTH:
        raise TaskError(
            f"copy_suppression needs --text FILE ({WIDTH} tokens x {needed} sequences); the text given has {len(ids)} "
            f"tokens, enough for {len(ids) // WIDTH}."
        )
    cut = torch.tensor(ids[: needed * WIDTH]).view(needed, WIDTH)
    if bos is not None:
        cut = torch.cat([torch.full((needed, 1), bos), cut], 1)
    return cut[:scored], cut[scored:]


def function_words(tokenizer: Any) -> Int[Tensor, " word"]:
    """Tokens of function words, punctuation and control characters that are one token, and all special tokens."""
    words = [*WORDS.split(), *MARKS.split()]
    spelt = [before + w for word in words for w in (word, word.capitalize()) for before in ("", " ")]
    ids = tokenizer(spelt + CONTROLS, add_special_tokens=False)["input_ids"]
    single = {tokens[0] for tokens in ids if len(tokens) == 1}
    return torch.tensor(sorted(single | set(tokenizer.all_special_ids)))
