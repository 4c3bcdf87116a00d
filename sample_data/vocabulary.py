"""The sample suite's vocabulary and its word-level tokenizer, in Hugging Face format.

Words are split at spaces, digits in pairs (so that a year is a century and two digits), and `, . ?` stand alone.
"""

import re
from pathlib import Path

import sentences
from circuit_core.tasks import words

BOS, UNK = "<|endoftext|>", "<|unk|>"
_PHRASES = (*words.PRONOUN_PHRASES, *sentences.OPENINGS, *(" ".join(w) for w in sentences.LATER))
_GRAMMAR = (
    ". , ? The the a A and So is isn't he she had it Today Then then talked saw met gave sent got to at In in on near "
    "went my friend lasted from year numbers list again first"
).split()

NUMBERS = [f"{n:02}" for n in range(100)]
_plain = [
    *_GRAMMAR,
    *(w for p in _PHRASES for w in re.sub(r"\{\w+\}", "", p).split()),
    *(w for seq in sentences.SEQUENCES.values() for w in seq),
    *NUMBERS,
    *(w for group in (words.NAMES, words.PLACES, words.OBJECTS, words.EVENTS, words.PREPOSITIONS) for w in group),
    *(w for pairs in (words.NOUNS, words.VERBS) for both in pairs.items() for w in both),
    *sentences.ADJECTIVES,
]
PLAIN = sorted(set(_plain))
"""Every word but the special tokens."""
IDS = {w: i for i, w in enumerate([BOS, UNK, *PLAIN])}
CLASSES = [
    words.NAMES,
    [*words.NOUNS, *words.OBJECTS, *words.PLACES],
    sentences.SEQUENCES["letters"],
    NUMBERS,
]
"""Pools of one kind of word, from which some rows of random tokens are drawn."""


def save_tokenizer(folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`, loadable by `AutoTokenizer`."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Sequence, Split, WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordLevel(IDS, unk_token=UNK))
    tokenizer.pre_tokenizer = Sequence([WhitespaceSplit(), Split(Regex(r"\d\d|[.,?]"), "isolated")])
    tokenizer.add_special_tokens([BOS, UNK])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=BOS, pad_token=BOS, unk_token=UNK, model_max_length=128
    )
    fast.save_pretrained(folder)
    config = folder / "tokenizer_config.json"
    config.write_text(config.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast"))
