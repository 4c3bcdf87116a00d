"""Tasks with a byte-level BPE: spaces belong to words, years may be one token, answers continue the prompt."""

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
import tokenizer_kinds
from tokenizer_kinds import NAMES, OF_PAIRS, VERBS

from circuit_core.errors import BrokenTask, TaskError
from circuit_core.tasks import user_files, words
from circuit_core.tasks.specs import TASKS

FORMS = [{one, many} for one, many in (words.NOUNS | words.PEOPLE).items()]
SINGULAR = words.NOUNS.keys() | words.PEOPLE.keys()
FRAMES = {
    "prepositional": r"The \w+ (on|near|behind|beside) the \w+",
    "subject relative": r"The \w+ that \w+d the \w+",
    "coordination": r"The \w+ \w+d the \w+ and",
    "simple": r"The \w+ \w+",
}


@pytest.fixture(scope="module")
def bpe() -> Any:
    return tokenizer_kinds.made("pythia")


@pytest.fixture(scope="module")
def rows(bpe):
    from circuit_core.tasks.preview import shown
    from circuit_core.tasks.sampling import draw

    return cache(lambda spec: shown(draw(spec, bpe, len(bpe)), bpe))


def answers(rows, clean: str, correct: str | list[str], wrong: str | list[str]) -> tuple:
    """What a file's single line takes for its answers."""
    given = {"clean": clean, "corrupted": clean, "correct": correct, "wrong": wrong}
    row = rows(user_files.parse(json.dumps(given), "jsonl", "mine.jsonl"))[0]
    return row.correct, row.wrong


@pytest.mark.parametrize("name", OF_PAIRS)
def test_a_pair_differs_in_one_token_and_tokens_spell_the_text(rows, name):
    """Invariant: lengths may differ between prompts, not within a pair; the tokens joined are the prompt."""
    found = rows(TASKS[name])
    assert all(len(row.differs) == 1 and row.differs[0] in row.positions.values() for row in found)
    assert len(found) == TASKS[name].n and all(len(row.clean) == len(row.corrupted) for row in found)
    text = "".join(found[0].clean)
    assert text.endswith((" to", "isn't", found[0].clean[-1])) and "Ġ" not in text and "  " not in text


def test_words_of_several_tokens_are_left_out(rows):
    """Names, subjects and verb pairs are used only if all their forms are one token, with its space."""
    for row in rows(TASKS["gendered_pronoun"]):
        assert row.clean[row.positions["name"]].strip() in NAMES and row.correct[0] in (" he", " she")
    for row in rows(TASKS["subject_verb"]):
        assert "cabinet" not in row.clean[row.positions["subject"]]
        assert {" was", " were"}.isdisjoint(row.correct + row.wrong) and len(row.correct) == len(VERBS) - 1
        assert len(row.correct) == len(row.wrong)


def test_agreement_has_four_frames_in_equal_numbers(rows):
    """Invariant: 50 of each, named in the record; both numbers of subject and attractor come equally often in each."""
    found = rows(TASKS["subject_verb"])
    assert Counter(row.frame for row in found) == dict.fromkeys(FRAMES, 50)
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in found:
        text = "".join(row.clean).split()
        subject = row.clean[row.positions["subject"]].strip()
        attractor = text[-2 if text[-1] == "and" else -1]
        assert re.fullmatch(FRAMES[row.frame], " ".join(text)), text
        assert {subject, row.corrupted[row.positions["subject"]].strip()} in FORMS and attractor not in text[:2]
        singular = subject in SINGULAR
        assert (" is" in row.correct) == singular and (" is" in row.wrong) != singular
        counts[row.frame, singular, row.frame != "simple" and attractor in SINGULAR] += 1
    assert len(counts) == 14 and {n for (name, *_), n in counts.items() if name != "simple"} == {12, 13}
    assert {n for (name, *_), n in counts.items() if name == "simple"} == {25}


def test_years_that_are_one_token_are_left_out(rows):
    """Invariant: a century lends no YY that it merges with; 32, which none splits, is left out; so is 15, which
    merges with 01; answers have no space."""
    found = rows(TASKS["greater_than"])
    years = {(row.clean[-1], row.clean[row.positions["YY"]]) for row in found}
    assert not any(yy == "32" for _, yy in years) and (" 17", "45") not in years
    assert not any(century == " 15" for century, _ in years)
    assert {yy for _, yy in years} == {f"{y:02}" for y in range(2, 99)} - {"32"}
    assert found[0].wrong[0] == "00" and found[0].correct[-1] == "99"


def test_digits_that_are_no_pairs_are_refused():
    """A tokenizer that splits numbers into digits cannot express greater-than; the sentence names what can."""
    from circuit_core.tasks.sampling import generate

    ids: dict[str, int] = {}

    def encode(text: str) -> list[int]:
        split = " ".join(w if not w.strip(":").isdigit() else " ".join(w) for w in text.split())
        return [ids.setdefault(w, len(ids)) for w in split.split()]

    with pytest.raises(TaskError, match="needs 00 to 99 .* has 0 of them and each digit: ask for greater_than_digit"):
        generate("greater_than", encode, None)


def test_text_answers_continue_the_prompt(rows):
    """As written with its space; without one, and not one token so, with a space; a merging one on its own."""
    assert answers(rows, "So", " he", " she") == ((" he",), (" she",))
    assert answers(rows, "So", "he", "she") == ((" he",), (" she",))
    assert answers(rows, "the year 17", "32", "45") == (("32",), ("45",))


def test_answers_of_a_line_take_a_space_together(rows):
    """Invariant: no line compares an answer with a space to one without: `a` alone would be one token as it is."""
    assert answers(rows, "So", "a", "she") == ((" a",), (" she",))


def test_answers_of_several_tokens_are_refused(rows):
    with pytest.raises(BrokenTask, match=r"mine.jsonl, line 1: the answer 'Karen' is not one token"):
        answers(rows, "So", "Karen", "he")


def test_labels_take_the_two_digit_tokens(rows):
    """Invariant: a label's answers are those of greater_than, also where the year would be one token."""
    text = "clean,corrupted,label\nfrom the year 1733 to the year 17,from the year 1701 to the year 17,33\n"
    row = rows(user_files.parse(text, "csv", "years.csv"))[0]
    assert row.wrong == tuple(f"{y:02}" for y in range(34)) and row.correct == tuple(f"{y:02}" for y in range(34, 100))
    assert row.differs == (row.clean.index("33"),)
