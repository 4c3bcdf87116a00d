"""From devices and numbers of workers to slots, without torch."""

import os

import pytest

from circuit_sweep.planning.slots import Slots


def test_cores_are_shared_by_the_slots_of_the_cpu(monkeypatch):
    """Invariant: no more threads than cores, however many slots; each slot has a name of its own."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for workers, cores in ((1, 8), (3, 2), (16, 1)):
        slots = Slots("cpu", workers).slots()
        assert [s.cores for s in slots] == [cores] * workers and len({s.name for s in slots}) == workers


@pytest.mark.parametrize("given, seen", [(None, ["0", "1"]), ("5,GPU-7a", ["5", "GPU-7a"]), ("5", ["5", "-1"])])
def test_a_worker_sees_its_own_gpu_alone(monkeypatch, given, seen):
    """Invariant: `cuda:N` counts within the GPUs that the user lets one see; one that is not there is none."""
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    slots = Slots("cuda:0,cuda:1", per_gpu=2).slots()
    assert [(s.device, s.visible) for s in slots] == [(f"cuda:{i}", seen[i]) for i in (0, 0, 1, 1)]


def test_what_was_asked_comes_back_from_the_store():
    """Invariant: a record of slots reads as it was written; what an older or newer program wrote is left out."""
    asked = Slots("cuda:1", 2, 3)
    assert Slots.read(vars(asked) | {"unknown": 1}) == asked and Slots.read({}) == Slots()
