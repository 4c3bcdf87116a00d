"""Start the runner of a store, from a process that does not import torch."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from circuit_store import private_files
from circuit_sweep import caller
from circuit_sweep.runner import lock


def start(store: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start `python -m circuit_sweep` in a session of its own: it lives on when the terminal closes.

    What it prints goes to `log`, which the user alone may read. Modules in the working directory are not imported
    (`-P`).
    """
    private_files.folder(log.parent)
    handle = private_files.opener(str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "circuit_sweep", str(store), str(log)],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
    finally:
        os.close(handle)


def alive(store: Path) -> bool:
    """Whether some process on this host computes for the store: it holds the lock beside it, and that can be seen."""
    try:
        return lock.held(store)
    except lock.LockUnusable:
        return False


def refresh_trends(store: Path, models: Iterable[str]) -> None:
    """Compute the trends of models anew, where no run will be there at whose end they follow. Raises: CircuitError."""
    caller.ask("refresh_trends", store=str(store), models=list(models))
