"""What is known of published suites: against TransformerLens's own lists, and each fact with its source."""

from collections import Counter

import pytest
from transformer_lens.tools.model_registry.checkpoints import get_checkpoint_labels

from circuit_core.models import suites

PUBLISHED = list(suites.published().values())


def test_steps_are_those_of_transformer_lens():
    """Where TransformerLens lists a repository's checkpoints, ours are the same."""
    listed = [m for m in PUBLISHED if m.repository and m.repository.startswith(("EleutherAI/", "stanford-crfm/"))]
    assert Counter(m.suite for m in listed) == {"pythia": 69, "crfm-gpt2": 10}
    for model in listed:
        assert get_checkpoint_labels(str(model.repository)) == (list(model.steps), "step"), model.name


def test_counts_and_tokens_are_those_of_the_suites():
    known = {name: (len(m.steps), m.tokens_per_step) for name, m in suites.published().items()}
    assert known["pythia-12b"] == (154, 2_097_152) and known["pythia-410m-seed9"] == (154, 2_097_152)
    assert known["eowyn-gpt2-medium-x777"] == (609, 524_288)
    assert known["SmolLM3-3B-checkpoints"] == (86, 2_359_296)
    assert known["OLMo-1B-hf"] == (0, 4_194_304) and known["marin-8b-base"] == (0, None)


def test_schedules_of_the_paper():
    """METHODS g.3: 28 checkpoints are sparse; all are real ones."""
    pythia = suites.published()["pythia-160m"]
    chosen = {name: suites.choose(list(pythia.steps), name, pythia.schedules) for name in suites.SCHEDULES}
    assert {name: len(steps) for name, steps in chosen.items()} == {
        "auto": 28, "all": 154, "log": 43, "sparse": 28, "linear": 143, "final": 1,
    }  # fmt: skip
    assert chosen["sparse"][:3] == [256, 512, 1000] and chosen["sparse"][-3:] == [120_000, 140_000, 143_000]
    assert all(set(steps) <= set(pythia.steps) for steps in pythia.schedules.values())


def test_a_suites_schedule_that_a_folder_has_nothing_of_gives_way_to_the_rules():
    assert suites.choose([0, 1, 2, 3], "sparse", {"sparse": (1000,)}) == [0, 1, 3]


def test_what_is_wrong_on_the_hub_is_known():
    """pythia#205: 86 branches of 2.8b, the last of which is right to serve the last weights."""
    bad = suites.published()["pythia-2.8b"]
    assert sum(bad.defect(step) is not None for step in bad.steps) == 85
    assert bad.defect(54_000) and bad.defect(0) and not bad.defect(66_000) and not bad.defect(143_000)
    missing = suites.published()["pythia-410m-seed6"].defect(88_000)
    assert missing and missing.status == "missing" and missing.source.endswith("/202")
    for model in PUBLISHED:
        assert all(defect.steps <= set(model.steps) and defect.source and defect.reason for defect in model.defects)


def test_every_fact_has_a_source_and_every_defect_a_model():
    for suite in suites._data():
        assert suite["source"], suite["name"]
        assert all(name in suites.published() for defect in suite.get("defects", ()) for name in defect["models"])
        assert "schedules" not in suite or suite["schedules"]["source"]


def test_seeds_are_replicates_of_one_model():
    """Family, size and variant say which model it is; the seed which run."""
    of = Counter((m.family, m.size, m.variant) for m in PUBLISHED)
    assert of["pythia", "70m", None] == 10 and of["pythia", "160m", "data-seed"] == 3
    assert of["gpt2", "small", None] == of["gpt2", "medium", None] == 5
    runs = [(m.family, m.size, m.variant, m.seed) for m in PUBLISHED]
    assert len(set(runs)) == len(runs) == len(suites.published())
    assert ("pythia", "160m", None, 3) in runs and ("gpt2", "small", None, 777) in runs


@pytest.mark.parametrize("name", ["pythia-160m", "EleutherAI/pythia-160m", "eleutherai/Pythia-160M"])
def test_a_model_is_found_by_its_name_or_its_repository(name):
    found = suites.find(name)
    assert found and found.name == "pythia-160m" and found.repository == "EleutherAI/pythia-160m"
    assert found.shape == {"n_layers": 12, "n_heads": 12, "d_model": 768} and found.parallel
    assert suites.find("pythia-161m") is None
