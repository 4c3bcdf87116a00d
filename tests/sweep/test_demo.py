"""`demo` in a pipe: it computes the sample suite and prints what the last checkpoint of each model shows."""

import json
import re
import shutil
from dataclasses import replace

from circuit_core.models import suites
from circuit_tui.cli.demo import SUMMED
from circuit_tui.terminal import console


def test_the_summary_shows_what_was_computed(bench, monkeypatch, tmp_path):
    """Of a suite of one checkpoint: its number of each column is the store's, and a role's head the best of all."""
    known = suites.sample_suite()[0]
    shutil.copytree(known.folder / "step7000", tmp_path / "suite" / "step7000")
    monkeypatch.setattr(suites, "sample_suite", lambda: [replace(known, source=tmp_path / "suite")])
    out, told = bench.here("demo")
    assert "1 checkpoint computed, 0 were already there, 0 failed." in told
    assert "Look closer: circuit-tui " in out
    header, row = (re.split(r"  +", line.strip()) for line in out.splitlines()[:2])
    shown = dict(zip(header, row, strict=True))

    def stored(view: str, *more: str) -> list[dict]:
        return json.loads(bench.told("show", view, "sample-0.1m", *more, "--json")[0])["rows"]

    (behaviour,), (circuit,) = stored("behaviour", "--task", "ioi"), stored("circuits", "--task", "ioi")
    assert shown["ioi logit diff"] == console.cell(behaviour["value"])
    assert shown["circuit edges"] == f"{circuit['n_edges']} of {circuit['n_edges_total']}"
    assert shown["faithfulness"] == console.cell(circuit["faithfulness"])
    for role in SUMMED:
        scored = [head for head in stored("heads", "--role", role) if head["value"] is not None]
        best = max((head["value"], f"a{head['layer']}.h{head['head']}") for head in scored)
        assert shown[role] == "{1} {0:.2f}".format(*best)
