"""The command line and its runner as real processes, on checkpoints of the sample suite."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from console import answer
from gated import Gate
from here import computed

from circuit_core.models import suites

COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]
EXPORTED = ("behaviour", "heads", "circuit", "faithfulness")


class Bench:
    """A store of its own, and what a person can do to it."""

    def __init__(self, folder: Path):
        self.folder, self.store = folder, folder / "store.db"
        self.told_of_both: list[str] = []
        """What two commands said that were given at one time."""
        self.logged = folder / "state" / "circuit-tui" / "runner.log"
        own = {"XDG_STATE_HOME": str(folder / "state"), "CIRCUIT_TUI_STORE": str(self.store)}
        self.env = {**os.environ, **own, "OMP_NUM_THREADS": "1"}

    def start(self, *args: str) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*COMMAND, *args], env=self.env, text=True, cwd=self.folder, **pipes)

    def __call__(self, *args: str, code: int = 0) -> tuple[str, str]:
        """stdout and stderr of a command that must end with `code`."""
        return self.end(self.start(*args), code)

    def together(self, *commands: Sequence[str]) -> list[tuple[str, str]]:
        """Commands at one time, which must end well: one runner, with one worker, computes what all of them ask for."""
        return [self.end(process) for process in [self.start(*command) for command in commands]]

    def told(self, *args: str) -> tuple[str, str]:
        """stdout and stderr of a command that answers at once and must end well, in this process."""
        return self._ended(answer(self.folder, self.env, *args), 0)

    def here(self, *args: str, code: int = 0) -> tuple[str, str]:
        """Likewise of a command that computes and must end with `code`: what it asks for is computed in this process
        (see `here`), also if it is detached."""
        return self._ended(computed(self.folder, self.env, *args), code)

    def _ended(self, done: Result, code: int) -> tuple[str, str]:
        assert done.exit_code == code, done.stderr + self.log()
        return done.stdout_bytes.decode(), done.stderr

    def end(self, process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
        out, err = process.communicate(timeout=1200)
        assert process.returncode == code, err + self.log()
        assert "Traceback" not in err
        return out, err

    def log(self) -> str:
        return self.logged.read_text() if self.logged.exists() else ""

    def ask(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql).fetchall()

    def results(self) -> list[tuple]:
        return self.ask("SELECT id, key, run_id, seconds FROM result ORDER BY id")

    def units(self) -> dict[int, tuple]:
        """Step -> state, attempts, seconds."""
        found = self.ask("SELECT step, state, attempts, seconds FROM unit_status ORDER BY run")
        return {step: tuple(rest) for step, *rest in found}

    def exports(self) -> dict[str, str]:
        return {view: self.told("export", view)[0] for view in EXPORTED}

    def runner(self) -> int:
        return self.ask("SELECT pid FROM run ORDER BY id DESC")[0][0]

    def workers(self) -> list[int]:
        """Processes that compute for the runner: those of its children that were spawned to serve."""
        try:
            runner = self.runner()
            children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
            return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except (OSError, IndexError, sqlite3.OperationalError):
            return []

    def at(self, step: int) -> bool:
        """Whether a checkpoint is under way."""
        return self.units()[step][0] in ("loading", "running")

    def idle(self) -> bool:
        """Whether no runner holds the store."""
        with open(f"{self.store}.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def tables(self) -> bool:
        """Whether the store has been made."""
        return self.ask("SELECT 1 FROM sqlite_master WHERE name = 'runner'") != []

    def until(self, holds: Callable[[], bool], patience: float = 600) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + patience
        while not holds():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    @cached_property
    def gate(self) -> Gate:
        """Where the analyses of processes that are started from now on wait."""
        folder = self.folder / "gate"
        folder.mkdir()
        gate = Gate(folder)
        self.env |= gate.environment()
        return gate

    def gated(self, *command: str, done: int = 1, starts: int = 0) -> subprocess.Popen[str]:
        """A command that follows its run, of which so many units are done, and one waits at the gate; of so many
        workers the start."""
        gate = self.gate  # before the process, which is told of it
        assert gate.passes == 0
        gate.hold_starts(starts)
        process = self.start(*command)
        self.until_gated(process, done)
        return process

    def until_gated(self, process: subprocess.Popen[str], done: int) -> None:
        """Let analyses pass until so many units are done, and one waits."""

        def there() -> bool:
            assert process.poll() is None, self.log()
            if not self.gate.waits():
                return False
            if self.ask("SELECT count(*) FROM unit WHERE state = 'done'") == [(done,)]:
                return True
            self.gate.let()
            return False

        self.until(there)

    def kill_worker(self) -> None:
        """The one that waits at the gate."""
        os.kill(self.workers()[0], signal.SIGKILL)
        self.gate.forget()

    def copy(self, name: str, *steps: int) -> Path:
        """Copy some steps of the smallest sample model into a folder of their own."""
        for step in steps:
            shutil.copytree(suites.sample_folder() / "sample-0.1m" / f"step{step}", self.folder / name / f"step{step}")
        return self.folder / name

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.runner(), number)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bench]:
    """Makes a bench for several tests."""
    return lambda: Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def copied(tmp_path: Path) -> Callable[..., Path]:
    """Copies some steps of the smallest sample model into a folder of their own."""
    return Bench(tmp_path).copy
