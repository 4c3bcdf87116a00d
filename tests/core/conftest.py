"""The reference cases and a sample model, as fixtures; circuit_core is imported inside them so that the run-time check
of its annotations is in place first."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from places import GOLDEN


@dataclass(frozen=True, eq=False)
class Golden:
    """A reference model, its prompts, and the figures of the public implementations."""

    loaded: Any
    prompts: Any
    arrays: dict[str, np.ndarray]
    figures: dict[str, Any]

    @property
    def bridge(self):
        return self.loaded.bridge

    @property
    def graph(self):
        return self.loaded.graph


@pytest.fixture(scope="session", params=["neox_parallel", "neox_sequential", "gpt2_sequential"])
def golden(request) -> Golden:
    return shared_golden(request.param)


@pytest.fixture(scope="session")
def parallel() -> Golden:
    return shared_golden("neox_parallel")


@pytest.fixture(scope="session")
def named(parallel):
    """The parallel reference model, its prompts read as if names stood at three places."""
    import torch

    places = {who: torch.full((len(parallel.prompts),), p) for who, p in {"IO": 1, "S1": 3, "S2": 5}.items()}
    return parallel.loaded, replace(parallel.prompts, positions=places)


@pytest.fixture
def fresh_parallel() -> Golden:
    """A copy that a test may change."""
    return load_golden("neox_parallel")


@cache
def shared_golden(name: str) -> Golden:
    """One for all tests: pytest makes a fixture with parameters anew in each file."""
    return load_golden(name)


def load_golden(name: str) -> Golden:
    import torch

    from circuit_core import loading
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    arrays = dict(np.load(GOLDEN / name / "reference.npz"))
    figures = json.loads((GOLDEN / name / "reference.json").read_text())
    clean, corrupted, lengths, labels = (
        torch.from_numpy(arrays[k]) for k in ("clean", "corrupted", "lengths", "labels")
    )
    prompts = PromptSet(name, clean, corrupted, lengths - 1, LogitDifference(labels[:, 0], labels[:, 1]))
    return Golden(loading.load(GOLDEN / name / "model"), prompts, arrays, figures)


@pytest.fixture(scope="session")
def sample():
    """The four-layer sample model at its last step, and its IOI prompts."""
    from circuit_core import loading
    from circuit_core.models import suites, tokenizers
    from circuit_core.tasks.sampling import generate

    loaded = loading.load(suites.sample_folder() / "sample-0.2m" / "step7000")
    tokenizer: Any = loaded.tokenizer
    return loaded, generate("ioi", tokenizers.encoder(tokenizer), tokenizer.unk_token_id)
