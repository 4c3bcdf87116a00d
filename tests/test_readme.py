"""The README says what is true: its table of views is the views' own, and its commands exist."""

import re
from pathlib import Path
from typing import Any

from circuit_store.views import VIEWS, View

README = (Path(__file__).parents[1] / "README.md").read_text()


def described(view: View) -> str:
    columns = ", ".join(f"`{c.name}`" for c in view.columns)
    return f"| `{view.name}` | {view.about} | {columns} |"


def test_the_table_of_views_is_the_views_own():
    for view in VIEWS.values():
        assert described(view) in README


def test_every_command_of_the_program_is_in_the_readme():
    """Commands of a group (`models add`) stand there too."""
    from circuit_tui.cli import main

    for name, command in main.commands.items():
        assert re.search(rf"`(circuit-tui )?{name}\b", README), name
        for part in getattr(command, "commands", {}):
            assert re.search(rf"`(circuit-tui )?{name}\b[^`]*\b{part}\b", README), part


def test_the_first_screen_names_the_two_commands():
    first = "\n".join(README.splitlines()[:24])
    assert "make demo" in first and "make test" in first


def test_the_lines_of_the_library_run(monkeypatch, capsys):
    """The Python in the README, as it stands: the circuit found keeps 80 % of the metric, and says so again."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(Path(__file__).parents[1])
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["circuit"].chosen.faithfulness >= 0.8
    assert "input->" in capsys.readouterr().out
    assert abs(names["run"].metrics(names["circuit"].mask[None]).mean() - names["circuit"].chosen.metric) < 1e-4
