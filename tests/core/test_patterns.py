"""Expressions that a user gives: what `re` finds, and no expression that takes time or memory without end."""

import re

import pytest

from circuit_core import bounded_regex
from circuit_core.bounded_regex import Pattern
from circuit_core.errors import BadPattern
from circuit_core.models import checkpoints

TEXTS = ["", "a", "aab", "Step-12", "induction", "a5.h3->a9.h1<q>", "straße", "(x", "a\nb", "2024-01-31"]
ORDINARY = [
    *("", "^a", r"h\d+", "(?i)STEP", "(?P<n>[0-9]+)$", "a|b", r"\bq\b", "(a)\\1b", "[^a-z]", "(?<=->)a"),
    r"\d{4}-\d{2}-\d{2}",
]
HANGS = "a" * 200 + "!"


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_found_is_what_re_finds(text):
    """Invariant: on ordinary expressions the two agree, on each text."""
    pattern = Pattern(text, "--grep")
    for given in TEXTS:
        for name in ("search", "fullmatch"):
            found, wanted = getattr(pattern, name)(given), getattr(re.compile(text), name)(given)
            assert (found and found.span()) == (wanted and wanted.span()), (name, given)


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$"])
def test_what_would_match_for_ever_is_ended(text):
    """Invariant: one sentence that names the expression."""
    pattern = Pattern(text, "--grep", seconds=0.05)
    with pytest.raises(BadPattern, match=r"^--grep .*: matching takes too long, .*\.$") as caught:
        pattern.search(HANGS * 20)
    assert text in str(caught.value)


def test_many_texts_do_not_add_up_to_an_end():
    """Invariant: what is quick on each text is never ended, however many there are."""
    pattern = Pattern("(a+)+$", "--grep", seconds=0.001)
    assert not any(pattern.search("b") for _ in range(20_000))


@pytest.mark.parametrize(
    "text, says",
    [
        ("(", "not a regular expression"),
        ("*", "not a regular expression"),
        ("a{99999999999}", "more than 100,000 repeats"),
        ("((a{1000}){1000}){1000}", "more than 100,000 repeats"),
        ("(?:a?){,1000000000}", "more than 100,000 repeats"),
        ("(?:(?R))*", "recursion"),
        ("(a(?1))*", "recursion"),
        ("(" * 480 + ")" * 480, "nested too deeply"),
        ("(" * 5000 + ")" * 5000, "10,000 characters, 1,000 at most"),
        ("[" * 5000, "5,000 characters, 1,000 at most"),
    ],
)
def test_what_is_none_is_refused(text, says):
    """Invariant: one sentence of readable length, which begins with what was given."""
    with pytest.raises(BadPattern, match=says) as caught:
        Pattern(text, "--pattern")
    said = str(caught.value)
    assert said.startswith(f"--pattern {text[:80]}") and "\n" not in said and said.endswith(".") and len(said) < 250


def test_folders_are_matched_within_bounds(tmp_path, monkeypatch):
    """Invariant: a pattern for the folders of steps is one of these."""
    for name in (HANGS, "run-5"):
        (tmp_path / name).mkdir()
    assert [at.step for at in checkpoints.discover(tmp_path, r"run-(?P<step>\d+)")] == [5]
    monkeypatch.setattr(bounded_regex, "SECONDS", 0.05)
    with pytest.raises(BadPattern, match="--pattern .* takes too long"):
        checkpoints.discover(tmp_path, r"(?P<step>(a|aa)+)")
