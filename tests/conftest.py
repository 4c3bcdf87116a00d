"""Annotations of circuit_core are checked at run time, except those of functions that are made while others run.

Every hook is such a function; compiling its checks takes longer than a pass of a test's model. A function that names no
array has its types checked alone: to hold shapes together takes ten times as long, at every call.

One thread a process, unless TEST_THREADS says otherwise: the models are small, and tests run side by side. For the same
reason no property is timed, and garbage is looked for seldom, never in what imports leave behind.

What is compiled is kept, whatever the environment says: otherwise each process of the tests compiles the project, its
checks and the tests again, a quarter of what it takes to begin.

A test that starts a process bears the mark `processes`, see `started`.
"""

import ast
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jaxtyping
import pytest
from hypothesis import settings
from jaxtyping._import_hook import JaxtypingTransformer
from started import pytest_runtest_protocol, pytest_runtest_teardown  # noqa: F401

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
gc.disable()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["OMP_NUM_THREADS"] = os.environ.get("TEST_THREADS", "1")
os.environ.setdefault("TEXTUAL_FPS", "10")  # tests draw the screen themselves, see `drawn` in tests/helpers/waiting.py
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
_checked = JaxtypingTransformer.visit_FunctionDef
_jaxtyped = jaxtyping.jaxtyped


def _outermost(self: Any, node: ast.FunctionDef) -> ast.FunctionDef:
    inside = any(isinstance(parent, ast.FunctionDef) for parent in self._parents)
    return node if inside else _checked(self, node)


def _names_arrays(hint: Any) -> bool:
    if isinstance(hint, str | list):  # not resolved yet; the arguments of a callable
        return isinstance(hint, str) or any(map(_names_arrays, hint))
    within = get_args(hint)
    return any(map(_names_arrays, within)) or (isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray))


def _checked_by(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    shapes_too = _jaxtyped(typechecker=typechecker)

    def decorated(checked: Any) -> Any:
        whole = isinstance(checked, type) or any(map(_names_arrays, checked.__annotations__.values()))
        return (shapes_too if whole else typechecker)(checked)

    return decorated


JaxtypingTransformer.visit_FunctionDef = _outermost
jaxtyping.jaxtyped = _checked_by


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds nothing, to be copied: making one takes ten times as long."""
    from circuit_store import store

    path = tmp_path_factory.mktemp("empty") / "store.db"
    store.close_writer(store.open_to_write(path))
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests wait for processes come first, so that none is begun last (with `--no-loadscope-reorder`)."""
    items.sort(key=lambda item: "sweep" not in item.path.parts)


def pytest_sessionfinish() -> None:
    """What pytest collects at its end, five times over, is what its last test left."""
    gc.freeze()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000)
