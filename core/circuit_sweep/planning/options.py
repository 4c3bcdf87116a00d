"""An option of `run`: its name, its values and what it does, said once, beside the field that it sets.

    method: str = option("eap-ig", "How edges are scored.", METHODS, hint="{choices}")

From these the terminal makes the command line's flags, the fields of the explorer's dialog, the commands that it shows
and the documentation's table (`circuit_tui.runs.options`). The default is the field's own. Light: nothing here knows
how a command line is read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One option."""

    default: Any
    help: str
    choices: tuple[str, ...] = ()
    name: str = ""
    """Of the field."""
    flag: str = ""
    """The name with dashes, unless it is given; of a switch that can be turned off, both forms with a slash between."""
    kind: type = str
    """int, float, str, bool (a switch) or Path."""
    least: int | None = None
    most: int | None = None
    metavar: str | None = None
    """What stands for the value in help."""
    read: Callable[[Any, str], Any] | None = None
    """From what was given, and the flag, to the field's value. Raises: ValueError, with a sentence for the user."""
    paper_code: Any = None
    """What `--preset paper-code` makes of it, unless it is given; None: it stays."""
    hint: str | None = None
    """What is possible, for its field in the explorer's dialog; None: it has none. `{choices}` stands for them."""
    completions: tuple[str, ...] = ()
    """Values with which the dialog completes what is typed."""
    narrows: str | None = None
    """What the same flag of `show` and `export` chooses, such as circuits by a method; None: they have no such flag."""
    shown: bool = True
    """Whether the commands that are shown say it: not what a request in the store does not hold as it was typed."""

    @property
    def label(self) -> str:
        return self.flag.removeprefix("--")

    @property
    def possible(self) -> str:
        """The hint, whole."""
        return (self.hint or "").format(choices=" or ".join([", ".join(self.choices[:-1]), *self.choices[-1:]]))

    @property
    def usual(self) -> str:
        """The default as it is typed; empty if there is none."""
        return "" if self.default is None or self.kind is bool else written(self.default)

    @property
    def value(self) -> str:
        """What is typed after the flag, as the documentation has it: `raw|normalised`, `N`; empty for a switch."""
        kinds = {int: "N", float: "X", Path: "FILE", bool: ""}
        return self.metavar or "|".join(self.choices) or kinds.get(self.kind, "TEXT")


def option(default: T, help: str, choices: tuple[str, ...] = (), **more: Any) -> T:
    """A dataclass field that an option sets; `more` are the other fields of `Option`."""
    kind = type(default) if isinstance(default, int | float) else str
    return field(default=default, metadata={"option": Option(default, help, choices, **{"kind": kind, **more})})


def options_of(kind: type) -> tuple[Option, ...]:
    """Those of a dataclass, in the order of its fields."""
    held = ((of.name, of.metadata["option"]) for of in fields(kind) if "option" in of.metadata)
    return tuple(replace(found, name=name, flag=found.flag or f"--{name.replace('_', '-')}") for name, found in held)


def written(value: Any) -> str:
    """A value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def names(given: str, flag: str, or_file: bool = False, among: tuple[str, ...] = (), kind: str = "") -> tuple[str, ...]:
    """Separated by commas, each once. Raises: ValueError.

    Args:
        or_file: some may be files; a file's own name may hold a comma.
        among: what there is of a kind, if nothing else may be named; `all` stands for all of it.
    """
    from circuit_core import untrusted_files

    if or_file and untrusted_files.there(Path(given)):
        return (given,)
    listed = tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
    if not listed:
        raise ValueError(f"{flag} names nothing: give names separated by commas.")
    if among and "all" in listed:
        return among
    if among and (unknown := [name for name in listed if name not in among]):
        raise ValueError(f"There is no {kind} {', '.join(unknown)}: choose from {', '.join(among)}, or all.")
    return listed


def numbers_of_bytes(given: Any, flag: str) -> int | None:
    """A size such as `200GB`, in powers of 1000. Raises: ValueError."""
    if given is None or isinstance(given, int):
        return given
    if not (found := re.fullmatch(r"(\d{1,12})\s*([kMGT]?)B?", given.strip())):
        raise ValueError(f"{flag} {given}: give a size such as 500MB or 200GB.")
    return int(found[1]) * 1000 ** ("kMGT".index(found[2]) + 1 if found[2] else 0)


def numbers(given: str, flag: str) -> tuple[int, ...]:
    """Numbers of edges, in order, each once. Raises: ValueError."""
    parts = [part.strip() for part in given.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise ValueError(f"{flag} {given}: give numbers of edges separated by commas, such as 10,20,50.")
    return tuple(sorted({int(part) for part in parts}))
