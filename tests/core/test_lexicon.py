"""Which sentences a tokenizer can read is tried on the sentences as they will stand, not with empty slots."""

from typing import Any

import pytest
from tokenizer_kinds import OF_PAIRS

from circuit_core.errors import TaskError
from circuit_core.tasks.specs import TASKS


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Words with the space before them, commas and full stops without one: it knows every word of every task, and no
    comma behind a space."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from vocabulary import NUMBERS, PLAIN

    pieces = ["?", ",", ".", *(f"▁{word}" for word in PLAIN if word not in ",."), *NUMBERS]
    found = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="?"))
    stops_and_years = pre_tokenizers.Split(Regex(r"▁?\d\d|[,.]"), "isolated")
    found.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), stops_and_years])
    return PreTrainedTokenizerFast(tokenizer_object=found, unk_token="?")


@pytest.mark.parametrize("name", OF_PAIRS)
def test_a_tokenizer_that_knows_all_words_can_do_every_task(tokenizer, name):
    from circuit_core.tasks.sampling import draw

    assert tokenizer.unk_token_id in tokenizer("and ,")["input_ids"]
    prompts = draw(TASKS[name], tokenizer, len(tokenizer))
    assert len(prompts) == TASKS[name].n
    assert all(tokenizer.unk_token_id not in ids for ids in prompts.read)


def encode(vocabulary: dict[str, int]):
    """Words as spaces divide them; 0 is the unknown."""
    return lambda text: [vocabulary.get(word, 0) for word in text.split()]


def known(*more: str) -> dict[str, int]:
    """Every word of IOI, and its pieces with a stop."""
    from vocabulary import PLAIN

    return {word: i for i, word in enumerate(["?", *PLAIN, *more])}


def test_words_that_are_known_without_their_comma_alone_are_named_with_it():
    from circuit_core.tasks.sampling import generate

    with pytest.raises(TaskError, match=r"2 of its sentences; .* words of 0 and lacks 'store,', 'store\.'\.$"):
        generate("ioi", encode(known()), 0)


def test_no_prompt_holds_an_unknown_token():
    """Of the places the first alone is known with its comma: the sentences can be read, their prompts cannot."""
    from circuit_core.tasks.sampling import generate

    with pytest.raises(TaskError, match=r"^ioi needs the sentence '.*'; the tokenizer does not know '\w+[,.]'\.$"):
        generate("ioi", encode(known("store,", "store.")), 0)
