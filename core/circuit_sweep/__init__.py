"""Sweeps: what to compute over checkpoints (`plan`), computing it (`worker`), and the one process that writes it into a
store (`runner`), which lives on when whoever asked has gone (`launch`)."""
