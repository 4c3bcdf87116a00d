"""Start processes that may import torch, from one that does not: the runner of a store, and calls."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from circuit_core.errors import CircuitError
from circuit_store import private_files
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
    ask("refresh_trends", store=str(store), models=list(models))


def ask(call: str, **given: Any) -> Any:
    """Let a process of its own do what needs torch or a tokenizer (`calls`): what it has found.

    Raises:
        CircuitError: with the sentence that it says, or of its end if it says nothing.
    """
    command = [sys.executable, "-P", "-m", "circuit_sweep"]
    asked = json.dumps({"call": call, "given": given})  # no argument: these may have 128 kB
    ended = subprocess.run(command, capture_output=True, text=True, input=asked)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"The process for {call} ended with code {ended.returncode}."]
        raise CircuitError(lines[-1])
    reply = json.loads(ended.stdout)
    if "error" in reply:
        raise CircuitError(reply["error"])
    return reply["found"]
