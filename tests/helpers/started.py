"""Processes that a test starts: one that starts any without the mark `processes` or `slow` fails.

So `make test-fast`, which leaves the marked ones out, starts none. What fixtures of a module or session start counts
for the test that has them made. What starts them is wrapped: an audit hook, which hears of every import and every file
besides, takes a thirtieth of all time.
"""

import multiprocessing.util
import os
import subprocess
from collections.abc import Iterator
from functools import wraps
from typing import Any

import pytest

STARTING = (
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp")),
    (subprocess.Popen, "__init__"),
    (multiprocessing.util, "spawnv_passfds"),
)
_started: list[str] = []


def _noticed(owner: Any, name: str) -> None:
    start = getattr(owner, name)

    @wraps(start)
    def noticed(*args: Any, **more: Any) -> Any:
        _started.append(f"{owner.__name__}.{name} {args[1:2]}")
        return start(*args, **more)

    setattr(owner, name, noticed)


for _owner, _name in STARTING:
    _noticed(_owner, _name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    _started.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    done = yield
    if _started and not any(item.get_closest_marker(mark) for mark in ("processes", "slow")):
        pytest.fail(f"starts a process without the mark `processes`: {_started[0]}", pytrace=False)
    return done
