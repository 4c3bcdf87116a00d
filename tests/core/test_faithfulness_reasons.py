"""Faithfulness says when it means nothing (METHODS c.5): by hand, on a model of one path.

Every clean prompt has the same metric; a prompt whose corruption replaces the answer has the metric 0, one that is not
corrupted keeps it. So F of the empty circuit is the share of prompts that are not corrupted.
"""

from typing import Any

import pytest
import torch

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def planted():
    from planted import two_step_copy

    from circuit_core.loading import as_bridge, graph_of

    bridge = as_bridge(two_step_copy())
    return bridge, graph_of(bridge)


def prompts_of(n: int, corrupted: int) -> Any:
    """The first `corrupted` of n prompts have another answer in their corruption; the wrong answer never occurs."""
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    clean = torch.tensor([[3, 5, 9]]).repeat(n, 1)
    other = clean.clone()
    other[:corrupted, 1] += 20
    answers = LogitDifference(clean[:, 1], torch.full((n,), 15))
    return PromptSet("planted", clean, other, torch.full((n,), 2), answers)


def search(planted, prompts, held_out=None, **options) -> Any:
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange

    bridge, graph = planted
    scores = attribute(LoadedModel(bridge, graph), prompts).scores
    other = Interchange(LoadedModel(bridge, graph), held_out) if held_out else None
    return minimal_circuit(Interchange(LoadedModel(bridge, graph), prompts), scores, held_out=other, **options)


def assert_rests_on_nothing(found, reason):
    assert found.reason == found.areas.reason == reason
    assert (found.threshold_reached, found.areas.cpr, found.areas.cmd) == (None, None, None)
    assert all(p.faithfulness_normalised is None and p.faithfulness is not None for p in found.curve)


def test_equal_prompts_make_no_circuit(planted):
    """Nothing is corrupted: every circuit keeps everything, none is found to."""
    from circuit_core.circuits.faithfulness import NO_CHANGE

    found = search(planted, prompts_of(8, 0), with_areas=True)
    assert_rests_on_nothing(found, NO_CHANGE)
    assert all(p.faithfulness == pytest.approx(1) for p in found.curve)


def test_a_change_within_two_standard_errors_is_noise(planted):
    """One prompt of eight: mean change 1/8, its standard error 1/8."""
    from circuit_core.circuits.faithfulness import NO_CLEAR_CHANGE

    assert_rests_on_nothing(search(planted, prompts_of(8, 1), with_areas=True), NO_CLEAR_CHANGE)


def test_the_standard_error_is_that_of_the_paired_differences():
    """Prompts that differ much from each other, all harmed alike: a clear change. Harmed and helped alike: none."""
    from circuit_core.circuits.faithfulness import NO_CLEAR_CHANGE, unchanged

    clean = torch.tensor([1.0, 9.0, 2.0, 8.0])
    assert unchanged(clean, clean - torch.tensor([0.5, 0.6, 0.5, 0.6])) is None
    assert unchanged(clean, clean - torch.tensor([0.5, -0.5, 0.5, -0.4])) == NO_CLEAR_CHANGE


def test_the_rule_is_two_standard_errors():
    """Of 1 + e and 1 - e the mean is 1 and its standard error e: 1.9 and 2.1 of them lie on either side."""
    from circuit_core.circuits.faithfulness import NO_CLEAR_CHANGE, NOT_DONE, unchanged, undefined

    less, more = (torch.tensor([1 + 1 / n, 1 - 1 / n]) for n in (1.9, 2.1))
    assert (undefined(less), undefined(more)) == (NOT_DONE, None)
    clean = torch.tensor([5.0, 9.0])
    assert (unchanged(clean, clean - less), unchanged(clean, clean - more)) == (NO_CLEAR_CHANGE, None)
    assert (unchanged(clean, clean + less), unchanged(clean, clean + more)) == (NO_CLEAR_CHANGE, None)


