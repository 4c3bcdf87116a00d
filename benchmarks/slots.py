"""Two workers beside one, through the command line: seconds for the whole sample suite, and the ratio.

    python benchmarks/slots.py

Its 48 checkpoints, with the analyses that `run` makes if none are named; each worker has one thread. A run before the
two warms the file cache. The figures mean something only on two cores that nothing else uses.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from circuit_core.models import checkpoints, suites

COMMAND = [sys.executable, "-P", "-m", "circuit_tui"]


def seconds(models: list[str], workers: int, store: Path) -> float:
    asked = ["run", *models, "--workers", str(workers)]
    began = time.perf_counter()
    subprocess.run([*COMMAND, "--store", str(store), *asked], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    suite = suites.sample_suite()
    models = [model.name for model in suite]
    units = sum(len(checkpoints.discover(model.folder)) for model in suite)
    with tempfile.TemporaryDirectory() as name:
        seconds(models[:1], 2, Path(name) / "warm.db")
        one, two = (seconds(models, n, Path(name) / f"{n}.db") for n in (1, 2))
    print(f"{units} units: one worker {one:.1f} s, two {two:.1f} s; ratio {one / two:.2f}   (goal: at least 1.7)")


if __name__ == "__main__":
    main()
