"""`python -m circuit_sweep STORE [LOG]`: compute what is queued in a store, as a process of its own.

`python -m circuit_sweep`: answer the one call on standard input (`calls`). What libraries print is no part of a reply.
"""

import logging
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from circuit_sweep import calls

if __name__ == "__main__":
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if len(sys.argv) > 1:
        from circuit_sweep.runner.process import run

        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
        sys.exit(run(Path(sys.argv[1]), *map(Path, sys.argv[2:3])))
    os.environ["HF_HUB_OFFLINE"] = "1"  # only the runner fetches
    with redirect_stdout(sys.stderr):
        reply = calls.reply(sys.stdin.read())
    print(reply)
