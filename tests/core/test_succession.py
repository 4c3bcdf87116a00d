"""Successor scores: which pairs are asked, and the score against its definition on folded weights (METHODS e.2)."""

import pytest
import torch
from places import SAMPLE


@pytest.fixture(scope="module")
def loaded():
    """A sample model; each test may read it only."""
    from circuit_core import loading

    return loading.load(SAMPLE / "step1000")


def test_scores_are_those_of_folded_weights(loaded):
    """The share of days (and of letters) whose successor is the likeliest, one head and one day at a time."""
    from circuit_core import loading
    from circuit_core.heads.ordinal_sequences import SEQUENCES
    from circuit_core.heads.successor_scores import successor
    from circuit_core.models import tokenizers

    mine = successor(loaded, loaded.tokenizer).lists
    folded = loading.load(SAMPLE / "step1000").bridge
    x = folded.blocks[0].mlp(folded.blocks[0].ln2(folded.W_E[None]))[0].detach()
    folded.enable_compatibility_mode()
    for name in ("days", "letters"):
        ids = tokenizers.encoder(loaded.tokenizer)(" ".join(SEQUENCES[name]))
        for layer in range(loaded.graph.n_layers):
            for head in range(loaded.graph.n_heads):
                attention = folded.blocks[layer].attn
                logits = x @ attention.W_V[head] @ attention.W_O[head] @ folded.W_U
                hits = [
                    max(ids[1:], key=lambda t, row=logits[a]: row[t]) == b for a, b in zip(ids, ids[1:], strict=False)
                ]
                assert mine[name][layer, head].item() == pytest.approx(sum(hits) / len(hits))


def test_the_score_is_the_mean_over_lists(loaded):
    from circuit_core.heads.successor_scores import successor

    found = successor(loaded, loaded.tokenizer)
    assert set(found.lists) == {"numbers", "number_words", "ordinals", "days", "months", "letters"}
    assert torch.allclose(found.value, torch.stack(list(found.lists.values())).mean(0), atol=1e-6)
    assert found.value.max() > 0.5


def test_a_pair_counts_once_whatever_its_spelling():
    """A tokenizer that drops spaces and case knows one form of each list; the paper's code counts them all."""
    from circuit_core.heads.ordinal_sequences import pairs

    known = {w: i for i, w in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())}

    def encode(text: str) -> list[int]:
        return [known.get(text.strip().lower(), -1)]

    assert len(pairs(encode, -1)["days"]) == 7
    assert len(pairs(encode, -1, distinct=False)["days"]) == 28


@pytest.mark.parametrize("distinct, n", [(True, 199), (False, 398)])
def test_numbers_are_those_of_counting(distinct, n):
    """1 to 200, and no other form of them: `01` is no number, though the tokenizer has it. Case doubles nothing here
    but in the paper's code."""
    from circuit_core.heads.ordinal_sequences import pairs

    known = {str(i): i for i in range(1, 201)} | {f"0{i}": 200 + i for i in range(1, 10)}
    found = pairs(lambda text: [known.get(text, -1)], -1, distinct)["numbers"]
    assert len(found) == n and {(p.source, p.target) for p in found} == {(i, i + 1) for i in range(1, 200)}


def test_forms_have_targets_of_their_own():
    """` Tue` competes with ` Mon`, not with `Mon`; a form with a single pair asks nothing."""
    from circuit_core.heads.ordinal_sequences import pairs

    known = {" Mon": 0, " Tue": 1, " Wed": 2, "Mon": 3, "Tue": 4, "Wed": 5, "mon": 6, "tue": 7}
    found = pairs(lambda text: [known.get(text, -1)], -1)["days_short"]
    assert {(p.source, p.target, *sorted(p.targets)) for p in found} == {
        *((0, 1, 1, 2), (1, 2, 1, 2)),
        *((3, 4, 4, 5), (4, 5, 4, 5)),
    }


def test_a_tokenizer_without_sequences_is_a_reason(loaded):
    from circuit_core.errors import TaskError
    from circuit_core.heads.successor_scores import successor

    with pytest.raises(TaskError, match="needs a tokenizer"):
        successor(loaded, None)
    with pytest.raises(TaskError, match=r"needs 5 pairs.*has 0 at most"):
        successor(loaded, _words("the", "a"))


def _words(*words: str):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    ids = {w: i for i, w in enumerate(["<unk>", *words])}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(ids, unk_token="<unk>")), unk_token="<unk>")
