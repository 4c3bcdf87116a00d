"""The README says what is true: its table of views is the views' own, and its commands exist."""

import re
from pathlib import Path

from circuit_store.views import VIEWS, View

README = (Path(__file__).parents[1] / "README.md").read_text()


def described(view: View) -> str:
    columns = ", ".join(f"`{c.name}`" for c in view.columns)
    return f"| `{view.name}` | {view.about} | {columns} |"


def test_the_table_of_views_is_the_views_own():
    for view in VIEWS.values():
        assert described(view) in README


def test_every_command_of_the_program_is_in_the_readme():
    from circuit_tui.cli import main

    for name, command in main.commands.items():
        assert re.search(rf"`(circuit-tui )?{name}\b", README), name
        options = {o for p in command.params for o in p.opts if o.startswith("--")}
        assert options or name == "demo"


def test_the_first_screen_names_the_two_commands():
    first = "\n".join(README.splitlines()[:24])
    assert "make demo" in first and "make test" in first
