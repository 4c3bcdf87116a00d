"""Nothing counts that rounding decides, in models that tie, are silent, or hold what is not finite (METHODS l.1)."""

from typing import Any

import numpy as np
import pytest
import torch
from places import SAMPLE

from circuit_core.loaded_model import LoadedModel
from circuit_core.models import suites

pytestmark = pytest.mark.long

LAST, TIES = SAMPLE / "step7000", 1e-7


@pytest.fixture
def loaded():
    """The smallest sample model, to be changed."""
    from circuit_core import loading

    return loading.load(LAST)


def prompts(loaded, task: str):
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    return draw(TASKS[task], loaded.tokenizer, loaded.n_vocab)


@pytest.mark.parametrize("preset", ["default", "paper-code"])
def test_heads_that_read_nothing_are_no_successors(loaded, preset):
    """MLPs that write zeros, as where output projections begin at zero: a head's write is not above a share of none."""
    from circuit_core.heads.successor_scores import successor

    with torch.no_grad():
        for name, weight in loaded.bridge.named_parameters():
            if "dense_4h_to_h" in name:
                weight.zero_()
    assert not successor(loaded, loaded.tokenizer, preset).value.any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_unembedding_that_is_not_finite_gives_no_scores(loaded, bad):
    """One row, of a token that no prompt has: no head copies a name, nor does it not."""
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.heads.successor_scores import successor

    with torch.no_grad():
        loaded.bridge.W_U[:, -1] = bad
    copies = copy_scores(loaded, prompts(loaded, "ioi"))
    for scores in (*copies, successor(loaded, loaded.tokenizer)):
        assert scores.value.isnan().all()


@pytest.mark.parametrize("model", [m.name for m in suites.sample_suite()])
def test_a_model_whose_answers_tie_does_not_do_the_task(model):
    """Unembedding vectors that differ by a tenth of a millionth: no prompt is right, be it one or all of them, and the
    task is not acquired."""
    from circuit_core import loading
    from circuit_core.behaviour import behaviour
    from circuit_core.circuits.faithfulness import NOT_DONE, Faithfulness
    from circuit_core.interchange.evaluation import Evaluation
    from circuit_core.trends.tasks import task_acquisition

    tied = loading.load(suites.sample_folder() / model / "step7000")
    given: Any = prompts(tied, "gendered_pronoun")
    with torch.no_grad():
        tied.bridge.W_U[:, given.metric.correct[0]] = tied.bridge.W_U[:, given.metric.wrong[0]] * (1 + TIES)
        assert given.metric(tied.bridge(given.clean)[:, -1]).abs().max() > 0
    for some in (given, given[:1]):
        found = behaviour(tied, some)
        assert (found.value, found.accuracy) == (0, 0)
        assert Faithfulness(Evaluation(tied, some)).reason == NOT_DONE
    assert task_acquisition([0, 1000], np.zeros(2), np.zeros(2)).reason


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("answers", [1, 6, 13, 21])
def test_even_probabilities_differ_by_nothing(answers, dtype):
    """Of as many right answers as wrong ones, in any vocabulary; a real difference stays what it is."""
    from circuit_core.tasks.metrics import ProbabilityDifference

    signs = torch.tensor([[1.0] * answers + [-1.0] * answers])
    metric = ProbabilityDifference(torch.arange(2 * answers)[None], signs)
    for vocab in (1000, 50304, 128256):
        logits = torch.full((1, vocab), 3.0, dtype=dtype)
        assert metric.measured(logits).item() == 0
        logits[:, 0] += 1
        assert metric.measured(logits).item() == metric(logits).item() > 0


def test_what_is_not_finite_stays_so():
    from circuit_core.tasks.metrics import LogitDifference

    logits = torch.tensor([[1.0, 2.0, torch.nan], [torch.nan, 2.0, 1.0]])
    found = LogitDifference(torch.tensor([0, 0]), torch.tensor([1, 1])).measured(logits)
    assert found[0] == -1 and found[1].isnan()


