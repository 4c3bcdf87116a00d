"""Every analysis over the sample suite, as a sweep computes it: seconds a checkpoint, split by analysis.

    python benchmarks/sweep.py [--tasks ioi] [--checkpoints all]

In one process, with the threads that the sweep's worker chooses; loading is counted by itself.
"""

import argparse
import time
from collections import defaultdict

from circuit_core.models import checkpoints, suites
from circuit_core.tasks.specs import TASKS
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_sweep.worker.checkpoint import LoadedCheckpoint

TEXT = suites.sample_folder() / "text.txt"


def measure(model: suites.KnownModel, schedule: str, request: Request) -> tuple[int, dict[str, float]]:
    """Checkpoints, and the seconds of loading and of each analysis."""
    found = {f.step: f.revision for f in checkpoints.discover(model.folder)}
    steps = suites.choose(list(found), schedule)
    wanted = analyses(request, [TASKS[name] for name in request.tasks], "sample")
    spent: dict[str, float] = defaultdict(float)
    for step in steps:
        began = time.perf_counter()
        loaded = LoadedCheckpoint(model.folder / found[step], "cpu", "float32", TEXT.read_text())
        spent["load"] += time.perf_counter() - began
        for analysis in wanted:
            began = time.perf_counter()
            loaded.compute(analysis)
            name = analysis.role if analysis.kind == "heads" and analysis.role else analysis.kind
            spent[name] += time.perf_counter() - began
    return len(steps), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", default="ioi")
    parser.add_argument("--checkpoints", default="all")
    args = parser.parse_args()
    request = Request(tasks=tuple(args.tasks.split(",")), analyses=ANALYSES)
    for model in suites.sample_suite():
        n, spent = measure(model, args.checkpoints, request)
        whole = sum(seconds for name, seconds in spent.items() if name != "load")
        print(f"{model.name}  {whole / n:.2f} s a checkpoint after {spent['load'] / n:.2f} s of loading   (goal: 3)")
        for name, seconds in sorted(spent.items(), key=lambda part: -part[1]):
            if name != "load" and seconds / n >= 0.005:
                print(f"    {name:24} {seconds / n:6.2f} s  {seconds / whole:5.0%}")


if __name__ == "__main__":
    main()
