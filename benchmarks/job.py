"""Results come into a store as from a job that computes what is there once more, until the program is ended.

    python benchmarks/job.py STORE [--workers 2] [--pause 0.1]

Units are taken and finished, and results written, by the code that the runner uses: each with all that the result of
before has, under another key, a pause apart. Workers are processes at nice 10 that are never idle and compute nothing.
Use a copy of a store: `benchmarks/explorer.py --store STORE --job` makes one.
"""

import argparse
import dataclasses
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from circuit_store import results
from circuit_store.merge_source import Source, columns_below
from circuit_store.queue import requests, units
from circuit_store.results import Provenance, Record, TableRows, TaskRecord
from circuit_store.store import open_to_write

_BUSY = "import os; os.nice(10)\nwhile os.getppid() == {}: pass"


def found(db: sqlite3.Connection, checkpoint: int, run: int) -> Iterator[tuple[Provenance, Record]]:
    """What was found of a checkpoint, as if it were found again."""
    source, names = Source(db), {field.name for field in dataclasses.fields(Provenance)}
    for own, task in db.execute("SELECT id, task_id FROM result WHERE checkpoint_id = ?", (checkpoint,)).fetchall():
        result = source.result(own)
        asked = db.execute("SELECT name, hash, metric, prepend_bos FROM task WHERE id = ?", (task,)).fetchone()
        row = {name: value for name, value in result.row.items() if name in names}
        row |= {"params": json.loads(row["params"]), "key": f"{row['key'][:64]} {run}", "run": run}
        tables = (TableRows(t, tuple(columns_below(t).split(", ")), rows) for t, rows in result.content.items())
        yield (
            Provenance(**row, checkpoint=checkpoint, task=asked and TaskRecord(*asked)),
            Record(tuple(tables), result.row["reason"]),
        )


def compute(db: sqlite3.Connection, pause: float) -> None:
    """A run of all checkpoints of the first model, over and over."""
    model, name = db.execute("SELECT id, name FROM model ORDER BY name").fetchone()
    checkpoints = [row[0] for row in db.execute("SELECT id FROM checkpoint WHERE model_id = ? ORDER BY step", (model,))]
    while True:
        run = requests.add_run(db, {"models": [name]}, checkpoints)
        while unit := units.take_unit(db, "0:cpu"):
            again = list(found(db, unit.checkpoint, run))
            for number, (of, record) in enumerate(again):
                unit.doing(of.analysis, number / len(again))
                results.write(db, of, record)
                time.sleep(pause)
            unit.finish("done", 1.0)
        requests.close_runs(db, run)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.1)
    args = parser.parse_args()
    for _ in range(args.workers):
        subprocess.Popen([sys.executable, "-c", _BUSY.format(os.getpid())])
    compute(open_to_write(args.store), args.pause)


if __name__ == "__main__":
    main()
