"""One run of a model taken apart: its residual stream, positions, attention, readout; batches that fit in memory."""

IN_MAIN_MEMORY = 2**32
"""Bytes of a batch on a CPU: the tasks' own prompts fit at once on a model of 160 million parameters."""