@pytest.mark.parametrize("preset, score", [("default", [1, 0, 0, 0]), ("paper-code", None)])
def test_in_half_precision_a_lead_of_its_rounding_is_none(preset, score):
    """The planted successor head in another basis, where its numbers are rounded: in bfloat16 too the other heads do
    not lead, and the successor head is one by the paper's code, too."""
    from planted_ov import planted_ov
    from transformers import AutoTokenizer

    from circuit_core import loading
    from circuit_core.heads.ordinal_sequences import pairs
    from circuit_core.heads.successor_scores import successor
    from circuit_core.models import tokenizers

    tokenizer = AutoTokenizer.from_pretrained(SAMPLE / "step0")
    found = pairs(tokenizers.encoder(tokenizer), tokenizer.unk_token_id)
    following = {p.source: p.target for of in found.values() for p in of}
    model = turned(planted_ov(len(tokenizer), following))
    bridge = loading.as_bridge(model.bfloat16())
    value = successor(LoadedModel(bridge, loading.graph_of(bridge)), tokenizer, preset).value[1].tolist()
    assert value == score if score else value[0] == 1


def turned(model):
    """The same function in another basis, whose first axis, that of all ones, is kept: layer norm centres along it."""
    d = model.config.hidden_size
    fixed = torch.randn(d, d, generator=torch.Generator().manual_seed(0))
    fixed[:, 0] = 1
    basis, turn = torch.linalg.qr(fixed)[0], torch.eye(d)
    turn[1:, 1:] = torch.linalg.qr(torch.randn(d - 1, d - 1, generator=torch.Generator().manual_seed(1)))[0]
    q = basis @ turn @ basis.T
    with torch.no_grad():
        for weight in (model.gpt_neox.embed_in.weight, model.lm_head.weight):
            weight.copy_(weight @ q)
        for layer in model.gpt_neox.layers:
            for reader in (layer.attention.query_key_value.weight, layer.mlp.dense_h_to_4h.weight):
                reader.copy_(reader @ q)
            for writer in (layer.attention.dense.weight, layer.mlp.dense_4h_to_h.weight):
                writer.copy_(q.T @ writer)
    return model.eval()


def test_what_helps_by_rounding_is_in_no_class_of_the_last_stage():
    """A head that moves a metric of 10 by 3e-5, of which corruption takes .02: more than .001, less than rounding."""
    from circuit_core.patching.effects import Effects
    from circuit_core.patching.ioi_algorithm import Roles, induction_and_duplicate

    lost = torch.tensor([-3e-5, 0.0, -0.01])[None, :, None].expand(1, 3, 8)
    values = Effects(10 + lost, torch.full((8,), 10.0), torch.full((8,), 9.98), {}, {})
    scores, one = torch.tensor([[0.9, 0.1, 0.9]]), torch.ones(1, 3, 1)
    found = induction_and_duplicate(values, Roles(one, one, scores, scores), torch.ones(1, 8))
    assert values.weighted(torch.ones(1, 8)).effect[0, 0, 0] < -0.001
    assert {name: heads.tolist() for name, heads in found.items()} == dict.fromkeys(found, [[[False, False, True]]])


@pytest.mark.parametrize("a, b", [(1.0, 1.0), (1.0, 1 + 2e-7), (1 + 2e-7, 1.0)])
def test_of_tokens_that_are_predicted_alike_all_are_kept(a, b):
    from circuit_core.heads.copy_suppression import kept

    lens, tokens = torch.tensor([[[a, b, 0.0]] * 3]), torch.tensor([[5, 6, 7]])
    assert kept(lens, tokens, torch.ones(1, 3, dtype=torch.bool))[0, 2].tolist() == [True, True, False]


def test_an_answer_that_the_model_does_not_have_is_refused(loaded):
    """As a prompt's token is: the tokenizer is another model's."""
    from circuit_core.errors import TaskError
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    given = prompts(loaded, "subject_verb")
    most = int(max(given.clean.max(), given.corrupted.max()))
    assert most < (answer := int(given.metric.tokens.max()))
    with pytest.raises(TaskError, match=f"subject_verb has token {answer}, the model's are 0 to {most}"):
        draw(TASKS["subject_verb"], loaded.tokenizer, most + 1)
