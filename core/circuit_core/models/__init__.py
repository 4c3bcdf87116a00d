"""Checkpoints on disk and the models they become: names, files, sizes, identity, loading."""
