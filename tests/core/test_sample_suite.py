"""The sample suite is what its README says: unsolved at first, solved at the end, roles in stages."""

from functools import cache

import pytest

from circuit_core.models import suites

pytestmark = pytest.mark.long

MODELS = [m.name for m in suites.sample_suite()]


@pytest.fixture(scope="module")
def at():
    """Figures of a checkpoint, on prompts held out from training."""
    from figures import figures

    return cache(lambda model, step: figures(suites.sample_folder() / model / f"step{step}"))


def test_three_scales_with_sixteen_checkpoints_in_26_mb():
    assert MODELS == ["sample-0.1m", "sample-0.2m", "sample-0.4m"]
    assert all(len(list(m.folder.glob("step*"))) == 16 for m in suites.sample_suite())
    assert sum(f.stat().st_size for f in suites.sample_folder().glob("*/*/*")) <= 26e6


@pytest.mark.parametrize("model", MODELS)
def test_every_task_is_unsolved_at_first_and_solved_at_the_end(at, model):
    first, last = at(model, 0), at(model, 7000)
    assert abs(first.ioi) < 0.5 and last.ioi > 3 and last.ioi_accuracy > 0.95
    assert abs(first.pronoun) < 0.5 and last.pronoun > 3
    assert abs(first.greater_than) < 0.1 and last.greater_than > 0.6
    assert abs(first.agreement) < 0.1 and last.agreement > 0.9


@pytest.mark.parametrize("model", MODELS)
def test_no_head_has_a_role_at_first_and_induction_heads_read_content_at_the_end(at, model):
    """Control subtracted: induction .5, previous token .8 at the end; at step 0 nothing above .1."""
    first, last = at(model, 0).roles, at(model, 7000).roles
    for role in ("induction", "duplicate_token", "previous_token"):
        assert first[role].value.max() < 0.1
    assert last["induction"].value.max() > 0.5
    assert last["previous_token"].value.max() > 0.8
    assert last["induction"].control.max() < 0.15
