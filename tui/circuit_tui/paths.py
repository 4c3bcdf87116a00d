"""Where things lie by default: the store under the user's data folder, logs and view state under the state folder."""

import os
import shlex
from pathlib import Path

import platformdirs


def store() -> Path:
    """The variable CIRCUIT_TUI_STORE, else `store.db` in the user's data folder."""
    named = os.environ.get("CIRCUIT_TUI_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("circuit-tui")) / "store.db"


def program(at: Path) -> str:
    """How a command begins that is about the store at a path: a store other than the usual one is named."""
    usual = at.absolute() == store().absolute()
    return "circuit-tui" if usual else f"circuit-tui --store {shlex.quote(str(at))}"


def state() -> Path:
    return Path(platformdirs.user_state_dir("circuit-tui"))


def log() -> Path:
    """Where runners write what they do."""
    return state() / "runner.log"
