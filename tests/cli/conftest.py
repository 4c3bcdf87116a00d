"""The command line as a process of its own, and a small store that it computed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-P", "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]


class Shell:
    """Commands against one store; nothing outside `folder` is read or written."""

    def __init__(self, folder: Path, store: Path | None = None):
        self.folder, self.store = folder, store or folder / "store.db"
        own = {"XDG_STATE_HOME": str(folder / "state"), "CIRCUIT_TUI_STORE": str(self.store)}
        self.env = {**os.environ, **own, "OMP_NUM_THREADS": "1"}

    def run(self, *args: str | Path, stdout: Any = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": subprocess.PIPE}
        return subprocess.run([*COMMAND, *map(str, args)], env=self.env, cwd=self.folder, timeout=120, **pipes)

    def __call__(self, *args: str | Path) -> str:
        """stdout of a command that must succeed."""
        done = self.run(*args)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def refused(self, *args: str | Path, code: int = 2) -> str:
        """The one sentence of a command that must be refused."""
        done = self.run(*args)
        err = done.stderr.decode()
        assert (done.returncode, done.stdout) == (code, b""), err
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
    """A store with two checkpoints of the smallest sample model. Tests only read it."""
    made = Shell(tmp_path_factory.mktemp("cli"))
    made("run", "sample-0.1m", "--checkpoints", "0,final", "--analyses", "all")
    made("patch", "sample-0.1m", "--to", "logits")
    return made
