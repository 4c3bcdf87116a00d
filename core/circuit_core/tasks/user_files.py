"""A user's own task file, read and checked as far as this needs no tokenizer; light enough to plan with.

JSON lines: `clean`, `corrupted`, `correct`, `wrong` as text (an answer or a list of answers), or as token ids under
`clean_ids` and so on; optionally `positions`, names with indices of the clean prompt's tokens. CSV: `clean`,
`corrupted` as text, and answers as token ids or as a year, in the columns of `csv_columns`; others are passed over.
With one correct and one wrong answer on every line the metric is logit_diff, else prob_diff.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import BrokenTask, UnreadableFile, brief
from circuit_core.tasks import csv_columns, user_rows
from circuit_core.tasks.specs import BOS, TaskSpec
from circuit_core.tasks.user_rows import Row

FORMATS = ("jsonl", "csv")
LARGEST_FILE = 8 * 2**20
"""Bytes."""
FIELDS: tuple[str, ...] = ("clean", "corrupted", "correct", "wrong")


def read(path: Path) -> TaskSpec:
    """Raises: BrokenTask."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise BrokenTask(f"{path} is neither JSON lines nor CSV by its name: let it end in .jsonl or .csv.")
    data = b""
    try:
        data = untrusted_files.content(path, LARGEST_FILE)
        text = data.decode("utf-8-sig")
    except UnreadableFile as error:
        raise BrokenTask(str(error)) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BrokenTask(f"{path}, line {line}: this is not UTF-8 text: save it as UTF-8.") from None
    return parse(text.replace("\r\n", "\n"), kind, str(path))


def parse(content: str, kind: str, file: str) -> TaskSpec:
    """What a file's text says; `file` names it in messages. Raises: BrokenTask.

    A CSV whose label was once read in place of its token ids is of another version: results of then are not its own.
    """
    found = examples(content, kind, file)
    single = all(len(row.correct) == len(row.wrong) == 1 for row in found)
    metric = "logit_diff" if single else "prob_diff"
    name, named = Path(file).stem.replace(BOS, BOS.replace("+", "-")), tuple(found[0].positions)
    header = content.lstrip().partition("\n")[0]
    version = 2 if kind == "csv" and single and "label" in header and "incorrect_idx" not in header else 1
    return TaskSpec(name, metric, len(found), version=version, content=content, format=kind, named=named)


def examples(content: str, kind: str, file: str) -> list[Row]:
    """All rows, of one kind. Raises: BrokenTask, naming the line."""
    if kind == "csv":
        found = list(_csv_rows(content, file))
    else:
        numbered = enumerate(content.split("\n"), 1)
        found = [_json_row(line, f"{file}, line {number}") for number, line in numbered if line.strip()]
    if not found:
        raise BrokenTask(f"{file} holds no prompts: give at least one pair.")
    for row in found:
        user_rows.apart(row.correct, row.wrong, row.where)
        if isinstance(row.clean, list) and isinstance(row.corrupted, list):
            user_rows.matching(row.clean, row.corrupted, row.positions, row.where)
        if type(row.clean) is not type(found[0].clean):
            raise BrokenTask(f"{row.where}: text and token ids are mixed: give all prompts as one or the other.")
        if row.positions.keys() != found[0].positions.keys():
            names = ", ".join(name[:40] for name in found[0].positions) or "none"
            raise BrokenTask(f"{row.where}: positions are not those of the first prompt ({names}): name the same.")
    return found


def _json_row(line: str, where: str) -> Row:
    try:
        given = untrusted_files.parsed(line, where)
    except UnreadableFile as error:
        raise BrokenTask(str(error)) from None
    if not isinstance(given, dict):
        raise BrokenTask(f"{where}: this is not a JSON object: give {', '.join(FIELDS)}.")
    as_ids = any(key.endswith("_ids") for key in given)
    if as_ids and any(key in FIELDS for key in given):
        raise BrokenTask(f"{where}: text and token ids are mixed: give all prompts as one or the other.")
    keys = [f"{key}_ids" if as_ids else key for key in FIELDS]
    for key in keys:
        if key not in given:
            raise BrokenTask(f"{where}: {key} is missing: give {', '.join(keys)}.")
    for key in given:
        if key not in (*keys, "positions"):
            raise BrokenTask(f"{where}: {brief(key)} is not asked for: give {', '.join(keys)}.")
    prompt, answer = (user_rows.numbers, user_rows.number) if as_ids else (user_rows.text, user_rows.text)
    clean, corrupted = (prompt(given[key], where, key) for key in keys[:2])
    correct, wrong = (user_rows.answers(given[key], answer, where, key) for key in keys[2:])
    return Row(where, clean, corrupted, correct, wrong, positions=user_rows.named(given.get("positions", {}), where))


def _csv_rows(content: str, file: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(content), strict=True)
    header: list[str] = []
    wanted: tuple[str, ...] = ()
    begins = 1
    while True:
        where = f"{file}, line {begins}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BrokenTask(f"{where}: this is not CSV ({error}): quote cells that hold commas or quotes.") from None
        if cells is None:
            return
        if cells and not header:
            header = [cell.strip() for cell in cells]
            wanted = csv_columns.needed(header, where)
        elif cells:
            if len(cells) != len(header):
                counts = f"{len(cells)} cells and the header {len(header)}"
                raise BrokenTask(f"{where}: this has {counts}: quote texts with commas.")
            yield csv_columns.row(dict(zip(header, cells, strict=True)), wanted, where)
        begins = reader.line_num + 1
