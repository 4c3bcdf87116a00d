"""The built-in tasks (METHODS d) with a word-level tokenizer: pairs, positions, answers, and what is said of gaps."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch

from circuit_core.errors import TaskError
from circuit_core.tasks import words
from circuit_core.tasks.specs import TASKS, TaskSpec

CHANGED = {"ioi": "S2", "gendered_pronoun": "name", "greater_than": "YY", "subject_verb": "subject"}
"""The tasks that the sample suite's tokenizer can express, and what corruption changes."""
LAST = {"ioi": ["to"], "gendered_pronoun": ["isn't"], "greater_than": [f"{c}" for c in range(11, 18)]}

POOL = {
    "ioi": 24 * 23 * 2 * 8 * 8 * 6,
    "gendered_pronoun": 24 * 5,
    "greater_than": 7 * 7 * 97,
    "subject_verb": 12 * 11 * 4 * 4,
}
"""Names in both orders, templates, places and objects; names and phrases; events, centuries and years; nouns in both
numbers and prepositions."""
STRATA = {"ioi": 16, "gendered_pronoun": 2, "greater_than": 97, "subject_verb": 4}
ANY = (*words.NAMES, *words.PLACES, *words.OBJECTS)


@pytest.fixture(scope="module")
def tokenizer(sample) -> Any:
    return sample[0].tokenizer


@pytest.fixture(scope="module")
def drawn(tokenizer):
    """Prompts by task, with any field of the specification replaced."""
    from circuit_core.tasks.sampling import draw

    return cache(
        lambda name, n=None, seed=None, **fields: draw(
            replace(TASKS[name], **fields), tokenizer, len(tokenizer), n, seed
        )
    )


@pytest.fixture(scope="module")
def rows(drawn, tokenizer):
    from circuit_core.tasks.preview import shown

    return cache(lambda name: shown(drawn(name), tokenizer))


def test_tasks_in_their_order():
    assert {name: (task.n, task.metric) for name, task in TASKS.items()} == {
        "ioi": (70, "logit_diff"),
        "gendered_pronoun": (70, "logit_diff"),
        "greater_than": (200, "prob_diff"),
        "subject_verb": (200, "prob_diff"),
        "greater_than_digit": (200, "prob_diff"),
    }
    assert list(TASKS) == [*CHANGED, "greater_than_digit"]


@pytest.mark.parametrize("name", CHANGED)
def test_a_pair_differs_in_the_named_token_alone(drawn, rows, name):
    """Invariant: one token differs, the one with a name; the answer is read after the last; the metric is declared."""
    prompts = drawn(name)
    assert prompts.name == name and len(prompts) == TASKS[name].n and prompts.metric.name == TASKS[name].metric
    for row in rows(name):
        assert len(row.clean) == len(row.corrupted) == row.end + 1
        assert row.differs == (row.positions[CHANGED[name]],)
        assert row.clean[-1] in LAST.get(name, [*words.NOUNS, *words.NOUNS.values()])


@pytest.mark.parametrize("name", CHANGED)
def test_seed_and_number_decide_the_prompts(drawn, name):
    """Invariant: the same seed gives the same prompts, another others; `n` and `seed` stand in for the task's."""
    first, again, other = drawn(name), drawn(name, TASKS[name].n, 42), drawn(name, 11, 43)
    assert torch.equal(first.clean, again.clean) and first.texts == again.texts
    assert len(other) == 11 and other.texts != first.texts[:11]


@pytest.mark.long
@pytest.mark.parametrize("name", CHANGED)
def test_no_prompt_comes_twice_and_a_larger_draw_begins_with_a_smaller(drawn, name):
    """Invariant: all are different, as many as asked or as there are; each has a stratum, which a draw balances."""
    prompts, fewer, most = drawn(name), drawn(name, 10), drawn(name, 3000)
    assert len(set(prompts.read)) == len(prompts) == TASKS[name].n and prompts.texts[:10] == fewer.texts
    assert len(set(most.read)) == len(most) == min(3000, most.pool) and most.pool == prompts.pool == POOL[name]
    counts = Counter(prompts.strata)
    assert len(counts) == STRATA[name] and max(counts.values()) <= min(counts.values()) + 1


