"""The explorer in a real pseudo-terminal: seconds to the first frame and to the data, and bytes and seconds a key.

    python benchmarks/explorer.py STORE [--repeats 5]

120 x 40, 256 colours. The first frame is the first output that names a pane; data, the first that names a model.
"""

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time

KEYS = {"checkpoint .": b".", "checkpoint ,": b",", "pane 3": b"3", "head l": b"l", "pane 5": b"5", "tree j": b"j"}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
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
