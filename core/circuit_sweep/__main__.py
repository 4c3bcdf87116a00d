"""`python -m circuit_sweep STORE [LOG]`: compute what is queued in a store, as a process of its own."""

import logging
import os
import sys
from pathlib import Path

from circuit_sweep.runner.runner import run

if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    sys.exit(run(Path(sys.argv[1]), *map(Path, sys.argv[2:3])))
