"""The names of the explorer's screens, and of the panes of the first; nothing here imports the screens."""

SCREENS = {
    "explore": "Models, checkpoints, heads, history and circuit side by side",
    "study": "All models over training: behaviour, heads, stages, size and similarity of circuits",
    "circuit": "The circuit drawn layer by layer, its parts, and how faithful it is",
    "compare": "This checkpoint beside a baseline: heads, circuit, and similarity over time",
    "head": "One head in full: roles, circuits, edges, attention, effects",
    "tables": "Any view of the store as a table: sort, filter, count, SQL",
    "jobs": "The queue: runs, their units, log, cancel and retry",
}
"""Name -> what it shows; the keys `1` to `7` in this order."""
PANES = ("models", "checkpoints", "heads", "history", "circuit")
"""Of the first screen; one of them has the focus."""
