"""The asking side of `calls`: a process that imports neither torch nor tokenizers lets another do what needs them."""

import json
import subprocess
import sys
from typing import Any

from circuit_core.errors import CircuitError


def ask(call: str, **given: Any) -> Any:
    """What a process of its own has found.

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
