"""The pages of the documentation: their tables are the program's, their links lead somewhere, their commands parse."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import resolve_name

import click
import pytest

from circuit_tui.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def _tables():
    spec = spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec and spec.loader
    tables = module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


TABLES = _tables()


@pytest.mark.parametrize("name", TABLES.BLOCKS)
def test_a_table_is_what_the_program_prints(name):
    page, print_table = TABLES.BLOCKS[name]
    assert TABLES.written(name) == print_table(), f"The table {name} of docs/{page} is stale: run `make docs-tables`."


def test_what_a_table_would_break_on_is_escaped():
    """A bar and a tag stay text in a cell; inside backticks a tag is text already."""
    made = TABLES.table(["a", "b"], [["x|y", "<q> `<k>`"], ["", "z"]])
    assert made == "| a | b |\n| --- | --- |\n| x\\|y | &lt;q> `<k>` |\n| | z |"


def anchors(page: Path) -> set[str]:
    """What `#...` may name in a page: its headings, as GitHub spells them, and its anchors."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    named = set(re.findall(r'<a id="([^"]+)">', page.read_text()))
    return named | {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings(page):
    for link in links(page):
        path, _, heading = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not heading or heading in anchors(target), f"{page.name}: {link}"


def test_every_page_is_in_the_index():
    index = set(links(ROOT / "docs" / "README.md"))
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"} <= index


def navigation() -> list[str]:
    """The pages that mkdocs.yml lists, in its order; read as text, since it names objects of the generator."""
    listed = (ROOT / "mkdocs.yml").read_text().split("\nnav:\n")[1]
    return re.findall(r"^ +- (\S+\.md)$", listed, re.MULTILINE)


def test_the_navigation_lists_every_page_once():
    assert sorted(navigation()) == sorted(page.name for page in ROOT.glob("docs/*.md"))


def test_the_reference_shows_what_the_packages_export():
    """What docs/api.md takes from docstrings is there, and is all that the two packages export."""
    shown = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert {"circuit_core", "circuit_store", "circuit_store.reader.Store"} <= set(shown)
    for name in shown:
        assert resolve_name(name).__doc__, name
    for package in ("circuit_core", "circuit_store"):
        exported = resolve_name(package)
        undocumented = [
            n for n in exported.__all__ if callable(getattr(exported, n)) and not getattr(exported, n).__doc__
        ]
        assert not undocumented


def commands(page: Path) -> Iterator[str]:
    """Commands of this program: lines of code blocks, and pieces of code in the text if they have arguments."""
    text = page.read_text()
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) + re.findall(
        r"^ {4}(.*\n)", text, re.MULTILINE
    )
    yield from re.findall(r"^(?:ssh \w+ )?(circuit-tui .*)$", "".join(blocks), re.MULTILINE)
    for line in re.findall(r"`(circuit-tui [^`\n]+)`", text):
        if reached(shlex.split(line))[1]:
            yield line


def reached(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words after its name."""
    command: click.Command = main
    rest = words[3:] if words[1:2] == ["--store"] else words[1:]
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def parsed(line: str) -> None:
    """Let the program's own parser read a command, without running it; N stands for any number."""
    command, rest = reached(shlex.split(line.split(" > ")[0], comments=True))
    assert not (isinstance(command, click.Group) and rest and rest[0][0] != "-"), f"there is no command {rest[0]}"
    command.make_context(command.name, ["1" if word == "N" else word for word in rest], obj=Path("store.db"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_parses(page):
    for line in commands(page):
        try:
            parsed(line)
        except (AssertionError, click.UsageError, SystemExit) as error:
            pytest.fail(f"{page.name}: the program does not read `{line}`: {error}")


def test_a_wrong_command_is_noticed():
    for line in ("circuit-tui run a --no-such-option", "circuit-tui nothing", "circuit-tui run a --method other"):
        with pytest.raises((AssertionError, click.UsageError, SystemExit)):
            parsed(line)
    parsed("circuit-tui jobs cancel 1        # a comment")
