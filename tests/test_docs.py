"""The pages of the documentation: their tables are the program's, their links lead somewhere."""

import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import resolve_name

import pytest

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
