"""The columns of a CSV file of prompts, as EAP-IG, its follow-ups and circuits-over-time name them.

Prompts are `clean` and `corrupted`. Answers are token ids in one of four pairs of columns, a number or a list of them
in a cell; a label beside them is passed over, whatever it means. Without such a pair the answer may be a year: `label`,
or `correct_idx` alone, holds its last two digits YY, and all years above are correct. That is so only if the prompt
says it: some four digits end in YY and begin with the two digits that the prompt ends with (METHODS d.3). Any other
label, such as a gender or a class, says nothing about tokens and is refused.
"""

import json
import re
from typing import Any

from circuit_core.errors import BrokenTask, brief
from circuit_core.tasks import user_rows
from circuit_core.tasks.user_rows import Row

PROMPT_COLUMNS = ("clean", "corrupted")
ANSWER_COLUMNS = (
    ("correct_idx", "incorrect_idx"),
    ("clean_answer_idx", "corrupted_answer_idx"),
    ("country_idx", "corrupted_country_idx"),
    ("answers_idx", "corrupted_answers_idx"),
)
"""Pairs of columns: token ids of right answers, and of wrong ones."""
YEAR_COLUMNS = ("label", "correct_idx")
"""Columns that may hold the two digits that the answer must exceed."""


def needed(header: list[str], where: str) -> tuple[str, ...]:
    """The columns to read: prompts, then a pair of answers or one of years. Raises: BrokenTask."""
    pairs = [pair for pair in ANSWER_COLUMNS if set(pair) <= set(header)]
    halves = [pair for pair in ANSWER_COLUMNS if len(set(pair) & set(header)) == 1]
    years = [name for name in YEAR_COLUMNS if name in header]
    if len(pairs) > 1:
        named = " and ".join("/".join(pair) for pair in pairs)
        raise BrokenTask(f"{where}: {named} both say what is right: keep one pair of columns.")
    lone = {name for pair in halves for name in pair if name in header}
    if not pairs and (len(years) != 1 or lone - set(years)):
        correct, wrong = halves[0] if halves else ANSWER_COLUMNS[0]
        lacking = wrong if correct in header else correct
        raise BrokenTask(f"{where}: {lacking} is missing: {_asked(correct, wrong)}.")
    wanted = (*PROMPT_COLUMNS, *(pairs[0] if pairs else years))
    for name in wanted:
        if header.count(name) != 1:
            twice = f"is there {header.count(name)} times: keep one column of that name"
            why = twice if name in header else f"is missing: {_asked(*ANSWER_COLUMNS[0])}"
            raise BrokenTask(f"{where}: {name} {why}.")
    return wanted


def _asked(correct: str, wrong: str) -> str:
    others = ", ".join(" and ".join(pair) for pair in ANSWER_COLUMNS if pair != (correct, wrong))
    return (
        f"give {', '.join((*PROMPT_COLUMNS, correct, wrong))} (token ids; they may be called {others}, too), or, for"
        " years, label with the two digits that the answer must exceed"
    )


def row(given: dict[str, str], wanted: tuple[str, ...], where: str) -> Row:
    """One example from its cells. Raises: BrokenTask."""
    clean, corrupted = (user_rows.text(given[name], where, name) for name in PROMPT_COLUMNS)
    if len(wanted) == 4:
        correct, wrong = (user_rows.answers(_ids(given[name]), user_rows.number, where, name) for name in wanted[2:])
        return Row(where, clean, corrupted, correct, wrong)
    name, cell = wanted[2], given[wanted[2]]
    label, century = _ids(cell), re.search(r"(\d\d)\s*$", clean)
    years = re.findall(r"(?<!\d)\d{4}(?!\d)", clean)
    if not isinstance(label, int) or not century or f"{century[1]}{label:02}" not in years:
        raise BrokenTask(
            f"{where}: {name} is {brief(cell)}, not the last two digits of a year in a prompt that ends with its first"
            f" two: {_asked(*ANSWER_COLUMNS[0])}."
        )
    if label > 98:
        raise BrokenTask(f"{where}: {name} is {label}, and no year of the century is later: give 0 to 98.")
    return Row(where, clean, corrupted, [], [], label)


def _ids(cell: str) -> Any:
    """The number in a cell, the list of numbers, or the cell as it is."""
    try:
        if cell.strip().startswith("["):
            return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return int(cell) if cell.strip().isascii() and cell.strip().isdigit() and len(cell) < 20 else cell
