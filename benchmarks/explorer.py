"""The explorer in a real pseudo-terminal: what it takes to start, to answer a key, to open a page, and to lie idle.

    python benchmarks/explorer.py --store STORE [--json] [--down 1] [--repeats 20]
    python benchmarks/explorer.py --job sample-0.1m sample-0.2m [--workers 2]

120 x 40, 256 colours. Each figure is a line of text or, with `--json`, of JSON: name, value, unit, goal. A key has been
answered when nothing has come for a while and every thread sleeps; its milliseconds end with the last byte. CPU is that
of all threads, which other load on the machine does not stretch as it does the clock. The first frame is the first
output that names a pane; data, the first that names a model of the store. `--down` goes to a later model of the list.
With `--job`, bytes a second that are written while these models are computed into a new store: on the page of the
queue, and on the panes. The last figures are of keys while results come into a copy of the store (`job.py`).
"""

import argparse
import fcntl
import itertools
import json
import os
import pty
import select
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from circuit_store.connection import uri
from circuit_sweep.runner.launch import alive

FIRST = 2.0
"""Seconds in which a page is drawn for the first time."""
QUIET = 0.12
"""Seconds of rest after which a key has been answered."""
AT_REST = 0.3
"""The same of an explorer that has just opened: less than lies between two looks at the store, which are work."""
KEYS = {
    "head cursor": (b"\x0fd", (b"l", b"j", b"l", b"k", b"h"), 30),
    "step": (b"\x0fd", (b",", b",", b",", b"."), 80),
    "role": (b"\x0fd", (b"mm",), 80),
    "pane switch": (b"", (b"\t",), 80),
    "tree cursor": (b"\x0fg", (b"j", b"j", b"k"), 30),
    "step on page A": (b"A", (b",", b",", b"."), 80),
}
"""Name -> the key before, the keys in turn, and the goal in milliseconds."""
PAGES = {"page A": b"A", "page a": b"a", "page W": b"W", "page i": b"i", "page 7": b"7"}
BESIDE = b"\t,\t.\t,\t."
"""Keys that each change something, one after the other, while a job writes."""
AFTER = 0.04
"""Seconds without a byte after which one answer has been written, where other things are written, too."""
OPENED = 150
"""Milliseconds that a page may take to open."""


