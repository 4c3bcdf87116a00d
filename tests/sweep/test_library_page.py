"""The Python of docs/library.md, as it stands there, in a folder beside which the command of the page was run."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text()


@pytest.mark.long
def test_the_examples_of_the_library_run(bench, monkeypatch, capsys):
    """Invariant: cutting the best edge lowers the metric, files read as written, a frame has the rows."""
    (command,) = re.findall(r"^    circuit-tui --store suite.db (.*)$", PAGE, re.MULTILINE)
    bench.here(*shlex.split(command))
    (bench.folder / "suite.db").symlink_to(bench.store)
    (bench.folder / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(bench.folder)
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, names)
    assert names["metric"][1] < names["metric"][0]
    assert names["roles"]["induction"].value.max() > 0.3
    assert names["effects"].effect.shape == (3, 3)
    assert (names["again"].mask == names["cut"]).all() and names["again"].scores == pytest.approx(
        names["eap_ig"].scores
    )
    assert {row["step"] for row in names["rows"]} == {0, 7000}
    assert f"{names['best']['layer']} {names['best']['head']} " in capsys.readouterr().out
    assert names["frame"].to_dict("records") == names["rows"]
    names["store"].close()
    names["plain"].close()
