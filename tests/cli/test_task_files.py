"""A file of pairs with an error is refused with line and reason before anything is written; and tasks are shown."""

import json

import pytest

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
    assert [t["task"] for t in tasks] == ["ioi", "gendered_pronoun", "greater_than", "subject_verb"]


@pytest.mark.parametrize(
    "line, says",
    [
        ({"clean": "John gave", "corrupted": "John gave it", "correct": "to", "wrong": "a"}, "line 1"),
        ({"clean": "John gave", "corrupted": "Mary gave", "correct": "a book", "wrong": "it"}, "a book"),
        ({**GOOD, "correct_ids": 100000}, "100000"),
    ],
)
def test_what_only_the_tokenizer_shows_fails_the_unit(fresh, line, says):
    """Invariant: exit 1 with line and reason; nothing of the task is in the store, other tasks are."""
    (fresh.folder / "pairs.jsonl").write_text(json.dumps(line))
    tasks = f"ioi,{fresh.folder / 'pairs.jsonl'}"
    done = fresh.run("run", "sample-0.1m", "--checkpoints", "final", "--tasks", tasks, "--analyses", "behaviour")
    err = done.stderr.decode()
    assert done.returncode == 1 and says in err and "pairs" in err and "Traceback" not in err
    rows = json.loads(fresh("show", "behaviour", "--json"))["rows"]
    assert [r["task"] for r in rows] == ["ioi"]


def test_pairs_as_text_are_a_task_like_any_other(fresh):
    """Invariant: the task bears the file's stem; probabilities of several answers are summed; its prompts are shown."""
    lines = [
        {"clean": "The keys on the cabinet", "corrupted": "The key on the cabinet", "correct": ["are", "were"],
         "wrong": ["is", "was"]},
        {"clean": "The dogs near the box", "corrupted": "The dog near the box", "correct": ["are"], "wrong": ["is"]},
    ]  # fmt: skip
    file = fresh.folder / "agree.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    fresh("run", "sample-0.1m", "--checkpoints", "final", "--tasks", file, "--analyses", "behaviour")
    (row,) = json.loads(fresh("show", "behaviour", "--json"))["rows"]
    assert (row["task"], row["metric"], row["n_examples"]) == ("agree", "prob_diff", 2)
    assert row["accuracy"] == 1 and 0.1 < row["value"] < 0.7  # these are some of the verbs that the model knows
    shown = fresh("tasks", "show", "agree", "--model", "sample-0.1m")
    assert "The|keys|on|the|cabinet" in shown and "The|[key]|on|the|cabinet" in shown
    assert "are / were not is / was" in shown


@pytest.mark.parametrize("task", ["ioi", "gendered_pronoun", "greater_than", "subject_verb"])
def test_the_tasks_are_shown_token_by_token(shell, task):
    """Invariant: every prompt has its corruption, which differs where it says, and its answers."""
    shown = json.loads(shell("tasks", "show", task, "--model", "sample-0.1m", "--json"))
    assert len(shown["rows"]) == shown["prompts"] in (70, 200)
    for row in shown["rows"]:
        differs = [i for i, (a, b) in enumerate(zip(row["clean"], row["corrupted"], strict=True)) if a != b]
        assert differs == row["differs"] != []
        assert row["correct"] and row["wrong"] and not set(row["correct"]) & set(row["wrong"])
