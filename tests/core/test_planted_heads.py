"""Heads written by hand that do one thing each: every role puts its head first with the value it must have."""

import pytest
import torch
from places import SAMPLE

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long

LAYER = 1


@pytest.fixture(scope="module")
def roles():
    """Role -> scores of the planted model, which speaks the sample suite's tokens."""
    from planted_ov import planted_ov
    from transformers import AutoTokenizer

    from circuit_core import loading
    from circuit_core.heads.attention import attention_roles
    from circuit_core.heads.copy_suppression import copy_suppression
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.heads.ordinal_sequences import pairs
    from circuit_core.heads.successor_scores import successor
    from circuit_core.models import tokenizers

    tokenizer = AutoTokenizer.from_pretrained(SAMPLE / "step0")
    found = pairs(tokenizers.encoder(tokenizer), tokenizer.unk_token_id)
    vocab, following = len(tokenizer), {p.source: p.target for of in found.values() for p in of}
    bridge = loading.as_bridge(planted_ov(vocab, following))
    graph = loading.graph_of(bridge)
    every_token = (torch.arange(vocab)[:, None] + torch.arange(4)) % vocab
    none = torch.tensor([], dtype=torch.long)
    loaded = LoadedModel(bridge, graph)
    scores = [
        *attention_roles(loaded, torch.arange(vocab), n_ctx=40),
        *copy_scores(loaded, prompts(vocab)),
        successor(loaded, tokenizer),
        copy_suppression(loaded, prompts(vocab).clean[:, :4], every_token, none),
    ]
    return {s.role: s for s in scores}


def prompts(vocab: int):
    """Random tokens, three of which are called names."""
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    tokens = torch.randint(vocab, (8, 12), generator=torch.Generator().manual_seed(0))
    places = {who: torch.full((8,), p) for who, p in {"IO": 1, "S1": 3, "S2": 8}.items()}
    answers = LogitDifference(tokens[:, 1], tokens[:, 3])
    return PromptSet("names", tokens, tokens, torch.full((8,), 11), answers, places)


def alone(value: torch.Tensor, head: int) -> float:
    """The head's value, after a check that no other head comes near."""
    others = value.clone()
    others[LAYER, head] = 0
    assert others.nan_to_num(0).abs().max() < 0.05
    return value[LAYER, head].item()


def test_a_successor_head_scores_one_and_a_copying_head_zero(roles):
    from planted_ov import SUCCESSOR

    assert alone(roles["successor"].value, SUCCESSOR) == 1


def test_a_copying_head_scores_one_and_its_opposite_zero(roles):
    from planted_ov import COPIER, SUPPRESSOR

    assert alone(roles["name_mover"].value, COPIER) == 1
    assert alone(roles["negative_name_mover"].value, SUPPRESSOR) == 1


def test_a_duplicate_token_head_is_found(roles):
    from planted_ov import DUPLICATE

    assert alone(roles["duplicate_token"].value, DUPLICATE) > 0.9


def test_a_head_that_lowers_what_is_predicted_is_all_copy_suppression(roles):
    """1 where the head does nothing else; 0 where it raises tokens; undefined where it writes nothing."""
    from planted_ov import DUPLICATE, SUPPRESSOR

    from circuit_core.heads.copy_suppression import reasons

    scores = roles["copy_suppression"]
    assert alone(scores.value, SUPPRESSOR) == pytest.approx(1, abs=1e-4)
    assert scores.value[0].isnan().all()
    assert scores.value[LAYER].isnan().nonzero().tolist() == [[DUPLICATE]]
    assert "changes no prediction" in reasons(scores)[LAYER, DUPLICATE]
    assert "before layer 1" in reasons(scores)[0, 0]


def test_none_of_them_is_an_induction_or_previous_token_head(roles):
    """Even attention over 26 and 38 tokens gives .10 to the previous one."""
    assert roles["induction"].value.max() < 0.05
    assert roles["previous_token"].value.max() < 0.12
