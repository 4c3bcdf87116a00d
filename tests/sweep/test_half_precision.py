"""In half precision everything is computed that is computed in single, and comes close to it."""

from dataclasses import replace

import pytest
import recorded

from circuit_core.models import suites
from circuit_core.tasks.specs import TASKS
from circuit_store import results
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_sweep.worker.checkpoint import LoadedCheckpoint

pytestmark = pytest.mark.long

LAST = suites.sample_folder() / "sample-0.1m" / "step7000"
TEXT = (suites.sample_folder() / "text.txt").read_text()


def computed(dtype: str) -> dict[str, results.Record]:
    """Every analysis by its title, on 24 prompts; circuits without a search, which could end at other sizes."""
    tasks = [replace(TASKS[name], n=24) for name in ("ioi", "greater_than")]
    wanted = analyses(Request(analyses=ANALYSES, sizes=(20, 60)), tasks, "sample")
    last = LoadedCheckpoint(LAST, "cpu", dtype, TEXT)
    found = {analysis.title: last.compute(analysis) for analysis in wanted}
    assert len(found) == len(wanted)
    return found


@pytest.fixture(scope="module")
def single() -> dict[str, results.Record]:
    return computed("float32")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_analysis_is_computed_in_half_precision(single, dtype):
    """Invariant: no analysis fails, and what circuits keep of the metric is that of float32 but for rounding."""
    half = computed(dtype)
    for title, record in single.items():
        assert type(half[title]) is type(record), title
        for near, circuit in zip(*(recorded.rows(of, "circuit") for of in (half[title], record)), strict=True):
            assert near["metric_clean"] == pytest.approx(circuit["metric_clean"], rel=0.02)
            assert near["faithfulness"] == pytest.approx(circuit["faithfulness"], abs=0.02)
