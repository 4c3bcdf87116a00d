"""The explorer as a process: what it imports, and that the terminal is as it was when it ends."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

HEAVY = {"torch", "transformers", "transformer_lens", "numpy", "sqlite_utils"}
RUN = "import sys, pathlib; from circuit_tui.app import Explorer; Explorer(pathlib.Path(sys.argv[1])).run()"


def test_importing_the_explorer_imports_nothing_heavy():
    code = f"import sys, circuit_tui.app; print(*{HEAVY} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


@pytest.fixture
def terminal(path):
    """The explorer in a pseudo-terminal of 120x40: its process, and a reader of what it writes until a text comes."""
    pid, screen = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.execv(sys.executable, [sys.executable, "-c", RUN, str(path)])

    def read_until(text: bytes, seconds: float = 20.0) -> bytes:
        found, end = b"", time.monotonic() + seconds
        while text not in found and time.monotonic() < end:
            if select.select([screen], [], [], 0.1)[0]:
                try:
                    found += os.read(screen, 65536)
                except OSError:
                    break
        return found

    yield pid, screen, read_until
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    os.close(screen)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(terminal, ending):
    pid, _, read_until = terminal
    assert b"induction" in read_until(b"induction")
    os.kill(pid, ending)
    left = read_until(b"\x1b[?1049l")
    assert b"\x1b[?1049l" in left and b"\x1b[?1000l" in left


def test_q_quits_and_an_idle_explorer_writes_nothing(terminal):
    pid, screen, read_until = terminal
    read_until(b"induction")
    read_until(b"never", 2.0)
    assert read_until(b"never", 1.5) == b""
    os.write(screen, b"q")
    assert b"\x1b[?1049l" in read_until(b"\x1b[?1049l")
    assert os.waitpid(pid, 0)[1] == 0
