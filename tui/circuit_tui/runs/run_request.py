"""From the words of a request to what is computed: the options of `run`, which the explorer's dialog fills in as well.

Both give words, so both refuse the same with the same sentence, and what the dialog asks for can be typed.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from circuit_core import untrusted_files
from circuit_core.tasks.specs import labelled
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_sweep.planning.slots import Slots
from circuit_tui.runs import option_specs


@dataclass(frozen=True)
class How:
    """What a sweep is apart from its numbers."""

    slots: Slots = Slots()
    """Where a runner computes if this sweep starts one; the request names the devices."""
    priority: int = 0
    detach: bool = False


@dataclass(frozen=True)
class RunRequest:
    """A request, of which models, and how."""

    models: tuple[str, ...]
    checkpoints: str
    request: Request
    text: Path | None = None
    """For copy suppression."""
    how: How = field(default_factory=How)

    @property
    def slots(self) -> Slots:
        """Where it is computed."""
        return replace(self.how.slots, device=self.request.device)


def parsed(words: Sequence[str]) -> RunRequest:
    """What `run WORDS...` asks for. Raises: ValueError."""
    try:
        with option_specs.words.make_context("run", list(words), help_option_names=[]) as ctx:
            return asked(**ctx.params)
    except click.UsageError as error:
        raise ValueError(error.format_message()) from None


def split(line: str) -> list[str]:
    """Options as typed, quotes and all. Raises: ValueError."""
    try:
        return shlex.split(line)
    except ValueError:
        raise ValueError(f"{line}: a quotation mark is not closed.") from None


def asked(
    models: tuple[str, ...],
    checkpoints: str,
    tasks: str,
    prepend_bos: bool | None,
    analyses: str,
    sizes: str,
    text: Path | None,
    priority: int,
    detach: bool,
    **options: Any,
) -> RunRequest:
    """From the options of `run`, as click has read them. Raises: ValueError."""
    where = Slots(**{name: options.pop(name) for name in ("workers", "per_gpu", "engine", "address")})
    wanted = _listed(analyses, "--analyses")
    wanted = ANALYSES if "all" in wanted else wanted
    if unknown := [a for a in wanted if a not in ANALYSES]:
        raise ValueError(f"There is no analysis {', '.join(unknown)}: choose from {', '.join(ANALYSES)}, or all.")
    if not 0 < options["threshold"] <= 1:
        raise ValueError(f"--threshold {options['threshold']}: give a faithfulness above 0, at most 1.")
    named = tuple(labelled(name, prepend_bos) for name in _tasks(tasks))
    request = Request(tasks=named, analyses=wanted, sizes=_sizes(sizes), **options)
    request = _of_the_paper(request) if request.preset == "paper-code" else request
    if where.engine == "ray" and find_spec("ray") is None:
        raise ValueError("--engine ray needs Ray, which is not installed: pip install 'circuit-tui[ray]'.")
    return RunRequest(models, checkpoints, request, text, How(where, priority, detach))


def _of_the_paper(request: Request) -> Request:
    """Circuits as the paper's published code finds them, where nothing else was asked for."""
    source = click.get_current_context().get_parameter_source
    own = {"ig_steps": 30, "ig_rule": "code", "search": "code"}
    given = {name: value for name, value in own.items() if source(name) is ParameterSource.DEFAULT}
    return replace(request, **given)


def _tasks(text: str) -> tuple[str, ...]:
    """Names and files; a file's own name may hold a comma."""
    return (text,) if untrusted_files.there(Path(text)) else _listed(text, "--tasks")


def _sizes(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise ValueError(f"--sizes {text}: give numbers of edges separated by commas, such as 10,20,50.")
    return tuple(sorted({int(part) for part in parts}))


def _listed(text: str, option: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not listed:
        raise ValueError(f"{option} names nothing: give names separated by commas.")
    return listed