def test_templates_and_orders_of_names_come_in_turn(drawn):
    """Invariant: each of eight templates comes four or five times with IO first, and as often with S first."""
    prompts = drawn("ioi")
    openings = [re.sub(rf"\b({'|'.join(ANY)})\b", "_", text) for text in prompts.texts]
    io_first = (prompts.positions["IO"] < prompts.positions["S1"]).tolist()
    counts = Counter(zip(openings, io_first, strict=True))
    assert len(counts) == 16 and set(counts.values()) == {4, 5} and sum(io_first) == 35
    assert len(set(zip(openings, io_first, prompts.strata, strict=True))) == 16


def test_years_that_come_once_more_lie_evenly(drawn):
    """Invariant: of 200 prompts six years have a third; no two of them are neighbours, and their mean is about 50."""
    more = sorted(yy for yy, n in Counter(drawn("greater_than").strata).items() if n == 3)
    assert len(more) == 6 and min(b - a for a, b in pairwise(more)) >= 8 and abs(sum(more) / 6 - 50) < 8


@pytest.mark.parametrize("name", CHANGED)
def test_a_bos_token_shifts_every_position_by_one(drawn, tokenizer, name):
    plain, begun = drawn(name), drawn(name, prepend_bos=True)
    assert (begun.clean[:, 0] == tokenizer.bos_token_id).all() and (begun.corrupted[:, 0] == 0).all()
    assert torch.equal(begun.clean[:, 1:], plain.clean) and torch.equal(begun.end, plain.end + 1)
    assert all(torch.equal(begun.positions[who], at + 1) for who, at in plain.positions.items())


def test_pronouns_follow_the_name(rows):
    """Invariant: half the names are male, whose answer is he; the corrupted name is of the other gender."""
    genders = {"he": words.MALE_NAMES, "she": words.FEMALE_NAMES}
    found = rows("gendered_pronoun")
    for row in found:
        at = row.positions["name"]
        assert row.clean[at] in genders[row.correct[0]] and row.corrupted[at] in genders[row.wrong[0]]
        assert {*row.correct, *row.wrong} == {"he", "she"}
    assert Counter(row.correct for row in found) == {("he",): 35, ("she",): 35}
    assert len({row.clean for row in found}) == 70


def test_years_are_balanced_and_begin_with_one_century(rows):
    """Invariant: each YY of 02 to 98 comes two or three times in 200; the corrupted is 01; both centuries are one."""
    found = rows("greater_than")
    counts = Counter(row.clean[row.positions["YY"]] for row in found)
    assert sorted(counts) == [f"{y:02}" for y in range(2, 99)] and set(counts.values()) == {2, 3}
    assert {row.corrupted[row.positions["YY"]] for row in found} == {"01"}
    assert all(row.clean[row.positions["YY"] - 1] == row.clean[-1] for row in found)


def test_later_years_are_the_correct_ones(rows):
    for row in rows("greater_than"):
        start = int(row.clean[row.positions["YY"]])
        assert [int(y) for y in row.wrong] == list(range(start + 1))
        assert [int(y) for y in row.correct] == list(range(start + 1, 100))


def test_uniform_years_give_the_difference_of_their_numbers(drawn, tokenizer):
    """All probability spread over 00 to 99: with YY = 32, 67 correct and 33 wrong years, .34."""
    prompts = drawn("greater_than")
    logits = torch.full((200, len(tokenizer)), -1e9)
    logits[:, prompts.metric.answers[0]] = 0.0
    yy = tokenizer.convert_tokens_to_ids("32")
    at = prompts.clean[torch.arange(200), prompts.positions["YY"]] == yy
    assert prompts.metric(logits)[at].tolist() == pytest.approx([0.34] * int(at.sum()), abs=1e-6)


