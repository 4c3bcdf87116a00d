"""Every citation of the methods resolves: the section or item that code, tests or text name, as in METHODS b or
METHODS b.4, is an anchor of docs/methods.md, and no anchor stands twice.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "methods.md").read_text()
WORD = "METHODS"
ITEM = r"[a-z0]\.\d+"
CITED = re.compile(rf"\b{WORD}[\s#]+((?:{ITEM}|[a-z])(?![\w(])(?:(?:,? and|,? to|,|-)[\s#]*{ITEM}(?!\w))*)")
"""The word, then a section or an item; further items follow a comma, `and`, `to` or `-`."""


def anchors(page: str) -> list[str]:
    return re.findall(r'<a id="([^"]+)"></a>', page)


def cited(text: str) -> list[str]:
    """The sections and items that a text names, those between the ends of a range, and those that it links to."""
    found = re.findall(r"methods\.md#([\w.]*\w)", text)
    for match in CITED.finditer(text):
        found += re.findall(rf"{ITEM}|^[a-z]", match[1])
        for section, first, last in re.findall(r"([a-z])\.(\d+)(?:,? to|-)[\s#]*[a-z]\.(\d+)", match[1]):
            found += [f"{section}.{n}" for n in range(int(first) + 1, int(last))]
    return found


def missing(text: str, page: str = PAGE) -> set[str]:
    return set(cited(text)) - set(anchors(page))


def texts() -> Iterator[Path]:
    """Code and text of the repository."""
    yield from ROOT.glob("*.md")
    for folder in ("core", "store", "tui", "tests", "benchmarks", "docs"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md"))


def test_every_citation_resolves():
    """Citations of items that lie in every part of the page are seen, so the search is not of nothing."""
    of = {str(path.relative_to(ROOT)): path.read_text() for path in texts()}
    assert {found: items for found, text in of.items() if (items := missing(text))} == {}
    assert {"a.3", "b", "c.2", "d", "e.5", "f.4", "g.6", "h.9", "l.16"} <= {
        i for text in of.values() for i in cited(text)
    }


def test_no_anchor_stands_twice():
    found = anchors(PAGE)
    assert sorted(found) == sorted(set(found))


def test_every_item_has_its_own_number_as_an_anchor():
    """Also the headings of sections; and the page's links to itself lead to an anchor or a heading."""
    named = re.findall(r'((?:<a id="[^"]+"></a>)+)(?:\*\*)?([a-z0](?:\.\d+)?)\b', PAGE)
    assert len(named) > 60 and all(number in anchors(ids) for ids, number in named)
    assert len(named) == len(re.findall(r"^(?:## )?<a id=", PAGE, re.M))
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (\w[\w ]*)$", PAGE, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= {*anchors(PAGE), *headings}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("(%s b.10)", "b.10"),
        ("by %s d.4, l.15: a grammar", "d.4 l.15"),
        ("%s e.6, f.3 to f.5, after Wang et al.", "e.6 f.3 f.4 f.5"),
        ("%s f.3-f.5.", "f.3 f.4 f.5"),
        ("%s b.4: .82 to .92", "b.4"),
        ('%s d, "Decision (words)"', "d"),
        ("(%s a)", "a"),
        ("# as %s\n    # l.16 says", "l.16"),
        ("The role's own is %s g.6's.", "g.6"),
        ("hooks (%s 0.3)", "0.3"),
        ("[so](docs/methods.md#c.5). And", "c.5"),
        ("from circuits import %s\nfrom graph import Graph", ""),
        ("%s = (1, 2)", ""),
        ("method not in %s:", ""),
    ],
)
def test_forms_of_a_citation(text, items):
    assert sorted(cited(text.replace("%s", WORD))) == items.split()


@pytest.mark.parametrize("text", ["%s z", "%s b.99", "%s l.1, l.99", "%s a.1-a.99", "%s i.1", "methods.md" + "#b.99"])
def test_a_citation_of_what_is_not_there_is_found(text):
    assert missing(text.replace("%s", WORD))
