"""Finetunes whose steps count on from the checkpoint that they began from."""

import json
import shutil

import pytest

from circuit_core.models import suites

SAMPLE = suites.sample_folder() / "sample-0.1m"
RUN = ("--analyses", "behaviour", "--device", "cpu")
TOKENS = 143_000 * 2_097_152


@pytest.fixture
def tune(fresh):
    """Two checkpoints of a training that began somewhere."""
    for step in (0, 250):
        shutil.copytree(SAMPLE / f"step{step}", fresh.folder / "tune" / f"step{step}")
    return "tune"


def at(shell, model):
    rows = json.loads(shell("show", "checkpoints", model, "--json"))["rows"]
    return [(row["step"], row["tokens"]) for row in rows]


def test_steps_and_tokens_count_on_from_the_base(fresh, tune):
    """Invariant: of a model of a suite, of `final`, of a finetune; without its tokens a step has none."""
    add = ("models", "add")
    fresh(*add, "mine", tune, "--base", "EleutherAI/pythia-14m@final", "--tokens-per-step", "1000")
    assert at(fresh, "mine") == [(143_000, TOKENS), (143_250, TOKENS + 250_000)]
    shutil.copytree(fresh.folder / tune, fresh.folder / "more")
    fresh(*add, "further", "more", "--base", "mine@143250", "--tokens-per-step", "10")
    assert at(fresh, "further") == [(143_250, TOKENS + 250_000), (143_500, TOKENS + 252_500)]
    fresh(*add, "unknown", "more", "--base", "pythia-14m@1000")
    assert at(fresh, "unknown") == [(1000, None), (1250, None)]
    held = {row["model"]: row["base"] for row in json.loads(fresh("models", "--json"))["rows"]}
    assert held | {"mine": "pythia-14m@143000", "further": "mine@143250"} == held and held["sample-0.1m"] is None


def test_a_run_counts_on_and_finds_its_results_again(fresh, tune):
    """Invariant: the store knows the base from then on, also of a folder that has moved; schedules go by own steps."""
    fresh.compute("run", tune, "--base", "pythia-14m@512", "--checkpoints", "762", *RUN)
    assert [r["step"] for r in json.loads(fresh("show", "behaviour", tune, "--json"))["rows"]] == [762]
    assert "no checkpoint 250: there are 512, 762" in fresh.refused("run", tune, "--checkpoints", "250", *RUN)
    (fresh.folder / tune).rename(fresh.folder / "moved")
    done = fresh.here("run", "moved", "--checkpoints", "final", *RUN)
    assert "0 checkpoints computed, 1 were already there" in done.stderr
    assert at(fresh, tune) == [(512, None), (762, None)]
    for other in ("pythia-14m@256", "sample-0.1m@0"):
        assert "count on from pythia-14m@512 in this store" in fresh.refused("run", "moved", "--base", other, *RUN)


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("nothing@3", "no model or folder nothing"),
        ("pythia-14m@7", "--base pythia-14m@7: There is no checkpoint 7: there are 0, 1, 2"),
        ("pythia-14m", "--base pythia-14m: give the checkpoint that training began from, such as"),
    ],
)
def test_a_base_that_is_not_known_is_one_sentence(fresh, tune, base, says):
    assert says in fresh.refused("models", "add", "mine", tune, "--base", base)
    assert says in fresh.refused("run", tune, "--base", base, *RUN)


def test_what_is_no_finetune_has_no_base(fresh, tune):
    said = "sample-0.1m has steps of its own; name the finetune"
    assert said in fresh.refused("run", "sample-0.1m", "--base", "pythia-14m@0", *RUN)
    assert "is of one finetune" in fresh.refused("run", "sample-0.1m", tune, "--base", "pythia-14m@0", *RUN)
