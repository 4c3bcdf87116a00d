"""The command `circuit-tui`: compute, look, export. Each command imports what it needs when it runs.

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 cancelled.
"""

from circuit_tui.cli import (
    circuit,
    compare,
    completion,
    demo,
    figures,
    info,
    jobs,
    maintenance,
    models,
    patch,
    picture,
    reproduce,
    run,
    show,
    tasks,
)
from circuit_tui.cli.main import main

__all__ = [
    "circuit",
    "compare",
    "completion",
    "demo",
    "figures",
    "info",
    "jobs",
    "main",
    "maintenance",
    "models",
    "patch",
    "picture",
    "reproduce",
    "run",
    "show",
    "tasks",
]
