"""The tables of these pages that the program can print: views, commands, options, keys.

    python docs/tables.py           # writes them anew (`make docs-tables`)

Each table stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->` in the page that `BLOCKS` names.
tests/test_docs.py names a table that is stale.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from circuit_store.views import VIEWS, View
from circuit_tui.cli import main
from circuit_tui.explorer.bindings import KEYS, Key

DOCS = Path(__file__).parent


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown; what would end a cell, or be taken for HTML, is escaped."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(map(_escaped, row) for row in rows)]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)


def _escaped(cell: str) -> str:
    parts = cell.replace("|", "\\|").split("`")
    return "`".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts))


def views() -> str:
    """Every view with what its rows are."""
    return table(["view", "rows"], ([f"[`{view.name}`](#{view.name})", view.about] for view in VIEWS.values()))


def columns() -> str:
    """Every column of every view, what it means, and what an empty cell means."""
    return "\n\n".join(f"### {view.name}\n\n{_columns(view)}" for view in VIEWS.values())


def _columns(view: View) -> str:
    known = f"In SQL: `{view.table}`.\n\n" if view.table else ""
    rows = ([f"`{column.name}`", column.meaning, column.empty] for column in view.columns)
    return known + table(["column", "means", "an empty cell means"], rows)


def commands() -> str:
    """Every command, with its arguments."""
    rows = ([f"`{_usage(path, command)}`", command.get_short_help_str(500)] for path, command in _commands())
    return table(["command", "does"], rows)


def options() -> str:
    """The options of each command, `run` first."""
    listed = sorted(_commands(), key=lambda at: at[0] != "run")
    return "\n\n".join(
        f"### {path}\n\n{_options(command)}" for path, command in listed if any(map(_is_own, command.params))
    )


def _commands(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """(`jobs cancel`, the command), those of a group after the group."""
    for name, command in sorted(group.commands.items()):
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


def _usage(path: str, command: click.Command) -> str:
    """A command without its options, such as `show VIEW [MODEL[@STEP]]`."""
    arguments = (param for param in command.params if isinstance(param, click.Argument))
    context = click.Context(command)
    return " ".join([path, *(argument.make_metavar(context) for argument in arguments)])


def _options(command: click.Command) -> str:
    rows = ([_flag(o, command), _default(o), o.help or ""] for o in command.params if _is_own(o))
    return table(["option", "default", "means"], rows)


def _is_own(param: click.Parameter) -> bool:
    """Whether it is worth a row: `--json` is the same everywhere, and said once."""
    return isinstance(param, click.Option) and "--json" not in param.opts


def _flag(option: Any, command: click.Command) -> str:
    """As it is typed: `--method eap-ig|eap`."""
    names = " / ".join([option.opts[0], *option.secondary_opts])
    if option.is_flag:
        return f"`{names}`"
    given = option.make_metavar(click.Context(command))
    if isinstance(option.type, click.Choice):
        given = "|".join(map(str, option.type.choices))
    elif isinstance(option.type, click.types.IntParamType):
        given = "N"
    elif option.type is click.FLOAT:
        given = "X"
    return f"`{names} {given}`"


def _default(option: Any) -> str:
    if option.required:
        return "required"
    given = option.to_info_dict().get("default")
    return "" if option.is_flag or given is None or given == "" else f"`{given}`"


def keys() -> str:
    """Every key of the explorer, by what it is for."""
    groups = dict.fromkeys(key.group for key in KEYS)
    return "\n\n".join(f"### {group}\n\n{_keys(group)}" for group in groups)


def _keys(group: str) -> str:
    rows = ([_typed(key), key.tip, key.places] for key in KEYS if key.group == group)
    return table(["key", "does", "only in"], rows)


def _typed(key: Key) -> str:
    return " ".join(f"`{name}`" for name in key.display.split())


BLOCKS: dict[str, tuple[str, Callable[[], str]]] = {
    "views": ("views.md", views),
    "columns": ("views.md", columns),
    "commands": ("cli.md", commands),
    "options": ("cli.md", options),
    "keys": ("explorer.md", keys),
}
"""Name of a table -> its page, and what prints it."""


def block(name: str) -> re.Pattern[str]:
    """What stands between the markers of a table is group 2."""
    return re.compile(rf"(<!-- begin: {name} -->\n)(.*?)(\n<!-- end: {name} -->)", re.DOTALL)


def written(name: str) -> str:
    """The table as it stands in its page. Raises: LookupError, if the page has no such markers."""
    page, _ = BLOCKS[name]
    found = block(name).search((DOCS / page).read_text())
    if not found:
        raise LookupError(f"docs/{page} has no markers <!-- begin: {name} --> and <!-- end: {name} -->")
    return found[2].strip()


def write() -> None:
    for name, (page, print_table) in BLOCKS.items():
        made = f"\n{print_table()}\n"
        text = block(name).sub(lambda found, made=made: found[1] + made + found[3], (DOCS / page).read_text())
        (DOCS / page).write_text(text)


if __name__ == "__main__":
    write()
