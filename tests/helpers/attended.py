"""The explorer as a person has it: a process of its own, in a pseudo-terminal."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path

RUN = "import sys, pathlib; from circuit_tui.explorer.app import Explorer; Explorer(pathlib.Path(sys.argv[1])).run()"
PATIENCE = 300.0
"""Seconds after which what has not come never will, on a machine however busy."""
LEFT = b"\x1b[?1049l"
"""The end of the alternate screen."""


class Attended:
    """`run` is the code of the process, which is given the store.

    A store that is computed should have its lock held: a runner that is not there would be noticed and written.
    """

    def __init__(
        self, store: Path, env: dict[str, str] | None = None, size: tuple[int, int] = (80, 24), run: str = RUN
    ):
        self.ended: int | None = None
        self.told = b""
        width, height = size
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            seen = {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": str(height)}
            os.execve(
                sys.executable, [sys.executable, "-P", "-c", run, str(store)], {**os.environ, **(env or {}), **seen}
            )
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read_until(self, text: bytes, seconds: float = PATIENCE) -> bytes:
        """What it writes until a text comes, it ends, or time is up."""
        found, end = b"", time.monotonic() + seconds
        while text not in found and time.monotonic() < end:
            if select.select([self.screen], [], [], 0.1)[0]:
                try:
                    found += os.read(self.screen, 65536)
                except OSError:
                    break
        return found

    def watch(self) -> None:
        """Read what it writes from now on, into `told`, so that it never waits for its terminal."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):
            while part := os.read(self.screen, 65536):
                self.told += part

    def press(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def status(self, seconds: float = PATIENCE) -> int | None:
        """How it ended, as `waitpid` tells it; None if it did not within a time."""
        end = time.monotonic() + seconds
        while self.ended is None and time.monotonic() < end:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = status if found else None
            time.sleep(0.02)
        return self.ended

    def close(self) -> None:
        if self.ended is None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            self.status()
        with suppress(OSError):
            os.close(self.screen)


def listening(pid: int) -> list[str]:
    """Sockets on which a process waits for others to connect."""
    own = {f"socket:[{inode}]" for inode in _listening()}
    folder = Path(f"/proc/{pid}/fd")
    links = [str(os.readlink(folder / name)) for name in os.listdir(folder) if (folder / name).is_symlink()]
    return [link for link in links if link in own]


def _listening() -> list[str]:
    """Inodes of sockets that listen, of TCP by their state (0A), and of Unix by their flag."""
    found = []
    for name in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
        found += [row[9] for row in rows if row[3] == "0A"]
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return found + [row[6] for row in rows if int(row[3], 16) & 0x10000]
