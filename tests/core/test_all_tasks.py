"""On every sample model all four tasks are solved at the end, not at the start, by circuits that reach 80 %."""

from typing import Any

import pytest
from tokenizer_kinds import OF_PAIRS

from circuit_core.models import suites
from circuit_core.tasks.specs import TASKS

pytestmark = pytest.mark.long

MODELS = [m.name for m in suites.sample_suite()]


@pytest.fixture(scope="module", params=MODELS)
def ends(request):
    """The first and the last checkpoint."""
    from circuit_core import loading
    from circuit_core.models import checkpoints

    folder = suites.sample_folder() / request.param
    found = checkpoints.discover(folder)
    return [loading.load(folder / f.revision) for f in (found[0], found[-1])]


@pytest.mark.parametrize("task", OF_PAIRS)
def test_solved_at_the_end_by_a_small_circuit(ends, task):
    """At step 0 the metric is within two plain standard errors of zero; at the end nearly every prompt is right."""
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.behaviour import behaviour
    from circuit_core.circuits.faithfulness import NOT_DONE
    from circuit_core.circuits.search import minimal_circuit
    from circuit_core.interchange.evaluation import Interchange
    from circuit_core.tasks.sampling import draw

    first, last = ends
    prompts = draw(TASKS[task], last.tokenizer, last.n_vocab)
    at_first, at_last = tuple[Any, Any](behaviour(m, prompts) for m in ends)
    assert abs(at_first.value) <= 2 * at_first.stderr_plain
    assert at_last.accuracy > 0.95 and at_last.value > 10 * at_last.stderr
    scores = attribute(last, prompts, ig_steps=2).scores
    found: Any = minimal_circuit(Interchange(last, prompts), scores)
    assert found.threshold_reached and found.chosen.faithfulness >= 0.8
    assert found.chosen.n_edges < last.graph.n_edges / 4
    unsolved: Any = minimal_circuit(Interchange(first, prompts), scores, sizes=(10,))
    assert (unsolved.reason, unsolved.chosen.faithfulness) == (NOT_DONE, None)
