"""`benchmarks/gpu.py` on a tiny model, without a GPU."""

import json
import sys
from importlib import import_module

import pytest
from places import ROOT

pytestmark = pytest.mark.long


def test_the_benchmark_of_gpus_runs_without_one(capsys, monkeypatch):
    """Invariant: every analysis is timed, and a device's scores are those of the CPU, here of the CPU itself."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    for name in ("side_by_side", "attribution", "gpu"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    gpu = import_module("gpu")
    gpu.main(["--device", "cpu", "--shapes", "tiny", "--prompts", "3", "--length", "8", "--json"])
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {one["name"]: one["value"] for one in said}
    assert found.pop("tiny largest difference") < 1e-5
    assert found.pop("tiny scores shared with the CPU") > 90
    works = {name.removeprefix("tiny ") for name in found}
    assert works >= {"floor", "attribution", "greedy order", "copy suppression", "patching to queries"}
    assert all(seconds > 0 for seconds in found.values()) and len(works) == 12
