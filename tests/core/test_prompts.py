"""A set of prompts: which kinds the task balances goes along with each prompt."""

import pytest
import torch


@pytest.fixture
def some():
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    ids = torch.tensor([[1, 7], [1, 8], [2, 7], [1, 7]])
    answers = LogitDifference(ids[:, 0], ids[:, 1])
    return PromptSet(
        "x", ids, ids, torch.tensor([1, 1, 1, 0]), answers, texts=tuple("abcd"), strata=(4, 2, 4, 9), pool=7
    )


@pytest.mark.parametrize("rows", [slice(1, 3), [1, 2]])
def test_a_part_keeps_what_is_known_of_each_prompt(some, rows):
    part = some[rows]
    assert (part.texts, part.strata, part.frames, part.pool) == (("b", "c"), (2, 4), (), 7)
    assert part.to(torch.device("cpu")).strata == (2, 4)


def test_what_is_read_ends_at_the_end(some):
    assert some.read == [(1, 7), (1, 8), (2, 7), (1,)]
