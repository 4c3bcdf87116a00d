"""Start the runner of a store as its own process. Light: the caller imports no torch."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path


def start(store: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start `python -m circuit_core.sweep` in a session of its own: it lives on when the terminal closes.

    What it prints goes to `log`. Modules in the working directory are not imported (`-P`).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "circuit_core.sweep", str(store)],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
    finally:
        os.close(handle)


def alive(store: Path) -> bool:
    """Whether some process on this host computes for the store: it holds the lock beside it."""
    try:
        with open(f"{store}.lock") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
