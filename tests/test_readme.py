"""The README and its pages say what is true: the views are described, every command is named, the examples run."""

import re
from pathlib import Path
from typing import Any

from circuit_store.views import VIEWS, View

ROOT = Path(__file__).parents[1]
README, CLI_PAGE, VIEWS_PAGE = ((ROOT / page).read_text() for page in ("README.md", "docs/cli.md", "docs/views.md"))


def described(view: View) -> list[str]:
    """Rows of docs/views.md: the view, and each of its columns below its heading."""
    section = VIEWS_PAGE.split(f"\n### {view.name}\n")[1].split("\n### ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    return [line for line in VIEWS_PAGE.splitlines() if line.startswith(f"| [`{view.name}`]")] + told


def test_the_table_of_views_is_the_views_own():
    for view in VIEWS.values():
        columns = [column.name for column in view.columns]
        assert described(view) == [f"| [`{view.name}`](#{view.name}) | {view.about} |", *columns]


def test_every_command_of_the_program_is_in_the_documentation():
    """Commands of a group (`models add`) stand there too."""
    from circuit_tui.cli import main

    for name, command in main.commands.items():
        assert re.search(rf"`(circuit-tui )?{name}\b", CLI_PAGE), name
        for part in getattr(command, "commands", {}):
            assert re.search(rf"`(circuit-tui )?{name}\b[^`]*\b{part}\b", CLI_PAGE), part


def test_the_first_screen_names_the_two_commands():
    first = "\n".join(README.splitlines()[:24])
    assert "make demo" in first and "make test" in first


def test_the_readme_is_short():
    assert len(README.encode()) <= 6 * 1024


def test_the_lines_of_the_library_run(monkeypatch, capsys):
    """The Python in the README, as it stands: the circuit found keeps 80 % of the metric, and says so again."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["circuit"].chosen.faithfulness >= 0.8
    assert "input->" in capsys.readouterr().out
    assert abs(names["run"].metrics(names["circuit"].mask[None]).mean() - names["circuit"].chosen.metric) < 1e-4
