"""A file of pairs with an error is refused with line and reason before anything is written; and tasks are shown."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from places import GOLDEN
from tokenizer_kinds import OF_PAIRS

from circuit_core.models import suites
from circuit_core.tasks.specs import TASKS

pytestmark = pytest.mark.processes

GOOD = {"clean_ids": [1, 2, 3], "corrupted_ids": [1, 4, 3], "correct_ids": 5, "wrong_ids": 6}


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("pairs.jsonl", "", ["pairs.jsonl", "no prompts"]),
        ("pairs.jsonl", json.dumps(GOOD) + "\n{", ["line 2", "JSON"]),
        ("pairs.jsonl", json.dumps(GOOD) + "\n\n" + json.dumps({**GOOD, "corrupted_ids": [1, 2]}), ["line 3"]),
        ("pairs.jsonl", json.dumps({**GOOD, "wrong_ids": 5}), ["line 1", "5"]),
        ("pairs.jsonl", json.dumps({"clean": "a", "corrupted": "b", "correct": "c"}), ["line 1", "wrong"]),
        ("pairs.csv", "clean,corrupted,correct\na,b,c\n", ["line 1"]),
        ("pairs.txt", "x", ["pairs.txt", ".jsonl"]),
    ],
)
def test_a_broken_file_is_refused(fresh, name, content, says):
    """Invariant: exit 2, the line and the reason; no run, no result, no task in the store."""
    (fresh.folder / name).write_text(content)
    sentence = fresh.refused("run", "sample-0.1m", "--tasks", fresh.folder / name)
    assert [s for s in says if s not in sentence] == []
    tasks = json.loads(fresh("tasks", "--json"))["rows"]
    assert [t["task"] for t in tasks] == list(TASKS)


ONLY_THE_TOKENIZER_SHOWS = {
    "line 1": {"clean": "John gave", "corrupted": "John gave it", "correct": "to", "wrong": "a"},
    "a book": {"clean": "John gave", "corrupted": "Mary gave", "correct": "a book", "wrong": "it"},
    "100000": {**GOOD, "correct_ids": 100000},
}


def test_what_only_the_tokenizer_shows_fails_the_unit(fresh):
    """Invariant: exit 1 with line and reason; no result of the task and no such task, but those of other tasks."""
    for place, (says, line) in enumerate(ONLY_THE_TOKENIZER_SHOWS.items()):
        file = fresh.folder / str(place) / "pairs.jsonl"
        file.parent.mkdir()
        file.write_text(json.dumps(line))
        asked = ("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "behaviour")
        done = fresh.here(*asked, "--tasks", f"ioi,{file}")
        assert done.exit_code == 1 and says in done.stderr and "pairs" in done.stderr
    rows = json.loads(fresh("show", "behaviour", "--json"))["rows"]
    assert [r["task"] for r in rows] == ["ioi"]
    tasks = json.loads(fresh("tasks", "--json"))["rows"]
    assert [t["task"] for t in tasks] == list(TASKS)


@pytest.fixture(scope="module")
def beside(shell_in, tmp_path_factory):
    """A store with a model in it, and files good and bad."""
    made = shell_in(tmp_path_factory.mktemp("beside"))
    made("models", "add", "mine", suites.sample_folder() / "sample-0.1m")
    for name, content in {"good": json.dumps(GOOD), "bad": "{", "uneven": json.dumps(UNEVEN)}.items():
        (made.folder / f"{name}.jsonl").write_text(content)
    (made.folder / "words.txt").write_text("The keys on the cabinet " * 300)
    (made.folder / "circuit.json").write_bytes((GOLDEN / "neox_parallel" / "eap_ig_graph.json").read_bytes())
    return made


UNEVEN = {**GOOD, "corrupted_ids": [1, 2]}
OTHER = str(GOLDEN / "neox_sequential" / "model")
IMPORT = ("circuit", "import", "circuit.json", "--task", "good.jsonl", "--model")


def rows(store: Path) -> list[str]:
    with closing(sqlite3.connect(store)) as db:
        return list(db.iterdump())


@pytest.mark.parametrize(
    "args, says",
    [
        (["run", OTHER, "--tasks", "good.jsonl,bad.jsonl", "--text", "words.txt"], "bad.jsonl, line 1"),
        (["run", OTHER, "--tasks", "good.jsonl,uneven.jsonl"], "3 tokens and the corrupted one 2"),
        (["run", OTHER, "--tasks", "good.jsonl", "--sizes", "100000"], "--sizes 100000"),
        (["run", OTHER, "--tasks", "good.jsonl", "--checkpoints", "17", "--text", "words.txt"], "17"),
        (["run", OTHER, "no-such-model", "--tasks", "good.jsonl"], "no-such-model"),
        (["run", OTHER, "@/..", "--tasks", "good.jsonl"], "@"),
        (["patch", f"{OTHER}@17", "--to", "logits", "--task", "good.jsonl"], "17"),
        (["patch", OTHER, "--to", "a1.h0<q>", "--from", "a1.h1", "--task", "good.jsonl"], "a1.h1"),
        ([*IMPORT, str(GOLDEN / "neox_parallel" / "model"), "--step", "17"], "17"),
        ([*IMPORT, OTHER, "--step", "0"], "circuit.json"),
    ],
)
def test_what_is_refused_leaves_the_store_as_it_was(beside, args, says):
    """Invariant: every row of every table is what it was, whichever check it was that failed."""
    before = rows(beside.store)
    assert says in beside.refused(*args)
    assert rows(beside.store) == before


def test_with_a_bos_token_it_is_another_task(fresh):
    """Invariant: results with and without are two tasks by name, of which neither answers for the other."""
    (fresh.folder / "pairs.jsonl").write_text(json.dumps(GOOD))
    asked = ("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "behaviour", "--tasks")
    fresh.compute(*asked, f"ioi,{fresh.folder / 'pairs.jsonl'},ioi+bos", "--prepend-bos")
    found = json.loads(fresh("show", "behaviour", "--json"))["rows"]
    assert [(r["task"], r["n_examples"]) for r in found] == [("ioi+bos", 70), ("pairs+bos", 1)]
    done = fresh.here(*asked, "pairs+bos,ioi+bos")
    assert "0 checkpoints computed, 1 were already there" in done.stderr
    assert [t["task"] for t in json.loads(fresh("tasks", "--json"))["rows"]][len(TASKS) :] == ["pairs"]


def test_the_prompts_are_shown_with_their_bos_token(shell):
    """Invariant: every position moves by one; the document says which it is."""
    shown = json.loads(shell.here("tasks", "show", "ioi", "--prepend-bos", "--model", "sample-0.1m", "--json").stdout)
    assert (shown["task"], shown["prepend_bos"]) == ("ioi+bos", True)
    assert len(shown["rows"]) == shown["prompts"] == 70
    for row in shown["rows"]:
        assert row["clean"][0] == "<|endoftext|>"
        assert row["clean"][row["positions"]["IO"]] in row["correct"]


def test_pairs_as_text_are_a_task_like_any_other(fresh):
    """Invariant: the task bears the file's stem; probabilities of several answers are summed; its prompts are shown."""
    lines = [
        {"clean": "The keys on the cabinet", "corrupted": "The key on the cabinet", "correct": ["are", "were"],
         "wrong": ["is", "was"]},
        {"clean": "The dogs near the box", "corrupted": "The dog near the box", "correct": ["are"], "wrong": ["is"]},
    ]  # fmt: skip
    file = fresh.folder / "agree.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    fresh.compute("run", "sample-0.1m", "--checkpoints", "final", "--tasks", file, "--analyses", "behaviour")
    (row,) = json.loads(fresh("show", "behaviour", "--json"))["rows"]
    assert (row["task"], row["metric"], row["n_examples"]) == ("agree", "prob_diff", 2)
    assert row["accuracy"] == 1 and 0.1 < row["value"] < 0.7  # these are some of the verbs that the model knows
    shown = fresh.here("tasks", "show", "agree", "--model", "sample-0.1m").stdout
    assert "The|keys|on|the|cabinet" in shown and "The|[key]|on|the|cabinet" in shown
    assert "are / were not is / was" in shown


