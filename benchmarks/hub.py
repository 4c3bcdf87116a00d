"""A sweep over a model of the hub: time a checkpoint beside the longer of fetching with reading, and of computing.

    python benchmarks/hub.py [--checkpoints 30] [--rate 50] [--tasks ioi]

The hub is a server on the loopback, a process of its own throttled to so many MB/s, that serves random weights of
pythia-70m's shape. The command line computes behaviour of them all, with room for three on disk; its log and its store
tell the seconds. Printed are JSON lines: one of each checkpoint but the first, which waits for the start of a worker,
and {name, value, unit, goal} of their means:

    time        from the end of one checkpoint to the end of the next
    fetch       from asking for it until it has come and was read once
    load        from the order to the worker until it is in the model that stands
    compute     its analyses
    ratio       time / max(fetch + load, compute); what is fetched while another computes costs no time
"""

import argparse
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import random_pythia
from hub import Hub

REPOSITORY = "EleutherAI/pythia-70m"
GOAL = 1.3
COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]
SAID = re.compile(r"(?P<when>\S+ \S+),(?P<ms>\d+) .* run \d+: \S+@(?P<step>\d+) (?P<what>\w+) (?P<seconds>[\d.]+) s")
"""A line of the log about a checkpoint."""


def serve(folder: Path, rate: float) -> None:
    """What the hub's process does until its input is closed; it says first how to reach it."""
    served = {at.name: at for at in folder.glob("step*")}
    with Hub({REPOSITORY: served}, home=folder / "hf") as hub:
        for held in served.values():
            hub.files(held)  # their hashes, which the real hub knows
        hub.rate = rate * 1e6
        print(json.dumps(hub.env), flush=True)
        sys.stdin.read()


@contextmanager
def served(folder: Path, rate: float) -> Iterator[dict[str, str]]:
    """The environment of those who use the hub."""
    command = [sys.executable, __file__, "--serve", str(folder), "--rate", str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdin and hub.stdout
        yield json.loads(hub.stdout.readline())
        hub.stdin.close()


def logged(folder: Path) -> dict[int, dict[str, float]]:
    """Step -> seconds to fetch and to load it, and when it was done, in the order of their ends."""
    found: dict[int, dict[str, float]] = {}
    for said in SAID.finditer("\n".join(path.read_text() for path in folder.rglob("*.log"))):
        of = found.setdefault(int(said["step"]), {})
        of[said["what"]] = float(said["seconds"])
        of["end"] = datetime.fromisoformat(said["when"]).timestamp() + int(said["ms"]) / 1000
    return {step: of for step, of in sorted(found.items(), key=lambda item: item[1]["end"]) if "done" in of}


def computed(store: Path) -> dict[int, float]:
    """Step -> seconds of its analyses."""
    of = "SELECT step, sum(seconds) FROM result JOIN checkpoint c ON c.id = checkpoint_id GROUP BY step"
    with closing(sqlite3.connect(store)) as db:
        return dict(db.execute(of).fetchall())


def swept(folder: Path, hub: dict[str, str], steps: list[int], tasks: str) -> list[dict[str, float]]:
    """A sweep over all steps: seconds of each but the first."""
    store, state = folder / "store.db", folder / "state"
    asked = ["run", "pythia-70m", "--checkpoints", ",".join(map(str, steps)), "--tasks", tasks]
    asked += ["--analyses", "behaviour", "--device", "cpu", "--disk", "450MB"]
    own = {"XDG_STATE_HOME": str(state), "CIRCUIT_TUI_STORE": str(store)}
    subprocess.run([*COMMAND, *asked], env={**os.environ, **hub, **own}, check=True, stdout=sys.stderr)
    each, compute = logged(state), computed(store)
    ends = [of["end"] for of in each.values()]
    return [
        {"step": step, "time": end - before, "fetch": of["fetched"], "load": of["loaded"], "compute": compute[step]}
        for (step, of), before, end in zip([*each.items()][1:], ends, ends[1:], strict=False)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoints", type=int, default=30)
    parser.add_argument("--rate", type=float, default=50.0, help="MB/s")
    parser.add_argument("--tasks", default="ioi")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve, args.rate)
    with tempfile.TemporaryDirectory(prefix="hub-benchmark-") as name:
        folder, steps = Path(name), [1000 * (i + 1) for i in range(args.checkpoints)]
        first = random_pythia.made(folder / "first", 6, 512, 8)
        for number, step in enumerate(steps, 1):
            random_pythia.branch(first, folder / f"step{step}", number)
        with served(folder, args.rate) as hub:
            each = swept(folder, hub, steps, args.tasks)
    for of in each:
        print(json.dumps({name: round(value, 2) for name, value in of.items()}))
    mean_of = {name: mean(of[name] for of in each) for name in ("time", "fetch", "load", "compute")}
    for name, value in mean_of.items():
        print(json.dumps({"name": f"hub {name}", "value": round(value, 3), "unit": "s a checkpoint", "goal": None}))
    ratio = mean_of["time"] / max(mean_of["fetch"] + mean_of["load"], mean_of["compute"])
    print(json.dumps({"name": "hub ratio", "value": round(ratio, 3), "unit": "ratio", "goal": GOAL}))


if __name__ == "__main__":
    main()
