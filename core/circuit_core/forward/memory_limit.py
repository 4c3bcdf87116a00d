"""How much main memory a batch may take. Light: estimates read it without torch."""

IN_MAIN_MEMORY = 2**32
"""Bytes of a batch on a CPU: the tasks' own prompts fit at once on a model of 160 million parameters."""