@pytest.mark.parametrize("task", OF_PAIRS)
def test_the_tasks_are_shown_token_by_token(task):
    """Invariant: every prompt has its corruption, which differs where it says, and its answers."""
    from circuit_core.models import tokenizers
    from circuit_core.tasks.preview import shown
    from circuit_core.tasks.sampling import draw

    folder = suites.sample_folder() / "sample-0.1m" / "step7000"
    tokenizer = tokenizers.tokenizer(folder)
    rows = shown(draw(TASKS[task], tokenizer, tokenizers.vocabulary(folder)), tokenizer)
    assert len(rows) == TASKS[task].n in (70, 200)
    for row in rows:
        differs = [i for i, (a, b) in enumerate(zip(row.clean, row.corrupted, strict=True)) if a != b]
        assert differs == list(row.differs) != []
        assert row.correct and row.wrong and not set(row.correct) & set(row.wrong)


def test_what_the_tokenizer_cannot_express_is_shown(fresh):
    """Sentences that are left out, in words and in the document; a task that is empty says why and what to ask for."""
    shown = fresh.here("tasks", "show", "subject_verb", "--model", "sample-0.1m")
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("not with this tokenizer: ")]
    document = json.loads(fresh.here("tasks", "show", "subject_verb", "--model", "sample-0.1m", "--json").stdout)
    assert "The little key" in document["left_out"] and "The little key" in line
    refused = fresh.here("tasks", "show", "greater_than_digit", "--model", "sample-0.1m")
    assert refused.exit_code and "greater_than_digit needs a token of its own for each of 0 to 9" in refused.stderr
