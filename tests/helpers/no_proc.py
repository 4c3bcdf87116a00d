"""A machine that lacks what Linux has besides other systems: /proc, and the names of open files that lead there.

Whatever asks the system for such a path, by Python's own calls, is told that it is not there.
"""

import builtins
import io
import os
from collections.abc import Callable
from errno import ENOENT
from typing import Any

import pytest

LINUX = ("/proc/", "/sys/", "/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/fd/")
CALLS = {builtins: ("open",), io: ("open",), os: ("open", "stat", "lstat", "readlink", "listdir", "scandir", "access")}


def hide(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on; returns the list of what is asked for and not found."""
    missed: list[str] = []

    def hiding(call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any = ".", *given: Any, **more: Any) -> Any:
            name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
            if f"{name}/".startswith(LINUX):
                missed.append(name)
                raise FileNotFoundError(ENOENT, os.strerror(ENOENT), name)
            return call(path, *given, **more)

        return asked

    for module, names in CALLS.items():
        for name in names:
            monkeypatch.setattr(module, name, hiding(getattr(module, name)))
    return missed
