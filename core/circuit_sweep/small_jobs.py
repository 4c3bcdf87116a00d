"""Small jobs that need torch or a tokenizer, done by a process of their own for one that imports neither."""

import json
import os
import subprocess
import sys
from typing import Any

from circuit_core.errors import CircuitError


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
