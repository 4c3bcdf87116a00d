"""What a request asks of each checkpoint: analyses, each one result under a key. Light: nothing here loads a model.

A key is made of the address (`MODEL@STEP`), the source (weights, config and tokenizer, by content: see `identity`), the
task's hash and `prepend_bos`, the analysis and its parameters, the dtype, and the version of the analysis. Results
under an equal key are not computed again; one folder under two names is two models with results of their own.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from circuit_core.tasks.specs import TASKS, TaskSpec
from circuit_sweep.planning.request import Request

_OF_ATTENTION = ("induction", "duplicate_token", "previous_token")
COPYING = ("name_mover", "negative_name_mover")
_OF_NAMES = (*COPYING, "attn_end_io", "attn_end_s1", "attn_end_s2")
_OF_ALGORITHM = (*COPYING, "induction", "duplicate_token", "copy_suppression")
"""Roles by which the algorithm knows heads."""
OF_PATHS = ("s_inhibition", "effect_logits", "effect_movers_q", "effect_inhibition_v")
ROLES = (*_OF_ATTENTION, "successor", *_OF_NAMES, "copy_suppression", *OF_PATHS)
VERSIONS = {"behaviour": 5, "circuit": 6, "heads": 6, "attention": 2, "algorithm": 4, "patch": 3, "greater_than": 3}
"""Raised when an analysis gives other numbers for the same parameters, or more of them."""
_RESTS_ON = {"greater_than": "circuit"}
"""An analysis of what another one finds; it is computed again where that is."""
HELD_OUT = 3
"""Raised when other prompts are held out; where none are, results stay."""


@dataclass(frozen=True)
class Analysis:
    """One analysis of one checkpoint: one result in the store."""

    kind: str
    """`behaviour`, `circuit`, `heads`, ...: see `VERSIONS`."""
    params: dict[str, Any]
    task: TaskSpec | None = None
    role: str | None = None
    dtype: str = Request.dtype

    @property
    def version(self) -> tuple[int, ...]:
        """Of the analysis, of the prompts held out if any are, and of the analysis that it rests on if it does."""
        held_out = (HELD_OUT,) if self.params.get("held_out") else ()
        rests_on = (VERSIONS[self.rests_on.kind],) if self.rests_on else ()
        return (VERSIONS[self.kind], *held_out, *rests_on)

    def key(self, address: str, identity: str) -> str:
        task = [self.task.hash, self.task.prepend_bos] if self.task else None
        parts = [address, identity, task, self.kind, self.role, self.params, self.dtype, *self.version]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def rests_on(self) -> "Analysis | None":
        """The analysis that finds what this one looks into; where both are computed together, that is found once."""
        if self.kind in _RESTS_ON:
            return replace(self, kind=_RESTS_ON[self.kind])
        return replace(self, kind="algorithm", role=None) if self.role in OF_PATHS else None

    @property
    def uses(self) -> "list[Analysis]":
        """Those whose results it looks into: what the store holds of them is handed to the worker, not found anew."""
        if self.kind in _RESTS_ON:
            return [replace(self, kind=_RESTS_ON[self.kind])]
        if self.kind != "algorithm" and self.role not in OF_PATHS:
            return []
        preset, text = self.params["preset"], self.params["text"]
        return [replace(_scored(role, preset, self.task, text), dtype=self.dtype) for role in _OF_ALGORITHM]

    @property
    def computation(self) -> tuple[Any, ...]:
        """What it is computed by: those of one computation come one after another, and nothing stops a worker there."""
        if self.kind == "algorithm" or self.role in OF_PATHS:
            return "algorithm", self._of_task
        if self.kind in ("circuit", *_RESTS_ON):
            return "circuit", self._of_task
        if self.kind == "attention" or (self.role or "").startswith("attn_end"):
            return "attention from the end", self._of_task
        kinds = {**dict.fromkeys(_OF_ATTENTION, "attention"), **dict.fromkeys(COPYING, "copying")}
        return kinds.get(self.role or "", self.role or self.kind), self._of_task

    @property
    def _of_task(self) -> str | None:
        return self.task and self.task.hash

    @property
    def title(self) -> str:
        return " ".join(filter(None, (self.kind, self.role, self.task.label if self.task else None)))


def analyses(request: Request, tasks: list[TaskSpec], text: str | None) -> list[Analysis]:
    """Everything a request asks of one checkpoint, cheap and telling results first.

    Args:
        text: hash of the text for copy suppression, if there is one.
    """
    params = {"preset": request.preset, "text": text}
    # Name movers and the like are scored on tasks that say where IO, S1 and S2 stand, or else on IOI; BOS as they have.
    ioi = replace(TASKS["ioi"], prepend_bos=bool(tasks) and all(task.prepend_bos for task in tasks))
    names = [task for task in tasks if {"IO", "S1", "S2"} <= set(task.named)] or [ioi]
    of_names = [(task, role) for task in names for role in _OF_NAMES]
    roles = [*((None, role) for role in (*_OF_ATTENTION, "successor")), *of_names, (None, "copy_suppression")]
    of_years = [task for task in tasks if {"YY", "tens"} & {*task.named} and task.metric == "prob_diff"]
    wanted = {
        "behaviour": [Analysis("behaviour", {}, task) for task in tasks],
        "heads": [
            *(_scored(role, request.preset, task, text) for task, role in roles),
            *(Analysis("attention", {}, task) for task in tasks),
        ],
        "circuit": [Analysis("circuit", request.of_circuits, task) for task in tasks],
        "algorithm": [
            *(Analysis("algorithm", params, task) for task in names),
            *(Analysis("heads", params, task, role) for task in names for role in OF_PATHS),
            *(Analysis("greater_than", request.of_circuits, task) for task in of_years),
        ],
        "patch": [Analysis("patch", request.patch or {}, task) for task in tasks],
    }
    found = [analysis for kind, some in wanted.items() if kind in request.analyses for analysis in some]
    first = {analysis.computation: place for place, analysis in reversed(list(enumerate(found)))}
    found.sort(key=lambda analysis: first[analysis.computation])
    return [replace(analysis, dtype=request.dtype) for analysis in found]


def repeated(lacking: list[Analysis]) -> list[Analysis]:
    """What a checkpoint's analyses rest on without being among them: it is found again for them."""
    found: list[Analysis] = []
    for analysis in lacking:
        if (needed := analysis.rests_on) and needed not in lacking and needed not in found:
            found.append(needed)
    return found


def _scored(role: str, preset: str, task: TaskSpec | None, text: str | None) -> Analysis:
    """The analysis of a role's scores; `task` and `text` are left out where they say nothing."""
    if role == "copy_suppression":
        return Analysis("heads", {"preset": preset, "text": text}, None, role)
    drawn = {"rows": 16, "seed": 0} if role in _OF_ATTENTION else {}
    return Analysis("heads", {"preset": preset, **drawn}, task if role in _OF_NAMES else None, role)
