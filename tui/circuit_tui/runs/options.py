"""The options of `run`, in one table: those of a request and of where it is computed, and those of the run itself.

From the table come the command line's flags (`flags`) and with them the documentation's, the dialog's fields, and the
command that asks for a run or a result again. An option is added where its field stands, in `Request` or `Slots`.
"""

import shlex
from collections.abc import Mapping
from typing import Any

from circuit_core.models.suites import SCHEDULES
from circuit_sweep.planning.options import Option, options_of, written
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots

_SCHEDULES = f"{', '.join(SCHEDULES)}, or steps such as 0,512,final"
CHECKPOINTS = Option(
    "auto",
    f"{_SCHEDULES}; auto: all of a folder, sparse of a model on the hub.",
    name="checkpoints",
    flag="--checkpoints",
    hint=_SCHEDULES,
    completions=SCHEDULES,
)
PREPEND_BOS = Option(
    None,
    "Whether prompts begin with a BOS token; default: as the task says.",
    name="prepend_bos",
    flag="--prepend-bos/--no-prepend-bos",
    kind=bool,
    shown=False,
)
"""A task's name holds it."""
PRIORITY = Option(
    0, "Runs of higher priority come first.", name="priority", flag="--priority", kind=int, least=-100, most=100
)
DETACH = Option(
    False,
    "Compute in the background and return at once; see `jobs`.",
    name="detach",
    flag="--detach",
    kind=bool,
    shown=False,
)
OPTIONS = (CHECKPOINTS, *options_of(Request), PREPEND_BOS, *options_of(Slots), PRIORITY, DETACH)
DRY_RUN = Option(
    False, "Say what it would cost, and compute nothing.", name="dry_run", flag="--dry-run", kind=bool, shown=False
)
JSON = Option(False, "Print one JSON document.", name="as_json", flag="--json", kind=bool, shown=False)
OF_THE_COMMAND = (DRY_RUN, JSON)
"""What says nothing of the run: only the command line has them."""


def words(values: Mapping[str, Any]) -> list[str]:
    """Options and their values, by the names of what they set; what is as usual is left out, and what no option gives.

    What a preset sets is said beside it, since it would not be as usual if it were left out.
    """
    preset = values.get("preset", Request.preset) != Request.preset
    found: list[str] = []
    for of in OPTIONS:
        value = values.get(of.name)
        if not of.shown or value is None or (of.choices and value not in of.choices):
            continue
        order = set if of.name == "analyses" else tuple  # computed in one order, however they are asked for
        usual = order(value) == order(of.default) if isinstance(value, list | tuple) else value == of.default
        if not usual or (preset and of.paper_code is not None):
            found += [of.flag] if of.kind is bool else [of.flag, written(value)]
    return found


def command(row: Mapping[str, Any], program: str = "circuit-tui") -> str:
    """The command that asks for what a run of the queue is (`runs.listed`); in words what no command can say."""
    request = row["request"]
    if "imported" in request:  # of the file the store knows the name alone
        address, _, task = request["circuit"].rpartition("/")
        model, _, step = address.rpartition("@")
        where = ["--model", model, "--step", step, "--task", task]
        return f"{program} {shlex.join(['circuit', 'import', request['imported'], *where])}"
    models = ", ".join(request.get("models", []))
    if request.get("patch"):
        return f"path patching to {request['patch'].get('to')} of {models}"
    given = {**row.get("slots", {}), **request, "priority": row.get("priority", PRIORITY.default)}
    line = f"{program} {shlex.join(['run', *request.get('models', []), *words(given)])}"
    return f"{line}   with the text {request['text']}" if request.get("text") else line