class Explorer:
    """The program and its terminal."""

    def __init__(self, store: str):
        environment = {**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": tempfile.mkdtemp()}
        environment.pop("COLORTERM", None)
        self.began = time.perf_counter()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(sys.executable, [sys.executable, "-m", "circuit_tui", "--store", store], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def until(self, mark: bytes) -> float:
        """Seconds since the start until the output holds a text."""
        seen = b""
        while mark not in seen:
            seen += os.read(self.terminal, 65536)
        return time.perf_counter() - self.began

    def tasks(self) -> Iterable[Path]:
        return Path(f"/proc/{self.pid}/task").iterdir()

    def cpu(self) -> float:
        """Milliseconds of all threads that are there."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self.tasks()) / 1e6

    def asleep(self) -> bool:
        return all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "S" for task in self.tasks())

    def settle(self, quiet: float = QUIET) -> tuple[int, float]:
        """Read until nothing comes and nobody works for a while: bytes, and seconds to the last of them."""
        began, last, size = time.perf_counter(), 0.0, 0
        rest = began
        while time.perf_counter() - rest < quiet:
            if select.select([self.terminal], [], [], 0.01)[0]:
                size += len(os.read(self.terminal, 65536))
                last = time.perf_counter() - began
                rest = time.perf_counter()
            elif not self.asleep():
                rest = time.perf_counter()
        return size, last

    def press(self, key: bytes) -> tuple[float, float, int]:
        """Milliseconds to the last byte, milliseconds of CPU, bytes."""
        before = self.cpu()
        os.write(self.terminal, key)
        size, last = self.settle()
        return 1000 * last, self.cpu() - before, size

    def answer(self, key: bytes) -> float:
        """Milliseconds to the last byte of the first that come, whoever works besides; 5000 if nothing comes."""
        began = last = time.perf_counter()
        os.write(self.terminal, key)
        while select.select([self.terminal], [], [], AFTER if last > began else 5)[0]:
            os.read(self.terminal, 65536)
            last = time.perf_counter()
        return 1000 * (last - began) if last > began else 5000.0

    def memory(self) -> float:
        """The most that was resident, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

    def quit(self) -> None:
        os.write(self.terminal, b"\x11")
        with suppress(OSError):  # the terminal is gone with the program
            while os.read(self.terminal, 65536):
                pass
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


class Report:
    def __init__(self, as_json: bool):
        self.as_json = as_json

    def add(self, name: str, value: float, unit: str, goal: float | None = None) -> None:
        value = round(value, 1)
        if self.as_json:
            print(json.dumps({"name": name, "value": value, "unit": unit, "goal": goal}), flush=True)
        else:
            print(f"{name:32} {value:8} {unit:4}" + (f"   (goal {goal:g})" if goal is not None else ""), flush=True)

    def keys(self, name: str, seen: list[tuple[float, float, int]], goal: float) -> None:
        """Median and 95th percentile, by the clock and in CPU."""
        clock, cpu, sizes = (sorted(part) for part in zip(*seen, strict=True))
        for of, values in (("wall", clock), ("CPU", cpu)):
            self.add(f"{name}, median {of}", statistics.median(values), "ms")
            self.add(f"{name}, p95 {of}", values[min(len(values) - 1, int(0.95 * len(values)))], "ms", goal)
        self.add(f"{name}, bytes", statistics.median(sizes), "B")


def starts(store: str, model: bytes, repeats: int, report: Report) -> None:
    frames, data, cpu = [], [], []
    for _ in range(repeats):
        explorer = Explorer(store)
        frames.append(explorer.until(b"Models"))
        data.append(explorer.until(model))
        cpu.append(explorer.cpu() / 1000)
        explorer.settle(AT_REST)
        explorer.quit()
    report.add("first frame, median wall", statistics.median(frames), "s", 1.0)
    report.add("data in the pane, median wall", statistics.median(data), "s", 0.8)
    report.add("data in the pane, median CPU", statistics.median(cpu), "s", 0.8)


def walk(store: str, down: int, repeats: int, report: Report) -> None:
    """Every key and page, in one session."""
    with closing(sqlite3.connect(uri(Path(store), "mode=ro"), uri=True)) as db:
        model = db.execute("SELECT min(name) FROM model").fetchone()[0].encode()
    report.add("load of the machine", os.getloadavg()[0], "")
    starts(store, model, 3, report)
    explorer = Explorer(store)
    explorer.until(model)
    explorer.settle(AT_REST)
    for key in b"j" * down:
        explorer.press(bytes([key]))
    for name, (before, keys, goal) in KEYS.items():
        explorer.press(before) if before else None
        report.keys(name, [explorer.press(keys[i % len(keys)]) for i in range(repeats)], goal)
    explorer.press(b"\x1b")
    for name, key in PAGES.items():
        seen = []
        for _ in range(max(3, repeats // 4)):
            seen.append(explorer.press(key))
            explorer.press(b"\x1b")
        report.keys(name, seen, OPENED)
    before = explorer.cpu()
    began, size = time.perf_counter(), 0
    while time.perf_counter() - began < 5:
        if select.select([explorer.terminal], [], [], 0.2)[0]:
            size += len(os.read(explorer.terminal, 65536))
    report.add("idle, bytes in 5 s", size, "B", 0)
    report.add("idle, CPU in 5 s", explorer.cpu() - before, "ms")
    report.add("memory, everything opened once", explorer.memory(), "MB", 100)
    explorer.quit()


def beside_a_job(store: str, number: int, report: Report) -> None:
    """Keys while results come into a copy of the store, and two workers at nice 10 leave no processor idle."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store.db"
        with closing(sqlite3.connect(uri(Path(store), "mode=ro"), uri=True)) as db:
            db.execute("VACUUM INTO ?", (str(copy),))
            model = db.execute("SELECT min(name) FROM model").fetchone()[0].encode()
        job = subprocess.Popen([sys.executable, Path(__file__).with_name("job.py"), copy])
        explorer = Explorer(str(copy))
        explorer.until(model)
        time.sleep(FIRST)
        keys, before = itertools.islice(itertools.cycle(BESIDE), number), explorer.cpu()
        seen = sorted(explorer.answer(bytes([key])) for key in keys)
        report.add("a key while a job writes, mean CPU", (explorer.cpu() - before) / number, "ms")
        report.add("load of the machine, with a job", os.getloadavg()[0], "")
        for share, goal in ((50, None), (95, 100), (99, 300)):
            name = "median" if share == 50 else f"p{share}"
            report.add(f"a key while a job writes, {name} wall", seen[(len(seen) - 1) * share // 100], "ms", goal)
        report.add("a key while a job writes, longest", seen[-1], "ms")
        explorer.quit()
        job.kill()
        job.wait()


def watch(models: list[str], workers: int, keys: bytes) -> float:
    """Bytes a second from a moment after the keys until the run has ended."""
    store = Path(tempfile.mkdtemp()) / "store.db"
    command = [sys.executable, "-m", "circuit_tui", "--store", str(store), "run", *models]
    subprocess.run([*command, "--detach", "--workers", str(workers)], check=True, capture_output=True)
    explorer = Explorer(str(store))
    explorer.until(b"sample-")
    os.write(explorer.terminal, keys)
    began, sizes = time.perf_counter(), []
    while alive(store):
        if select.select([explorer.terminal], [], [], 0.2)[0]:
            sizes.append((time.perf_counter() - began, len(os.read(explorer.terminal, 65536))))
    seconds = time.perf_counter() - began
    explorer.quit()
    return sum(size for at, size in sizes if at > FIRST) / (seconds - FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--down", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--keys", type=int, default=500, help="while a job writes")
    parser.add_argument("--job", nargs="+", metavar="MODEL")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    report = Report(args.json)
    for name, keys in (("queue", b"7"), ("panes", b"")) if args.job else ():
        report.add(f"while a job runs, {name}", watch(args.job, args.workers, keys) / 1000, "kB/s", 2.0)
    if args.store:
        walk(args.store, args.down, args.repeats, report)
        beside_a_job(args.store, args.keys, report)


if __name__ == "__main__":
    main()
