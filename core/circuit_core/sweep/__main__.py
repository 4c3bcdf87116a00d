"""`python -m circuit_core.sweep STORE`: compute what is queued in a store, as a process of its own."""

import logging
import os
import sys
from pathlib import Path

from circuit_core.sweep.runner import run

if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    run(Path(sys.argv[1]))
