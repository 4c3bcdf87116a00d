"""A sweep over a model of the hub: time a checkpoint beside the longer of fetching with reading, and of computing.

    python benchmarks/hub.py [--checkpoints 30] [--rate 50] [--tasks ioi,gendered_pronoun]

The hub is a server on the loopback, throttled to so many MB/s, that serves random weights of pythia-70m's shape. The
command line computes behaviour of them all. Printed are JSON lines {name, value, unit, goal}:

    time        seconds from one checkpoint's end to the next, the first left out, which waits for the start of a worker
    fetch       seconds that a checkpoint takes alone through that line
    read        seconds to read it into the model of the one before
    compute     seconds of its analyses in the sweep
    ratio       time / max(fetch + read, compute); what is fetched and read while another computes costs no time
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import random_pythia
from hub import Hub

REPOSITORY = "EleutherAI/pythia-70m"
GOAL = 1.3
COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]
FETCH = f"""
import time
from circuit_core.models import hub
of = hub.listing({REPOSITORY!r}, "step1000")
began = time.perf_counter()
hub.fetch(of)
print(time.perf_counter() - began)
"""
READ = """
import sys, time
from pathlib import Path
from circuit_sweep.worker.checkpoint import LoadedCheckpoint
seconds = []
for folder in sys.argv[1:]:
    began = time.perf_counter()
    LoadedCheckpoint(Path(folder), "cpu", "float32", None)
    seconds.append(time.perf_counter() - began)
print(min(seconds[1:]))
"""


def alone(code: str, hub: Hub, home: Path, *args: str) -> float:
    """Seconds that a process of its own prints, with a cache of its own."""
    env = {**os.environ, **hub.env, "HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}
    done = subprocess.run([sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def ends(store: Path, sweep: "subprocess.Popen[bytes]") -> list[float]:
    """When each unit was seen to be done."""
    found: list[float] = []
    while sweep.poll() is None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            (done,) = db.execute("SELECT count(*) FROM unit WHERE state = 'done'").fetchone()
            found += [time.perf_counter()] * (done - len(found))
        time.sleep(0.05)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoints", type=int, default=30)
    parser.add_argument("--rate", type=float, default=50.0, help="MB/s")
    parser.add_argument("--tasks", default="ioi,gendered_pronoun")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hub-benchmark-") as folder:
        at, steps = Path(folder), [1000 * (i + 1) for i in range(args.checkpoints)]
        first = random_pythia.made(at / "first", 6, 512, 8)
        served = {f"step{s}": random_pythia.branch(first, at / f"step{s}", i + 1) for i, s in enumerate(steps)}
        with Hub({REPOSITORY: served}, home=at / "hf") as hub:
            for held in served.values():
                hub.files(held)  # their hashes, which the real hub knows
            hub.rate = args.rate * 1e6
            fetch = alone(FETCH, hub, at / "alone")
            read = alone(READ, hub, at / "alone", *map(str, [*served.values()][:3]))
            store = at / "store.db"
            own = {"XDG_STATE_HOME": str(at / "state"), "CIRCUIT_TUI_STORE": str(store)}
            asked = ["run", "pythia-70m", "--checkpoints", ",".join(map(str, steps)), "--tasks", args.tasks]
            asked += ["--analyses", "behaviour", "--device", "cpu", "--disk", "1GB"]
            with subprocess.Popen([*COMMAND, *asked], env={**os.environ, **hub.env, **own}) as sweep:
                seen = ends(store, sweep)
            with closing(sqlite3.connect(store)) as db:
                spent = "SELECT sum(seconds) FROM result GROUP BY checkpoint_id ORDER BY min(id)"
                compute = mean([seconds for (seconds,) in db.execute(spent)][1:])
    each = (seen[-1] - seen[0]) / (len(seen) - 1)
    seconds = {"time": each, "fetch": fetch, "read": read, "compute": compute}
    for name, value in seconds.items():
        print(json.dumps({"name": f"hub {name}", "value": round(value, 3), "unit": "s a checkpoint", "goal": None}))
    ratio = each / max(fetch + read, compute)
    print(json.dumps({"name": "hub ratio", "value": round(ratio, 3), "unit": "ratio", "goal": GOAL}))


if __name__ == "__main__":
    main()
