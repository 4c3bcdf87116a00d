"""docs/pictures.py, which makes the pictures of the README, still does; and the pictures name no path of a machine."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree

import pytest
from console import answer
from rich.cells import cell_len

from circuit_tui.explorer import picture, theme

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def pictures(monkeypatch, tmp_path):
    spec = spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PICTURES", tmp_path / "pictures")
    monkeypatch.setattr(module, "LOOKS", ["light"])
    return module


def read(svg: Path) -> str:
    """The text of a picture."""
    return "".join(ElementTree.fromstring(svg.read_text()).itertext()).replace("\xa0", " ")


def test_a_picture_is_made_of_any_store(pictures, path, tmp_path):
    """Invariant: it shows the explorer on that store, after the keys, without fonts from elsewhere or Braille."""
    pictures.main(str(path), "explorer")
    svg = tmp_path / "pictures" / "explorer-light.svg"
    shown = read(svg)
    assert "toy-b" in shown and "2 marked" in shown and "waiting for the runner" in shown
    assert str(tmp_path) not in svg.read_text() and "url(http" not in svg.read_text()


def test_braille_is_drawn_as_its_dots():
    """U+2841 has the dots 1 and 7: both in the left column, in the first and the last row."""
    drawn = picture.bare('<text class="c" x="12.2" y="18.5">a\u2841</text>', picture.LOOKS["light"])
    assert drawn.startswith('<text class="c" x="12.2" y="18.5">a&#160;</text>')
    (x1, y1), (x2, y2) = re.findall(r'cx="(.*?)" cy="(.*?)"', drawn)
    assert x1 == x2 == f"{12.2 + 1.25 * 12.2:.1f}" and (y1, y2) == (f"{24.4 / 8:.1f}", f"{24.4 * 7 / 8:.1f}")


@pytest.mark.parametrize("look", ["dark", "light"])
def test_the_pictures_of_the_readme_name_no_path(look):
    svg = DOCS / "pictures" / f"explorer-{look}.svg"
    shown = read(svg)
    assert "sample-0.4m" in shown and "store demo.db" in shown
    assert svg.stat().st_size < 300_000
    assert not re.search(r"(^|\s)~?/\w|process \d", shown) and "url(http" not in svg.read_text()


@pytest.fixture
def drawn(path, tmp_path):
    """Runs `picture` with the words given: what it prints, and its exit code."""

    def run(*words: str) -> tuple[str, int]:
        ended = answer(tmp_path, {}, "--store", path, "picture", *words)
        return ended.output, ended.exit_code

    return run


def test_a_screen_is_drawn_by_the_command_as_text_and_as_svg(drawn, tmp_path):
    text, _ = drawn("explore", "toy-a@64", "--role", "successor", "--size", "80x24")
    assert "toy-a › step 64 › successor" in text and len(text.splitlines()) == 24
    assert drawn("jobs", "--theme", "light", "--output", "jobs.svg") == ("", 0)
    assert "Units of run 2" in read(tmp_path / "jobs.svg")
    keyed, _ = drawn("explore", "toy-a", "--keys", "m m , ctrl+o d plus", "--size", "80x24")
    assert "previous_token" in keyed and "step 128" in keyed and "[heads]" in keyed
    assert not (tmp_path / "state" / "circuit-tui").exists(), "nothing is remembered"


def test_in_ascii_and_without_colour_it_says_the_same(path, tmp_path, monkeypatch):
    """Invariant: nothing but ASCII is drawn, columns stay where they are, and no colour but grey."""
    monkeypatch.setenv("NO_COLOR", "")  # what the option sets goes with the test

    def drawn(*options: str, screen: str = "explore", more: tuple[str, ...] = ()) -> str:
        return answer(tmp_path, {}, "--store", path, *options, "picture", screen, *more).output

    for screen in ("explore", "jobs"):
        plain, ascii = drawn(screen=screen), drawn("--ascii", screen=screen)
        assert ascii.isascii() and not plain.isascii()
        for rich, poor in zip(plain.splitlines(), ascii.splitlines(), strict=True):
            assert len(poor) == cell_len(rich)
            assert all(b == a for a, b in zip(rich, poor, strict=True) if a.isascii())
    drawn("--color", "never", more=("--output", "grey.svg"))
    colours = set(re.findall(r"r\d+ \{ fill: (#\w{6})", (tmp_path / "grey.svg").read_text())) - {theme.DARK.foreground}
    assert len(colours) > 4 and all(len({c[1:3], c[3:5], c[5:]}) == 1 for c in colours), colours


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "'nowhere' is not one of"),
        (["explore", "toy-z"], "The store holds no model toy-z"),
        (["explore", "toy-a@3"], "toy-a has no step 3"),
        (["explore", "--task", "greater_than"], "The store holds no task greater_than of toy-a: it holds"),
        (["explore", "--size", "20x5"], "20x5 is no size from 60x15"),
        (["explore", "--output", "picture.png"], "picture.png ends in neither .svg nor .txt"),
        (["explore", "--output", "store.db.txt/x.svg"], "store.db.txt"),
        (["explore", "--keys", "m nokey"], "nokey is no key"),
    ],
)
def test_what_cannot_be_drawn_is_said(drawn, words, said):
    text, code = drawn(*words)
    assert said in " ".join(text.split()) and code == 2
