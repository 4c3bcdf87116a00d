"""How a run is asked for in words: the options of `run`, by the names of what they set."""

import shlex
from collections.abc import Mapping
from typing import Any

from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots

OPTIONS = {
    "checkpoints": "--checkpoints",
    "tasks": "--tasks",
    "analyses": "--analyses",
    "method": "--method",
    "ig_steps": "--ig-steps",
    "ig_rule": "--ig-rule",
    "selector": "--select",
    "search": "--search",
    "sizes": "--sizes",
    "threshold": "--threshold",
    "threshold_on": "--threshold-on",
    "areas": "--areas",
    "held_out": "--held-out",
    "preset": "--preset",
    "dtype": "--dtype",
    "device": "--device",
    "workers": "--workers",
    "per_gpu": "--per-gpu",
    "engine": "--engine",
    "address": "--ray-address",
    "priority": "--priority",
}
"""A text has none: it is known by its hash, and a file is given."""
OF_A_PRESET = ("ig_steps", "ig_rule", "search")
"""What a preset sets unless it is given."""
_USUAL = {"checkpoints": "all", **vars(Slots()), **vars(Request()), "priority": 0}


def words(values: Mapping[str, Any]) -> list[str]:
    """Options and their values."""
    return [word for name in OPTIONS if name in values for word in (OPTIONS[name], _written(values[name]))]


def command(row: Mapping[str, Any], program: str = "circuit-tui") -> str:
    """The command that asks for what a run of the queue is (`runs.listed`); in words what no command can say."""
    request = row["request"]
    if "imported" in request:
        return f"{program} {shlex.join(_import(request))}"
    models = ", ".join(request.get("models", []))
    if request.get("patch"):
        return f"path patching to {request['patch'].get('to')} of {models}"
    line = f"{program} {shlex.join(['run', *request.get('models', []), *words(_unusual(row))])}"
    return f"{line}   with the text {request['text']}" if request.get("text") else line


def _unusual(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as usual, or would not be if it were left out."""
    given = {**row.get("slots", {}), **row["request"], "priority": row.get("priority", 0)}
    preset = given.get("preset", _USUAL["preset"]) != _USUAL["preset"]
    return {
        name: value
        for name, value in given.items()
        if name in OPTIONS and (_plain(name, value) != _plain(name, _USUAL[name]) or preset and name in OF_A_PRESET)
    }


def _plain(name: str, value: Any) -> Any:
    """Comparable; analyses are computed in one order, however they are asked for."""
    if name == "analyses":
        return set(value)
    return tuple(value) if isinstance(value, list) else value


def _import(request: Mapping[str, Any]) -> list[str]:
    """Of a circuit that came from a file, of which the store knows the name alone."""
    address, _, task = request["circuit"].rpartition("/")
    model, _, step = address.rpartition("@")
    where = ["--model", model, "--step", step, "--task", task]
    return ["circuit", "import", request["imported"], *where]


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
