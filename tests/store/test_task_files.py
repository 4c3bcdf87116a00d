"""Tasks of the user's own: one name a content, one content a name."""

import pytest

from circuit_store import results, task_files
from circuit_store.queue import requests, units
from circuit_store.task_files import TaskFile


def keep(toy, name: str, content: str) -> str:
    return task_files.add_task_file(toy.db, TaskFile(name, f"hash of {content}", "jsonl", content), ("ioi",))


def test_the_content_decides_the_name(toy):
    """Invariant: equal contents are one task whatever the file is called; another content of that name is numbered."""
    assert [keep(toy, "pairs", c) for c in ("a", "b", "a", "c")] == ["pairs", "pairs~2", "pairs", "pairs~3"]
    assert keep(toy, "renamed", "b") == "pairs~2"
    assert task_files.task_file(toy.db, "pairs~2") == TaskFile("pairs~2", "hash of b", "jsonl", "b")


def test_a_file_does_not_take_the_name_of_a_built_in_task(toy):
    assert keep(toy, "ioi", "a") == "ioi~2"


def test_a_file_of_which_nothing_came_leaves_its_name(toy):
    """Invariant: a name is used again only if no result rests on its file and no run that may go on asks for it."""
    keep(toy, "pairs", "broken")
    task_files.release(toy.db, "pairs")
    assert keep(toy, "pairs", "mended") == "pairs" and task_files.in_use(toy.db) == []
    requests.add_run(toy.db, {"tasks": ["pairs+bos"]}, list(toy.ids.values()))
    task_files.release(toy.db, "pairs")
    assert task_files.task_file(toy.db, "pairs") == TaskFile("pairs", "hash of mended", "jsonl", "mended")


@pytest.mark.parametrize(
    "error, kept",
    [
        ("there is no checkpoint folder", True),
        (None, True),
        ("pairs2.jsonl, line 1: there is no token 900", True),
        ("pairs.jsonl, line 1: there is no token 900", False),
    ],
)
def test_a_failed_run_keeps_its_file_unless_that_was_the_fault(toy, error, kept):
    """Invariant: `jobs retry` computes the task that was asked for, and a mended file has the broken one's name."""
    keep(toy, "pairs", "a")
    requests.add_run(toy.db, {"tasks": ["ioi", "pairs+bos"]}, list(toy.ids.values()))
    while unit := units.take_unit(toy.db):
        unit.finish("failed", 1.0, error)
    requests.close_runs(toy.db)
    task_files.release(toy.db, "pairs")
    assert keep(toy, "pairs", "b") == ("pairs~2" if kept else "pairs")


def test_a_file_with_results_keeps_its_name(toy):
    """With or without a BOS token before its prompts."""
    keep(toy, "pairs", "a")
    of = toy.of(0, "behaviour", task=results.TaskRecord("pairs+bos", "other hash", "logit_diff", True))
    results.write(toy.db, of, results.Undefined("no tokenizer"))
    task_files.release(toy.db, "pairs")
    assert task_files.in_use(toy.db) == ["pairs"] and keep(toy, "pairs", "b") == "pairs~2"


def test_a_name_that_is_not_held_is_none(toy):
    assert task_files.task_file(toy.db, "pairs") is None