def test_logits_that_are_equal_but_for_rounding_do_no_task():
    """Invariant: a model of equal logits does not do the task, whichever way the last bits fall."""
    from circuit_core.circuits.faithfulness import NOT_DONE, undefined
    from circuit_core.tasks.metrics import LogitDifference

    metric = LogitDifference(torch.zeros(3, dtype=torch.long), torch.ones(3, dtype=torch.long))
    for last_bits in ([1e-6, 1e-6, 1e-6], [0.0, 0.0, 0.0], [-1e-6, -1e-6, -1e-6]):
        logits = torch.full((3, 5), 3.0)
        logits[:, 0] += torch.tensor(last_bits)
        assert undefined(metric.measured(logits)) == NOT_DONE
        assert undefined(metric.measured(logits)[:1]) == NOT_DONE


def test_where_the_empty_circuit_reaches_the_threshold_nothing_is_told_by_reaching_it(planted):
    """Five prompts of 32: the empty circuit keeps 84 %, and sizes of which pruning leaves nothing are no circuit."""
    found = search(planted, prompts_of(32, 5))
    assert found.threshold_reached is None
    assert found.chosen.n_edges > 0 and found.chosen.faithfulness >= 0.8
    assert [p.n_requested for p in found.curve if not p.n_edges and p.faithfulness > 0.8] != []
    assert found.reason == "the empty circuit reaches the threshold: corruption leaves more than that of the metric"


def test_normalised_faithfulness_of_the_empty_circuit_is_zero(planted):
    """Invariant: so it reaches no threshold, however high the metric is that the corruption leaves."""
    found = search(planted, prompts_of(32, 5), threshold_on="normalised")
    assert found.threshold_reached and found.reason is None
    assert found.chosen.faithfulness_normalised >= 0.8 > min(p.faithfulness_normalised for p in found.curve)


def test_a_threshold_that_the_empty_circuit_reaches_but_for_rounding(planted):
    """27 of 32 prompts keep the metric: a threshold of 27/32 is reached, whatever the last bit of a mean."""
    total = planted[1].n_edges
    for more, reached in ((-1e-6, None), (1e-6, None), (1e-3, True)):
        found = search(planted, prompts_of(32, 5), threshold=27 / 32 + more, sizes=(total,))
        assert found.threshold_reached is reached


def test_sizes_that_leave_no_edge_say_so(planted):
    from circuit_core.circuits.search import NO_PATH

    found = search(planted, prompts_of(4, 4), sizes=(1,))
    assert (found.threshold_reached, found.reason, found.mask.any()) == (False, NO_PATH, False)


def test_one_prompt_has_faithfulness_but_no_error(planted):
    from circuit_core.behaviour import behaviour
    from circuit_core.circuits.faithfulness import NO_CHANGE, NOT_DONE, ONE_PROMPT, undefined

    prompts = prompts_of(1, 1)
    found = search(planted, prompts)
    assert found.threshold_reached and found.reason == ONE_PROMPT
    assert search(planted, prompts_of(1, 0)).reason == f"{NO_CHANGE}; {ONE_PROMPT}"
    done: Any = behaviour(LoadedModel(*planted), prompts)
    assert done.value > 0 and done.accuracy == 1
    assert (done.stderr, done.low, done.high, done.reason) == (None, None, None, ONE_PROMPT)
    assert (undefined(torch.tensor([0.1])), undefined(torch.tensor([-0.1]))) == (None, NOT_DONE)


def test_held_out_prompts_have_reasons_of_their_own(planted):
    from circuit_core.circuits.faithfulness import NO_CHANGE

    found = search(planted, prompts_of(4, 4), prompts_of(4, 0))
    assert found.threshold_reached and found.reason == f"held-out prompts: {NO_CHANGE}"


def test_corrupted_logits_that_are_not_finite_are_a_reason(planted):
    from circuit_core.circuits.faithfulness import NOT_FINITE, Faithfulness
    from circuit_core.interchange.evaluation import Interchange

    bridge, graph = planted
    run = Interchange(LoadedModel(bridge, graph), prompts_of(4, 4))
    run.corrupted = run.corrupted.clone()
    run.corrupted[0] = torch.nan
    assert Faithfulness(run).reasons == [NOT_FINITE]
