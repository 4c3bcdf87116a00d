"""The explorer in a real pseudo-terminal: seconds to the first frame and to the data, and bytes and seconds a key.

    python benchmarks/explorer.py STORE [--repeats 5]
    python benchmarks/explorer.py --job sample-0.1m sample-0.2m [--workers 2]

120 x 40, 256 colours. The first frame is the first output that names a pane; data, the first that names a model. With
`--job`, bytes a second that are written while these models are computed into a new store: on the page of the queue,
and on the panes.
"""

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from circuit_sweep.runner.launch import alive

KEYS = {"checkpoint .": b".", "checkpoint ,": b",", "pane 3": b"3", "head l": b"l", "pane 5": b"5", "tree j": b"j"}


FIRST = 2.0
"""Seconds in which a page is drawn for the first time."""


def spawn(store: str) -> int:
    """Start the explorer; returns the terminal's file descriptor."""
    environment = {**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": tempfile.mkdtemp()}
    environment.pop("COLORTERM", None)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(sys.executable, [sys.executable, "-m", "circuit_tui", "--store", store], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return terminal


def until(terminal: int, mark: bytes, began: float) -> float:
    """Seconds since `began` until the output holds `mark`."""
    seen = b""
    while mark not in seen:
        seen += os.read(terminal, 65536)
    return time.perf_counter() - began


def settle(terminal: int, quiet: float = 0.25) -> tuple[int, float]:
    """Read until nothing comes for a while: bytes, and seconds to the last of them."""
    began, last, size = time.perf_counter(), 0.0, 0
    while select.select([terminal], [], [], quiet)[0]:
        size += len(os.read(terminal, 65536))
        last = time.perf_counter() - began
    return size, last


def watch(models: list[str], workers: int, keys: bytes) -> float:
    """Bytes a second from a moment after the keys until the run has ended."""
    store = Path(tempfile.mkdtemp()) / "store.db"
    command = [sys.executable, "-m", "circuit_tui", "--store", str(store), "run", *models]
    subprocess.run([*command, "--detach", "--workers", str(workers)], check=True, capture_output=True)
    terminal = spawn(str(store))
    until(terminal, b"sample-", time.perf_counter())
    os.write(terminal, keys)
    began, sizes = time.perf_counter(), []
    while alive(store):
        if select.select([terminal], [], [], 0.2)[0]:
            sizes.append((time.perf_counter() - began, len(os.read(terminal, 65536))))
    seconds = time.perf_counter() - began
    os.write(terminal, b"qq")
    os.close(terminal)
    os.wait()
    return sum(size for at, size in sizes if at > FIRST) / (seconds - FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", nargs="?")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--job", nargs="+", metavar="MODEL")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    if args.job:
        for name, keys in (("queue", b"7"), ("panes", b"")):
            print(f"{name}   {watch(args.job, args.workers, keys) / 1000:.2f} kB/s   (goal: at most 2.0)")
    if args.store:
        walk(args)


def walk(args: argparse.Namespace) -> None:
    """The keys, on a store that is there."""
    frames, data = [], []
    keys: dict[str, list[tuple[int, float]]] = {name: [] for name in KEYS}
    for _ in range(args.repeats):
        began = time.perf_counter()
        terminal = spawn(args.store)
        frames.append(until(terminal, b"Models", began))
        data.append(until(terminal, b"sample-", began))
        settle(terminal, 1.0)
        for name, key in KEYS.items():
            os.write(terminal, key)
            keys[name].append(settle(terminal))
        os.write(terminal, b"q")
        os.close(terminal)
        os.wait()
    print(f"first frame   {statistics.median(frames):.2f} s   (goal: at most 1.0)")
    print(f"data          {statistics.median(data):.2f} s")
    for name, seen in keys.items():
        size, last = (statistics.median(part) for part in zip(*seen, strict=True))
        print(f"{name:13} {size / 1000:5.1f} kB, {last * 1000:4.0f} ms to the last byte")


if __name__ == "__main__":
    main()
