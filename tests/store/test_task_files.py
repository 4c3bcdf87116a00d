"""Tasks of the user's own: one name a content, one content a name."""

from circuit_store import task_files
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


def test_a_name_that_is_not_held_is_none(toy):
    assert task_files.task_file(toy.db, "pairs") is None
