"""The explorer as a process: what it imports, a walk by keyboard, and that the terminal is as it was when it ends."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from attended import PATIENCE

from circuit_store.queue import units

pytestmark = pytest.mark.processes

HEAVY = {"torch", "transformers", "transformer_lens", "numpy", "sqlite_utils"}
RUN = "import sys, pathlib; from circuit_tui.explorer.app import Explorer; Explorer(pathlib.Path(sys.argv[1])).run()"


def test_importing_the_explorer_imports_nothing_heavy():
    code = f"import sys, circuit_tui.explorer.app; print(*{HEAVY} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


@pytest.fixture
def terminal(path, tmp_path):
    """The explorer in a pseudo-terminal of 80x24: its process, and a reader of what it writes until a text comes.

    The store's lock is held, as by a runner: one that is not there would be noticed and written.
    """
    lock = open(tmp_path / "store.db.lock", "a+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    pid, screen = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-c", RUN, str(path)])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read_until(text: bytes, seconds: float = PATIENCE) -> bytes:
        found, end = b"", time.monotonic() + seconds
        while text not in found and time.monotonic() < end:
            if select.select([screen], [], [], 0.1)[0]:
                try:
                    found += os.read(screen, 65536)
                except OSError:
                    break
        return found

    yield pid, screen, read_until
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    with suppress(OSError):
        os.close(screen)
    lock.close()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(terminal, ending):
    pid, _, read_until = terminal
    assert b"toy-b" in read_until(b"toy-b")
    os.kill(pid, ending)
    left = read_until(b"\x1b[?1049l")
    assert b"\x1b[?1049l" in left and b"\x1b[?1000l" in left


def test_a_terminal_that_is_gone_ends_the_explorer(terminal):
    """A dropped connection leaves no process behind, even one that was writing."""
    pid, screen, read_until = terminal
    read_until(b"toy-b")
    os.write(screen, b"...,,,")
    os.close(screen)
    end = time.monotonic() + PATIENCE
    while (ended := os.waitpid(pid, os.WNOHANG)[0]) != pid and time.monotonic() < end:
        time.sleep(0.1)
    assert ended == pid


def test_q_quits_and_an_idle_explorer_writes_nothing(terminal):
    pid, screen, read_until = terminal
    read_until(b"toy-b")
    while read_until(b"never", 1.5):
        pass
    os.write(screen, b"q")
    assert b"\x1b[?1049l" in read_until(b"\x1b[?1049l")
    assert os.waitpid(pid, 0)[1] == 0


def test_a_walk_by_keyboard_ends_in_the_command_lines_bytes(terminal, path):
    pid, screen, read_until = terminal
    walk = [("\x0fd", b"[heads]"), ("g", b"a0.h0"), ("j", b"a1.h0"), ("l", b"a1.h1")]
    walk += [(",", f"{place}/12".encode()) for place in (9, 8, 7, 6, 5)]
    walk += [(".", f"{place}/12".encode()) for place in (6, 7, 8, 9, 10)]
    walk += [("\x0fg", b"[circuit]"), ("j", b"a3.h1"), ("l", b"<q>"), ("j", b"a2.h1"), ("l", b"<k>"), ("j", b"a1.h0")]
    assert b"toy-b" in read_until(b"toy-b")
    for key, seen in [*walk, ("l", b"<v>"), ("e", b"written to")]:
        os.write(screen, key.encode())
        assert seen in read_until(seen), (key, seen)
    os.write(screen, b"q")
    assert b"\x1b[?1049l" in read_until(b"\x1b[?1049l") and os.waitpid(pid, 0)[1] == 0
    command = [sys.executable, "-m", "circuit_tui", "--store", str(path), "export", "circuit", "toy-a@256"]
    printed = subprocess.run([*command, "--task", "ioi"], capture_output=True, check=True).stdout
    assert Path("circuit-toy-a@256-ioi.csv").read_bytes() == printed and printed.count(b"\r\n") == 32


def test_a_watched_job_costs_little_output(terminal, db):
    """Invariant: on the page of the queue a unit that is begun and finished costs at most 2 kB, of which a screen of
    80x24 would take three times as many."""
    _, screen, read_until = terminal
    assert b"toy-b" in read_until(b"toy-b")
    db.execute("UPDATE unit SET state = 'queued' WHERE run_id = 1")
    db.execute("UPDATE run SET hidden = run.id != 1")
    os.write(screen, b"7")
    shown = read_until(b"toy-a@0")
    while b"model.safetensors" not in shown:  # the last unit's error: the list is drawn
        shown += read_until(b"model.safetensors")
    read_until(b"never", 1.0)
    for _ in range(3):
        unit = units.take_unit(db)
        assert unit
        unit.doing("circuit ioi", 0.5)
        begun = read_until(b"running")
        unit.finish("done", 1.0)
        finished = read_until(b"done")
        assert b"running" in begun and b"done" in finished
        assert len(begun) + len(finished) <= 2000