def test_verbs_agree_with_the_subject_not_the_attractor(rows):
    """Invariant: both numbers of subject and attractor come equally often in all combinations; the forms are pairs."""
    combinations = Counter()
    for row in rows("subject_verb"):
        singular = row.clean[row.positions["subject"]] in words.NOUNS
        forms = dict(zip(row.correct if singular else row.wrong, row.wrong if singular else row.correct, strict=True))
        assert forms == words.VERBS
        nouns = {row.clean[1], row.corrupted[1]}
        assert any(nouns == {one, many} for one, many in words.NOUNS.items()) and row.clean[-1] not in nouns
        combinations[singular, row.clean[-1] in words.NOUNS] += 1
    assert len(combinations) == 4 and set(combinations.values()) == {50}


def test_frames_of_unknown_words_are_left_out(drawn):
    """The sample models' tokenizer has no `that`, no action and no adjective of the task: one frame remains."""
    assert set(drawn("subject_verb").frames) == {"prepositional"} and len(drawn("subject_verb").frames) == 200


LACKING = [
    ("gendered_pronoun", words.MALE_NAMES[:9] + words.FEMALE_NAMES[:8], "needs 8 names .* has 7 .* lacks John, Paul"),
    ("gendered_pronoun", words.FEMALE_NAMES, "needs 1 female name; the tokenizer has 0 and lacks Mary"),
    ("gendered_pronoun", ("she",), "needs 2 answers .* lacks she"),
    ("gendered_pronoun", ("such", "nice", "great"), "2 of its sentences; .* 1 and lacks such, nice, great"),
    ("greater_than", words.EVENTS[:5], "needs 3 events; the tokenizer has 2 and lacks war"),
    ("greater_than", ("lasted",), "1 of its sentences; .* lacks lasted"),
    ("greater_than", ("57",), "needs 100 numbers.* lacks 57"),
    ("subject_verb", tuple(words.NOUNS)[2:], "needs 3 nouns .* has 2 and lacks box"),
    ("subject_verb", tuple(words.VERBS.values()), "needs 1 verb .* lacks is"),
    ("subject_verb", ("on", "near", "behind"), "2 of its sentences; .* lacks on, near, behind"),
    ("ioi", ("When", "Then", "After", "While"), "2 of its sentences; .* 1 and lacks When, Then, After, While"),
]


@pytest.mark.parametrize(("name", "gone", "message"), LACKING)
def test_missing_words_are_named(tokenizer, name, gone, message):
    """Invariant: a tokenizer without the words is refused with a sentence that says how many and which."""
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    encode, unknown = tokenizers.encoder(tokenizer), tokenizer.unk_token_id
    lost = set(tokenizer.convert_tokens_to_ids(list(gone)))
    with pytest.raises(TaskError, match=rf"^{name} needs .*{message.removeprefix('needs ')}"):
        generate(name, lambda text: [unknown if i in lost else i for i in encode(text)], unknown)


def test_no_tokenizer_no_bos_or_anothers_tokenizer(tokenizer):
    from circuit_core.tasks.sampling import draw

    with pytest.raises(TaskError, match="ioi needs a tokenizer.*put one beside it"):
        draw(TASKS["ioi"], None, 310)
    with pytest.raises(TaskError, match="BOS token, and the tokenizer has none"):
        draw(replace(TASKS["ioi"], prepend_bos=True), None, 310)
    with pytest.raises(TaskError, match="the model's are 0 to 19"):
        draw(TASKS["ioi"], tokenizer, 20)
    with pytest.raises(TaskError, match="no task haiku: choose from ioi, gendered_pronoun"):
        draw(TaskSpec("haiku", "logit_diff", 5), tokenizer, 310)


def test_hashes_tell_tasks_apart():
    """Invariant: whatever changes a token changes the hash."""
    ioi = TASKS["ioi"]
    changed = [replace(ioi, **{k: v}) for k, v in {"n": 5, "seed": 1, "prepend_bos": True, "version": 9}.items()]
    assert len({task.hash for task in [*TASKS.values(), *changed]}) == 9
