"""Processes that a test starts: one that starts any without the mark `processes` or `slow` fails.

So `make test-fast`, which leaves the marked ones out, starts none. What fixtures of a module or session start counts
for the test that has them made.
"""

import multiprocessing.util
import sys
from collections.abc import Iterator
from typing import Any

import pytest

EVENTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn")
_started: list[str] = []
_spawn = multiprocessing.util.spawnv_passfds


def _notice(event: str, args: tuple[Any, ...]) -> None:
    if event in EVENTS:
        _started.append(f"{event} {args[:1]}")


def _noticed_spawn(path: bytes, *args: Any) -> int:
    """Python raises no audit event for what multiprocessing spawns."""
    _started.append(f"multiprocessing {path!r}")
    return _spawn(path, *args)


sys.addaudithook(_notice)
multiprocessing.util.spawnv_passfds = _noticed_spawn


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
