"""Prompts that are held out are none of those that choose the circuit, and differ from each other."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import recorded
import torch

from circuit_core.errors import TaskError
from circuit_core.tasks import user_files, words
from circuit_core.tasks.specs import TASKS
from circuit_sweep.planning import analyses
from circuit_sweep.planning.request import Request


@pytest.fixture(scope="module")
def tokenizer(sample) -> Any:
    return sample[0].tokenizer


@pytest.fixture(scope="module")
def sides(tokenizer) -> Callable[..., tuple[Any, Any]]:
    """What chooses and what is held out, by a tokenizer that does not know some words."""
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    def sides(name: str, n: int, held_out: int, *gone: str):
        lost, unknown = set(tokenizer.convert_tokens_to_ids(list(gone))), tokenizer.unk_token_id
        encode = tokenizers.encoder(tokenizer)
        few = (lambda text: [unknown if i in lost else i for i in encode(text)]) if gone else encode
        choosing = generate(name, few, unknown, n)
        return choosing, generate(name, few, unknown, held_out, 43, None, choosing.texts)

    return sides


@pytest.mark.parametrize(
    "name, n", [("ioi", 70), ("gendered_pronoun", 50), ("greater_than", 200), ("subject_verb", 200)]
)
def test_none_is_on_both_sides_and_none_comes_twice(sides, name, n):
    """What is held out is as balanced as what chooses."""
    choosing, other = sides(name, TASKS[name].n, n)
    assert len(set(other.texts)) == n and not set(other.texts) & set(choosing.texts)
    assert other.metric.name == choosing.metric.name and len(other.clean) == n
    assert Counter(other.strata) == Counter(sides(name, n, 1)[0].strata)


FEW = {
    "ioi": (
        *words.NAMES[8:],
        *words.PLACES[1:],
        *words.OBJECTS[2:],
        "After",
        "While",
        "Today",
        "long",
        "talked",
        "got",
    ),
    "gendered_pronoun": words.NAMES[20:],
    "subject_verb": (*list(words.NOUNS)[3:], "behind", "beside"),
}
ROOM = {"ioi": 2 * 8 * 7 * 1 * 2 * 2, "gendered_pronoun": 20 * 5, "subject_verb": 2 * 3 * 2 * 4}


@pytest.mark.parametrize("name", FEW)
def test_all_that_a_task_has_is_held_out_and_no_more(sides, name):
    """Invariant: both sides together are every prompt that the known words allow; one more is refused."""
    choosing, _ = sides(name, 20, 1, *FEW[name])
    left = ROOM[name] - len(set(choosing.texts))
    assert len({*choosing.texts, *sides(name, 20, left, *FEW[name])[1].texts}) == ROOM[name]
    with pytest.raises(TaskError, match=rf"^{name} has {ROOM[name]} different .* at most {left}, not {left + 1}\.$"):
        sides(name, 20, left + 1, *FEW[name])


def test_every_pronoun_sentence_is_there(sides):
    """A second road to the number of prompts: every name in every sentence."""
    choosing, other = sides("gendered_pronoun", 70, 50)
    every = {f"So {name} is {phrase}, isn't" for name, phrase in product(words.NAMES, words.PRONOUN_PHRASES)}
    assert {*choosing.texts, *other.texts} == every


def pairs(*firsts: int) -> Any:
    """A file whose prompts differ in their first token."""
    lines = [
        {"clean_ids": [i, 6], "corrupted_ids": [9, 6], "correct_ids": 5 + j, "wrong_ids": 4}
        for j, i in enumerate(firsts)
    ]
    return user_files.parse("\n".join(map(json.dumps, lines)), "jsonl", "mine.jsonl")


def test_a_files_last_prompts_leave_with_their_repeats():
    """Invariant: repeats of a prompt stay on one side; each held-out one comes once, with its last answer."""
    from circuit_core.tasks.held_out import split
    from circuit_core.tasks.sampling import draw

    prompts: Any = draw(pairs(1, 2, 3, 2, 7, 7), None, 20)
    both: Any = split(prompts, 2)
    choosing, other = both
    assert choosing.clean[:, 0].tolist() == [1, 3] and other.clean[:, 0].tolist() == [2, 7]
    assert other.metric.correct.tolist() == [8, 10] and other.texts == ("2 6", "7 6")
    with pytest.raises(TaskError, match="mine has 4 different prompts: hold out fewer, not 4"):
        split(prompts, 4)


def test_a_file_without_repeats_is_cut_before_its_last_prompts():
    from circuit_core.tasks.held_out import split
    from circuit_core.tasks.sampling import draw

    prompts = draw(pairs(1, 2, 3, 7), None, 20)
    for part, rows in zip(split(prompts, 1), (slice(3), slice(3, 4)), strict=True):
        assert torch.equal(part.clean, prompts[rows].clean) and part.texts == prompts[rows].texts


def test_a_circuit_is_measured_on_other_prompts(sample, sides):
    """The curve's held-out metric is that of the prompts which are left; too many are the result's reason."""
    from circuit_core.interchange.evaluation import Interchange
    from circuit_sweep.worker.analyses import Analyses

    loaded, compute = sample[0], Analyses(sample[0])
    asked = Request(("gendered_pronoun",), ("circuit",), method="eap", sizes=(20,), held_out=50)
    (analysis,) = analyses.analyses(asked, [TASKS["gendered_pronoun"]], None)
    record = compute(analysis)
    mask = loaded.graph.real & False
    for edge in recorded.rows(record, "circuit_edge"):
        mask[edge["src"], edge["port"]] = True
    run: Any = Interchange(loaded, sides("gendered_pronoun", 70, 50)[1])
    metric = run.metrics(mask[None]).mean().item()
    assert recorded.rows(record, "faithfulness")[-1]["held_out_metric"] == pytest.approx(metric, abs=1e-5)
    with pytest.raises(TaskError, match="at most 50, not 51"):
        compute(replace(analysis, params=analysis.params | {"held_out": 51}))


def test_other_draws_make_other_results_only_where_prompts_are_held_out(monkeypatch):
    """Invariant: a new way to hold prompts out recomputes no circuit that holds out none."""
    asked = [analyses.analyses(Request(analyses=("circuit",), held_out=n), [TASKS["ioi"]], None)[0] for n in (0, 20)]
    before = [analysis.key("m@0", "x") for analysis in asked]
    monkeypatch.setattr(analyses, "HELD_OUT", analyses.HELD_OUT + 1)
    after = [analysis.key("m@0", "x") for analysis in asked]
    assert before[0] == after[0] and before[1] != after[1]
