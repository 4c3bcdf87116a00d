"""Standard errors of means over prompts by METHODS l.5, on numbers that can be worked out by hand."""

import math
from typing import Any

import pytest
import torch
from tokenizer_kinds import OF_PAIRS

from circuit_core.tasks.specs import TASKS


def error(values: list[float], strata: tuple[int, ...] = ()) -> Any:
    from circuit_core.statistics import StandardError

    return StandardError.of(torch.tensor(values, dtype=torch.float64), strata)


def test_without_strata_it_is_the_plain_one():
    """Variance 20/3 of four."""
    found = error([1, 3, 5, 7])
    assert (found.value, found.freedom) == (pytest.approx(math.sqrt(20 / 3 / 4)), 3)


def test_what_differs_between_strata_is_no_error():
    """Variances 2 and 8 in two strata of two: SE^2 = (2 * 2 + 2 * 8) / 16; shifting a stratum changes nothing."""
    for shift in (0, 100):
        found = error([1, 10 + shift, 3, 14 + shift], (0, 1, 0, 1))
        assert (found.value, found.freedom) == (pytest.approx(math.sqrt(20 / 16)), 2)


def test_a_stratum_of_one_prompt_joins_its_neighbour():
    """The 5 with the 1 and 3 of the next stratum: variance 4 of three; 10 and 14 of the last: 8 of two."""
    found = error([10, 5, 1, 14, 3], (7, 2, 4, 7, 4))
    assert (found.value, found.freedom) == (pytest.approx(math.sqrt(3 * 4 + 2 * 8) / 5), 3)


STRATA = {
    (4, 2, 4, 2): [[1, 3], [0, 2]],
    (1, 2, 2, 3): [[0, 1, 2, 3]],
    (3, 2, 1, 0): [[3, 2], [1, 0]],
    (5, 5, 5, 5): [[0, 1, 2, 3]],
    (): [],
}


@pytest.mark.parametrize("strata", STRATA)
def test_groups_go_by_the_order_of_the_strata(strata):
    from circuit_core.statistics import groups

    assert groups(strata) == STRATA[strata]


@pytest.mark.parametrize("strata", [(), (1,)])
def test_a_single_prompt_has_none(strata):
    assert error([1.0], strata) is None


T = {
    1: 12.7062,
    2: 4.3027,
    3: 3.1824,
    4: 2.7764,
    5: 2.5706,
    10: 2.2281,
    30: 2.0423,
    54: 2.0049,
    120: 1.9799,
    1000: 1.9623,
}


@pytest.mark.parametrize("freedom", T)
def test_the_quantile_is_students(freedom):
    """The .975 quantiles of the printed tables."""
    from circuit_core.statistics import t_quantile

    assert t_quantile(freedom) == pytest.approx(T[freedom], abs=6e-5)


@pytest.fixture(scope="module")
def done(sample):
    """Behaviour of the sample model by task, its prompts, and their metrics one by one."""
    from circuit_core.behaviour import behaviour, metrics
    from circuit_core.tasks.sampling import draw

    found = {}
    for name in OF_PAIRS:
        prompts = draw(TASKS[name], sample[0].tokenizer, sample[0].n_vocab)
        found[name] = behaviour(sample[0], prompts), prompts, metrics(sample[0], prompts).double()
    return found


KIND = {
    "greater_than": lambda row: row.clean[row.positions["YY"]],
    "gendered_pronoun": lambda row: row.correct,
    "subject_verb": lambda row: (row.correct[0], row.clean[-1].endswith("s")),
}


@pytest.mark.parametrize("name", KIND)
def test_behaviour_is_stratified_by_what_the_task_balances(sample, done, name):
    """A second road: prompts sorted by what they show."""
    from circuit_core.tasks.preview import shown

    found, prompts, values = done[name]
    kinds: dict[Any, list[float]] = {}
    for row, value in zip(shown(prompts, sample[0].tokenizer), values.tolist(), strict=True):
        kinds.setdefault(KIND[name](row), []).append(value)
    within = sum(len(some) * torch.tensor(some).double().var().item() for some in kinds.values())
    assert len(kinds) == {"greater_than": 97, "gendered_pronoun": 2, "subject_verb": 4}[name]
    assert found.stderr == pytest.approx(math.sqrt(within) / len(values), rel=1e-6)


@pytest.mark.parametrize("name", OF_PAIRS)
def test_the_interval_is_students_and_the_plain_error_knows_no_kinds(done, name):
    """IOI has 16 groups, pronouns 2, agreement 4 of one frame, greater-than 97 years."""
    found, _, values = done[name]
    t = {"ioi": 2.00488, "gendered_pronoun": 1.99547, "greater_than": 1.98326, "subject_verb": 1.97214}[name]
    assert found.stderr_plain == pytest.approx(values.std().item() / math.sqrt(len(values)), rel=1e-5)
    assert (found.high - found.value, found.value - found.low) == (pytest.approx(t * found.stderr, rel=1e-5),) * 2
    assert (found.n_distinct, found.pool) == (
        len(values),
        {"ioi": 423936, "gendered_pronoun": 120, "greater_than": 4753, "subject_verb": 2112}[name],
    )


def test_repeats_in_a_file_are_counted(sample):
    """A user's file balances nothing and draws from no pool."""
    from circuit_core.behaviour import behaviour
    from circuit_core.tasks import user_files
    from circuit_core.tasks.sampling import draw

    line = '{{"clean_ids": [{}, 6], "corrupted_ids": [9, 6], "correct_ids": 5, "wrong_ids": 4}}'
    prompts = draw(user_files.parse("\n".join(line.format(i) for i in (1, 2, 1, 3)), "jsonl", "mine.jsonl"), None, 20)
    found = behaviour(sample[0], prompts)
    assert (found.n_examples, found.n_distinct, found.pool) == (4, 3, None)
    assert found.stderr == pytest.approx(found.stderr_plain, rel=1e-5)
