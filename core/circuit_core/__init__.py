"""Circuits, head roles and behaviour of language models across training checkpoints: the mathematics.

`tasks` make prompts, `loading` makes a checkpoint a model, `circuits` score edges and evaluate circuits, `heads` score
roles; all return frozen results. `sweep` runs them over checkpoints into a store; nothing else here knows of one.
"""

__version__ = "0.1.0"
