"""IOI prompts (METHODS d.1): one token differs, positions are right, the same seed gives the same prompts."""

from typing import Any

import pytest
import torch


@pytest.fixture(scope="module")
def tokenizer(sample):
    return sample[0].tokenizer


def test_clean_and_corrupted_differ_in_s2_alone(sample):
    prompts = sample[1]
    differs = prompts.clean != prompts.corrupted
    rows = torch.arange(len(prompts))
    assert (differs.sum(1) == 1).all()
    assert differs[rows, prompts.positions["S2"]].all()
    assert (prompts.corrupted[rows, prompts.positions["S2"]] == prompts.metric.correct).all()


def test_positions_hold_the_names(sample):
    """IO once, S twice, both before the end, which is the word `to`; half of the prompts name IO first."""
    prompts, rows = sample[1], torch.arange(len(sample[1]))
    at = {who: prompts.clean[rows, p] for who, p in prompts.positions.items()}
    assert (at["IO"] == prompts.metric.correct).all()
    assert (at["S1"] == prompts.metric.wrong).all() and (at["S2"] == prompts.metric.wrong).all()
    assert ((prompts.clean == prompts.metric.correct[:, None]).sum(1) == 1).all()
    assert (prompts.positions["S2"] > prompts.positions["S1"]).all()
    assert sample[0].tokenizer.convert_ids_to_tokens(prompts.clean[rows, prompts.end].tolist()) == ["to"] * 70
    assert ((prompts.positions["IO"] < prompts.positions["S1"]).float().mean() - 0.5).abs() < 0.01


def test_seed_decides_the_prompts(sample, tokenizer):
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    encode = tokenizers.encoder(tokenizer)
    again = generate("ioi", encode, tokenizer.unk_token_id)
    other = generate("ioi", encode, tokenizer.unk_token_id, seed=7)
    assert again.texts == sample[1].texts
    assert other.texts != again.texts


def test_a_bos_token_shifts_everything_by_one(sample, tokenizer):
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    prompts = generate("ioi", tokenizers.encoder(tokenizer), tokenizer.unk_token_id, prepend=0)
    assert (prompts.clean[:, 0] == 0).all()
    assert torch.equal(prompts.end, sample[1].end + 1)
    assert torch.equal(prompts.positions["S2"], sample[1].positions["S2"] + 1)


def test_a_tokenizer_without_names_is_refused_with_the_words_it_lacks():
    from circuit_core.errors import TaskError
    from circuit_core.tasks.sampling import generate

    with pytest.raises(TaskError, match=r"needs 8 names .* lacks John, Paul"):
        generate("ioi", lambda text: [1] * len(text.split()), 1)


def test_names_of_several_tokens_are_not_used():
    """A tokenizer that splits some names in two never puts them into a prompt."""
    from circuit_core.tasks import words
    from circuit_core.tasks.sampling import generate

    vocabulary = {w: i + 1 for i, w in enumerate(sorted({w for t in words.IOI_TEMPLATES for w in t.split()}))}

    def encode(text: str) -> list[int]:
        ids = [vocabulary.setdefault(w, len(vocabulary) + 1) for w in text.split()]
        return [j for i, w in zip(ids, text.split(), strict=True) for j in ([i, i] if w in words.MALE_NAMES else [i])]

    texts = generate("ioi", encode, 0).texts
    assert not any(name in text.split() for text in texts for name in words.MALE_NAMES)


def test_names_are_looked_up_as_they_stand_in_a_sentence():
    """A tokenizer that puts a piece of its own before every text (as Llama's does) still has names of one token."""
    from circuit_core.tasks.sampling import generate

    ids: dict[str, int] = {}

    def encode(text: str) -> list[int]:
        return [1, *(ids.setdefault(w, len(ids) + 2) for w in text.replace(",", " ,").replace(".", " .").split())]

    prompts: Any = generate("ioi", encode, 0)
    assert (prompts.clean[torch.arange(70), prompts.positions["IO"]] == prompts.metric.correct).all()
