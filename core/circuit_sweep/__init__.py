"""Sweeps: what to compute over checkpoints (`planning`), computing one (`worker`), where workers run (`engines`), and
the one process that writes results into a store (`runner`), which outlives the command that started it."""
