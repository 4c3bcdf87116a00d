"""Tasks of a request, from what the user names to what the store keeps."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from console import answer

from circuit_core.errors import TaskError
from circuit_core.tasks.specs import TASKS, labelled
from circuit_store.store import open_to_write
from circuit_sweep.planning import task_names
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.request import Request


@pytest.fixture
def db(tmp_path):
    with closing(open_to_write(tmp_path / "x.db")) as db:
        yield db


@pytest.fixture
def file(tmp_path):
    """Writes a file of one pair with this answer; returns its path."""

    def write(path: str, answer: int) -> str:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        line = {"clean_ids": [1, 2], "corrupted_ids": [3, 2], "correct_ids": answer, "wrong_ids": 9}
        (tmp_path / path).write_text(json.dumps(line))
        return str(tmp_path / path)

    return write


def test_two_files_of_one_stem_are_two_tasks_of_one_request(db, file):
    """Invariant: neither takes the other's name, also before there is a result."""
    found = [task_names.find(db, file(f"{place}/pairs.jsonl", i)) for i, place in enumerate("abb")]
    assert task_names.keep(db, [TASKS["ioi"], *found]) == ("ioi", "pairs", "pairs~2", "pairs~3")
    assert [task_names.spec(db, task_names.find(db, file("c.jsonl", i)).name) for i in range(3)] == [
        replace(task, name=name) for task, name in zip(found, ("pairs", "pairs~2", "pairs~3"), strict=True)
    ]


def test_finding_writes_nothing(db, file):
    task = task_names.find(db, file("pairs.jsonl", 4))
    assert task.name == "pairs" and db.execute("SELECT count(*) FROM task_file").fetchone()[0] == 0
    with pytest.raises(TaskError, match="no task or file chess: choose from ioi, "):
        task_names.find(db, "chess")


def test_a_mended_file_has_the_name_of_the_broken_one(db, file):
    for token in (4, 5):
        assert task_names.keep(db, [task_names.find(db, file("pairs.jsonl", token))]) == ("pairs",)
    assert json.loads(task_names.spec(db, "pairs").content or "")["correct_ids"] == 5


@pytest.mark.parametrize("name", ["ioi", "pairs.jsonl"])
def test_with_and_without_a_bos_token(db, file, name):
    """Invariant: the label names the one or the other, and has another hash; the file is kept once."""
    given = name if name in TASKS else file(name, 4)
    plain, begun = (task_names.find(db, labelled(given, bos)) for bos in (False, True))
    assert begun == replace(plain, prepend_bos=True) and begun.hash != plain.hash
    labels = task_names.keep(db, [plain, begun])
    assert labels == (plain.name, f"{plain.name}+bos")
    assert [task_names.spec(db, label) for label in labels] == [plain, begun]
    assert labelled(begun.label, False) == plain.label and labelled(begun.label, None) == begun.label


def test_a_files_own_name_says_nothing_of_bos(db, file):
    task = task_names.find(db, file("pairs+bos.jsonl", 4))
    assert (task.name, task.prepend_bos) == ("pairs-bos", False)


def test_names_are_scored_on_ioi_as_the_runs_tasks_begin():
    """Invariant: where no task names IO, S1 and S2, the roles that need names use IOI, with BOS if all have it."""
    plain, begun = TASKS["subject_verb"], replace(TASKS["greater_than"], prepend_bos=True)
    for tasks, label in (([plain], "ioi"), ([begun], "ioi+bos"), ([plain, begun], "ioi"), ([], "ioi")):
        asked = [one for one in analyses(Request(analyses=("algorithm",)), tasks, None) if one.kind != "greater_than"]
        found = {analysis.task.label for analysis in asked if analysis.task}
        assert found == {label}


def test_a_stored_file_that_is_refused_now_is_listed_with_the_reason(tmp_path):
    """Invariant: a label that was read as a year, and is none, hides neither the other tasks nor itself."""
    with closing(open_to_write(tmp_path / "x.db")) as db:
        db.execute("INSERT INTO task_file VALUES ('old', 'h', 'csv', 'clean,corrupted,label\na,b,1\n')")
        db.execute("INSERT INTO task (name, hash, metric, prepend_bos) VALUES ('old', 'h', 'prob_diff', 0)")
    tasks = ("--store", tmp_path / "x.db", "tasks")
    *others, last = json.loads(answer(tmp_path, {}, *tasks, "--json").stdout)["rows"]
    assert [row["task"] for row in others] == list(TASKS)
    assert last["task"] == "old" and last["metric"] is None and "label is '1'" in last["about"]
    assert "label is '1'" in answer(tmp_path, {}, *tasks).stdout
