"""Prompts, a metric and a model of one's own: they give what the built-in ones give."""

from typing import Any

import pytest
import torch
from places import SAMPLE

pytestmark = pytest.mark.long


def own(sample: Any, n: int = 6) -> tuple[Any, Any]:
    """A few prompts of a task, and the same with the logit difference as a function."""
    from circuit_core import own_prompts

    prompts = sample[1][:n]
    correct, wrong = prompts.metric.correct, prompts.metric.wrong
    ids = [[row[: end + 1].tolist() for row, end in zip(part, prompts.end, strict=True)]
           for part in (prompts.clean, prompts.corrupted)]  # fmt: skip

    def difference(logits: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(len(places))
        return logits[rows, correct[places]] - logits[rows, wrong[places]]

    return prompts, own_prompts(ids[0], ids[1], difference)


def test_a_metric_of_ones_own_scores_edges_as_the_built_in_one(sample):
    """Invariant: scores, faithfulness and behaviour of the logit difference as a function, also batch by batch."""
    import numpy as np

    from circuit_core import Interchange, attribute, task_behaviour

    of, (prompts, mine) = sample[0], own(sample)
    for batch in (None, 2):
        found, expected = (attribute(of, p, batch=batch).scores for p in (mine, prompts))
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    mask = (np.abs(expected) > np.median(np.abs(expected[of.graph.real]))) & of.graph.real
    of_mine, of_theirs = (Interchange(of, p).metrics(mask[None]) for p in (mine, prompts))
    assert torch.allclose(of_mine, of_theirs, atol=1e-4)
    assert task_behaviour(of, mine).value == pytest.approx(task_behaviour(of, prompts).value, abs=1e-4)


@pytest.mark.parametrize(
    "clean, corrupted, says",
    [
        ([], [], "0 clean and 0 corrupted prompts"),
        ([[1]], [[1], [2]], "1 clean and 2 corrupted"),
        ([[1, 2]], [[1]], "Prompt 0 has 2 clean and 1 corrupted tokens"),
        ([[1], []], [[2], []], "Prompt 1 has 0 clean and 0"),
    ],
)
def test_what_makes_no_pairs_is_refused(clean, corrupted, says):
    from circuit_core import own_prompts
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match=says):
        own_prompts(clean, corrupted, lambda logits, places: logits[:, 0])


def test_a_model_in_memory_is_the_one_that_is_loaded():
    from transformers import AutoModelForCausalLM

    from circuit_core import load, wrap

    model: Any = AutoModelForCausalLM.from_pretrained(SAMPLE / "step7000", dtype=torch.float32)
    loaded, in_memory = load(SAMPLE / "step7000"), wrap(model)
    tokens = torch.arange(12)[None]
    assert in_memory.graph == loaded.graph and in_memory.tokenizer is None
    assert torch.allclose(in_memory.bridge(tokens), loaded.bridge(tokens), atol=1e-4)
