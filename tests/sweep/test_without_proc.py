"""A laptop without /proc, such as a Mac, computes as well."""

import no_proc


def test_a_checkpoint_is_computed(bench, monkeypatch):
    """Invariant: the command, the runner and the worker's computation need nothing of /proc; the store asks for it."""
    missed = no_proc.hide(monkeypatch)
    _, told = bench.here("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "behaviour,heads")
    assert "1 checkpoint computed, 0 were already there, 0 failed." in told
    assert "/proc/self/mountinfo" in missed
