"""Two workers beside one, through the command line: seconds for the same units, and the ratio.

    python benchmarks/slots.py [--units 40]

One checkpoint of the smallest sample model under many steps; each worker has one thread. A run before the two warms the
file cache. The figures mean something only on two cores that nothing else uses.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from circuit_core import checkpoints, suites

SOURCE = suites.sample_folder() / "sample-0.1m"
COMMAND = [sys.executable, "-P", "-m", "circuit_tui"]


def units(folder: Path, n: int) -> Path:
    """A model with `n` checkpoints that are all alike."""
    last = SOURCE / checkpoints.discover(SOURCE)[-1].revision
    for step in range(n):
        shutil.copytree(last, folder / "many" / f"step{step}")
    return folder / "many"


def seconds(model: Path, workers: int, store: Path) -> float:
    asked = ["run", str(model), "--analyses", "behaviour,heads,circuit", "--workers", str(workers)]
    began = time.perf_counter()
    subprocess.run([*COMMAND, "--store", str(store), *asked], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--units", type=int, default=40)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = units(folder, args.units)
        seconds(units(folder / "warm", 1), 1, folder / "warm.db")
        one, two = (seconds(model, n, folder / f"{n}.db") for n in (1, 2))
    print(f"{args.units} units: one worker {one:.1f} s, two {two:.1f} s; ratio {one / two:.2f}   (goal: at least 1.7)")


if __name__ == "__main__":
    main()
