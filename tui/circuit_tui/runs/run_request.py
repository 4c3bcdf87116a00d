"""From the words of a request to what is computed: the options of `run`, which the explorer's dialog fills in as well.

Both give words, so both refuse the same with the same sentence, and what the dialog asks for can be typed.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from circuit_core.tasks.specs import labelled
from circuit_sweep.planning.options import options_of
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_tui.runs import flags
from circuit_tui.runs.options import DETACH, OPTIONS, PRIORITY


@dataclass(frozen=True)
class How:
    """What a sweep is apart from its numbers."""

    slots: Slots = Slots()
    """Where a runner computes if this sweep starts one; the request names the devices."""
    priority: int = PRIORITY.default
    detach: bool = DETACH.default


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
        with flags.words.make_context("run", list(words), help_option_names=[]) as ctx:
            return asked(flags.given(ctx))
    except click.UsageError as error:
        raise ValueError(error.format_message()) from None


def split(line: str) -> list[str]:
    """Options as typed, quotes and all. Raises: ValueError."""
    try:
        return shlex.split(line)
    except ValueError:
        raise ValueError(f"{line}: a quotation mark is not closed.") from None


def asked(given: Mapping[str, Any]) -> RunRequest:
    """From the models and the options of `run` that were given (`flags.given`). Raises: ValueError.

    What was not given is as the preset has it, or as usual.
    """
    read = {of.name: of.read(given[of.name], of.flag) for of in OPTIONS if of.read and of.name in given}
    usual = {of.name: of.default for of in OPTIONS}
    preset = {of.name: of.paper_code for of in OPTIONS if of.paper_code is not None}
    values = {**usual, **(preset if given.get("preset") == "paper-code" else {}), **given, **read}
    values["tasks"] = tuple(labelled(name, values["prepend_bos"]) for name in values["tasks"])
    text = values.pop("text")
    request = Request(**_of(Request, values))
    where = Slots(**_of(Slots, values))
    if where.engine == "ray" and find_spec("ray") is None:
        raise ValueError("--engine ray needs Ray, which is not installed: pip install 'circuit-tui[ray]'.")
    how = How(where, values["priority"], values["detach"])
    return RunRequest(values["models"], values["checkpoints"], request, text, how)


def _of(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that set a dataclass' fields."""
    return {of.name: values[of.name] for of in options_of(kind) if of.name in values}
