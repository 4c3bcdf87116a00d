"""The command line, and a small store that it computed."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from console import answer
from here import computed

COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]


class Shell:
    """Commands against one store; nothing outside `folder` is read or written.

    What a test is about as a process is one; the others run in this one, and what they ask for is computed in it.
    """

    def __init__(self, folder: Path, store: Path | None = None):
        self.folder, self.store = folder, store or folder / "store.db"
        own = {"XDG_STATE_HOME": str(folder / "state"), "CIRCUIT_TUI_STORE": str(self.store)}
        self.env = {**os.environ, **own, "OMP_NUM_THREADS": "1"}

    def run(self, *args: str | Path, stdout: Any = subprocess.PIPE, **more: Any) -> subprocess.CompletedProcess[bytes]:
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.PIPE, **more}
        return subprocess.run([*COMMAND, *map(str, args)], env=self.env, cwd=self.folder, timeout=1200, **pipes)

    def here(self, *args: str | Path) -> Result:
        """A command that computes, in this process."""
        return computed(self.folder, self.env, *args)

    def compute(self, *args: str | Path) -> None:
        """Likewise of one that must succeed."""
        done = self.here(*args)
        assert done.exit_code == 0, done.stderr

    def __call__(self, *args: str | Path) -> str:
        """stdout of a command that must succeed, in this process."""
        done = answer(self.folder, self.env, *args)
        assert done.exit_code == 0, done.stderr
        return done.stdout_bytes.decode()

    def refused(self, *args: str | Path, code: int = 2) -> str:
        """The one sentence of a command that must be refused, in this process."""
        done = answer(self.folder, self.env, *args)
        err = done.stderr_bytes.decode()
        assert (done.exit_code, done.stdout_bytes) == (code, b""), err
        assert err.count("\n") == 1 and err.endswith("\n") and err.startswith("circuit-tui: "), err
        return err.removeprefix("circuit-tui: ").rstrip("\n")


@pytest.fixture(scope="session")
def shell_in() -> type[Shell]:
    """Makes a shell for several tests, in a folder."""
    return Shell


@pytest.fixture
def fresh(tmp_path: Path) -> Shell:
    """No store yet."""
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A store with two checkpoints of the smallest sample model, and one patching. Tests only read it.

    It is computed once, also where tests run in several processes.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cli"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Shell(folder)
        if not (folder / "computed").exists():
            made.compute("run", "sample-0.1m", "--checkpoints", "0,final", "--analyses", "all")
            made.compute("patch", "sample-0.1m", "--to", "logits")
            (folder / "computed").touch()
    return made
