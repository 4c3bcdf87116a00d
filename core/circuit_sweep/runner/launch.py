"""Start processes that may import torch, from one that does not: the runner of a store, and small jobs."""

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
    ask("circuit_sweep.runner.update_trends", str(store), *models)


def ask(module: str, *given: Any) -> Any:
    """Let a process of its own do a small job that needs torch or a tokenizer, and read the JSON that it prints.

    What it is given goes to its standard input as a JSON list: an argument may not be longer than 128 kB.

    Raises:
        CircuitError: with the sentence that the process ended with.
    """
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    command = [sys.executable, "-P", "-m", module]
    ended = subprocess.run(command, capture_output=True, text=True, input=json.dumps(given), env=environment)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"{module} ended with code {ended.returncode}."]
        raise CircuitError(lines[-1])
    return json.loads(ended.stdout) if ended.stdout.strip() else None
