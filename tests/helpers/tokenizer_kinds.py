"""Small tokenizers with the traits of well-known ones, made of the tasks' own words.

pythia    byte-level BPE; a space belongs to the word behind it; pairs of digits are tokens, and some years are whole
gpt2      the same without whole years; end-of-text is also the unknown token
smollm    byte-level BPE that splits digits first
llama2    BPE of characters with a mark for spaces, put before a text, too; digits are split
"""

from typing import Any

from circuit_core.tasks import words
from circuit_core.tasks.specs import TASKS

OF_PAIRS = [name for name in TASKS if name != "greater_than_digit"]
"""Tasks that a tokenizer with pairs of digits can express, as the sample suite's."""
OF_DIGITS = [name for name in TASKS if name != "greater_than"]
"""Tasks that one with single digits can express."""
NAMES = [w for w in words.NAMES if w not in ("Karen", "Sam")]
"""Names that are one token."""
VERBS = words.VERBS | words.OTHER_VERBS
_KNOWN = [
    *(NAMES + list(words.OBJECTS) + list(words.EVENTS) + list(VERBS) + "he she year to is are a".split()),
    *(form for one, many in words.NOUNS.items() if one != "cabinet" for form in (one, many)),
    *(many for one, many in VERBS.items() if one != "was"),
]
_CENTURIES = [str(c) for c in range(11, 18)]
_WHOLE_YEARS = ("1732", "1632", "1532", "1432", "1332", "1232", "1132", "1745", "1501")
_DIGITS = "0123456789"
END = "<|endoftext|>"
KINDS = ("pythia", "gpt2", "smollm", "llama2")


def made(kind: str) -> Any:
    """Of one of `KINDS`, behind the interface of transformers."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    space, digits = ("▁" if kind == "llama2" else "Ġ"), pre_tokenizers.Digits(individual_digits=True)
    merges = _merges(space, in_pairs=kind in ("pythia", "gpt2"), whole=kind == "pythia")
    if kind == "llama2":
        alphabet = sorted({space, *map(chr, range(33, 127))})
        before = [pre_tokenizers.Metaspace(prepend_scheme="first"), digits]
        spelled: Any = decoders.Metaspace()
    else:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        first = [digits] if kind == "smollm" else []
        before, spelled = [*first, pre_tokenizers.ByteLevel(add_prefix_space=False)], decoders.ByteLevel()
    pieces = [END, *alphabet, *dict.fromkeys(a + b for a, b in merges)]
    ids = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token=END if kind == "llama2" else None))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Sequence(before), spelled
    unknown = {} if kind in ("pythia", "smollm") else {"unk_token": END}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, **unknown)


def _merges(space: str, in_pairs: bool, whole: bool) -> list[tuple[str, str]]:
    """They spell out each known word behind its space, then the pairs of digits, then whole years."""
    known = [*_KNOWN, *(_CENTURIES if in_pairs else [])]
    merges = dict.fromkeys(((space + w)[:i], w[i - 1]) for w in known for i in range(1, len(w) + 1))
    merges |= dict.fromkeys((a, b) for a in _DIGITS for b in _DIGITS) if in_pairs else {}
    merges |= dict.fromkeys((space + year[:2], year[2:]) for year in _WHOLE_YEARS) if whole else {}
    return list(merges)
