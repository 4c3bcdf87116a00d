"""What a request asks of each checkpoint: analyses, each one result under a key. Light: nothing here loads a model.

A key is made of the address (`MODEL@STEP`), the source (weights, config and tokenizer, by content: see `identity`), the
task's hash and `prepend_bos`, the analysis and its parameters, the dtype, and the version of the analysis. Results
under an equal key are not computed again; one folder under two names is two models with results of their own.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from circuit_core.attribution.methods import METHODS, RULES, THRESHOLDS
from circuit_core.tasks.specs import TASKS, TaskSpec
from circuit_sweep.planning.options import names, names_or_files, numbers, option

ANALYSES = ("behaviour", "heads", "circuit", "algorithm")
DEFAULT = ("behaviour", "circuit", "heads")
_OF_ATTENTION = ("induction", "duplicate_token", "previous_token")
COPYING = ("name_mover", "negative_name_mover")
_OF_NAMES = (*COPYING, "attn_end_io", "attn_end_s1", "attn_end_s2")
_OF_ALGORITHM = (*COPYING, "induction", "duplicate_token", "copy_suppression")
"""Roles by which the algorithm knows heads."""
OF_PATHS = ("s_inhibition", "effect_logits", "effect_movers_q", "effect_inhibition_v")
ROLES = (*_OF_ATTENTION, "successor", *_OF_NAMES, "copy_suppression", *OF_PATHS)
PRESETS = ("default", "paper-code")
VERSIONS = {"behaviour": 5, "circuit": 6, "heads": 6, "attention": 1, "algorithm": 4, "patch": 3, "greater_than": 3}
"""Raised when an analysis gives other numbers for the same parameters."""
_RESTS_ON = {"greater_than": "circuit"}
"""An analysis of what another one finds; it is computed again where that is."""
HELD_OUT = 3
"""Raised when other prompts are held out; where none are, results stay."""
DRAWS = 5
"""Random circuits for the baseline of a point of a curve."""


def _analyses(given: str, flag: str) -> tuple[str, ...]:
    """Names, or `all`. Raises: ValueError."""
    wanted = names(given, flag)
    wanted = ANALYSES if "all" in wanted else wanted
    if unknown := [name for name in wanted if name not in ANALYSES]:
        raise ValueError(f"There is no analysis {', '.join(unknown)}: choose from {', '.join(ANALYSES)}, or all.")
    return wanted


def _faithfulness(given: float, flag: str) -> float:
    """Raises: ValueError."""
    if not 0 < given <= 1:
        raise ValueError(f"{flag} {given}: give a faithfulness above 0, at most 1.")
    return given


@dataclass(frozen=True)
class Request:
    """What to compute for each checkpoint; each field is an option of `run`, but for `patch`."""

    tasks: tuple[str, ...] = option(
        ("ioi",),
        "Tasks or files of pairs, separated by commas (see `tasks`).",
        read=names_or_files,
        hint=f"{', '.join(TASKS)}, or files of pairs; separated by commas",
        completions=tuple(TASKS),
    )
    """Names; those of files are given by the store (`task_names`)."""
    analyses: tuple[str, ...] = option(
        DEFAULT,
        "These, algorithm, or all; separated by commas.",
        read=_analyses,
        hint=f"{', '.join(ANALYSES)}, or all; separated by commas",
        completions=(*ANALYSES, "all"),
    )
    method: str = option(
        "eap-ig",
        "How edges are scored.",
        METHODS,
        hint="{choices}",
        narrows="circuits by this method (`imported`: from files)",
    )
    ig_steps: int = option(
        5, "Points at which EAP-IG takes gradients.", least=1, paper_code=30, narrows="circuits with so many points"
    )
    ig_rule: str = option("paper", "Which points.", RULES, paper_code="code", narrows="circuits by this rule")
    selector: str = option(
        "greedy", "Order of edges.", ("greedy", "topn"), flag="--select", narrows="circuits by this order of edges"
    )
    search: str = option(
        "grid",
        "How sizes are searched.",
        ("grid", "paper", "code"),
        paper_code="code",
        hint="{choices}: how circuit sizes are searched",
        narrows="circuits by this search",
    )
    sizes: tuple[int, ...] = option(
        (), "Evaluate circuits of so many edges instead of searching.", metavar="N,N", read=numbers
    )
    held_out: int = option(0, "Measure circuits on so many other prompts, too.", least=0)
    """Besides those that choose the circuit."""
    threshold: float = option(
        0.8, "Faithfulness that a circuit must reach.", read=_faithfulness, narrows="circuits for this faithfulness"
    )
    threshold_on: str = option(
        "raw",
        "Which faithfulness: raw, as the paper.",
        THRESHOLDS,
        narrows="circuits for a threshold on raw or normalised",
    )
    areas: str = option(
        "none",
        "mib: CPR and CMD of the edge scores, too.",
        ("none", "mib"),
        narrows="circuits with CPR and CMD (mib) or without (none)",
    )
    preset: str = option(
        "default",
        "paper-code: what is computed is as the paper's published code has it.",
        PRESETS,
        narrows="head roles with these parameters (default or paper-code)",
    )
    """`paper-code` follows the paper's published code in the head roles and the algorithm."""
    text: str | None = option(
        None,
        "Text for copy suppression; else the last that gave scores.",
        kind=Path,
        shown=False,
        narrows="head roles on this text (a file, or how its hash begins)",
    )
    """Hash of the text on which copy suppression is scored; None for the last that gave scores, or none (`texts`).
    A file is given, of which the request holds the hash."""
    device: str = option(
        "auto",
        "cpu, cuda, GPUs as in cuda:0,cuda:1; auto takes one if there is any.",
        hint="auto, cpu, cuda, or GPUs as in cuda:0,cuda:1",
    )
    """Not part of a result's key."""
    dtype: str = option(
        "float32",
        "Precision of the model.",
        ("float32", "float64", "bfloat16", "float16"),
        narrows="results of this precision",
    )
    patch: dict[str, Any] | None = None
    """Path patching alone: `to`, `senders` (`all` or heads) and `freeze_mlps`."""

    @staticmethod
    def read(data: dict[str, Any]) -> "Request":
        """From a run's record in the store."""
        fields: dict[str, Any] = {k: v for k, v in data.items() if k in Request.__annotations__}
        fields |= {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
        return Request(**fields)

    @property
    def of_circuits(self) -> dict[str, Any]:
        """The parameters that decide a circuit; those that a method does not use are None."""
        return {
            "method": self.method,
            "ig_steps": self.ig_steps if self.method.startswith("eap-ig") else None,
            "ig_rule": self.ig_rule if self.method == "eap-ig" else None,
            "selector": self.selector,
            "search": "sizes" if self.sizes else self.search,
            "sizes": sorted(self.sizes),
            "threshold": self.threshold,
            "threshold_on": self.threshold_on,
            "areas": self.areas,
            "held_out": self.held_out,
            "draws": DRAWS,
        }


@dataclass(frozen=True)
class Job:
    """One analysis of one checkpoint: one result in the store."""

    analysis: str
    params: dict[str, Any]
    task: TaskSpec | None = None
    role: str | None = None
    dtype: str = Request.dtype

    @property
    def version(self) -> tuple[int, ...]:
        """Of the analysis, of the prompts held out if any are, and of the analysis that it rests on if it does."""
        held_out = (HELD_OUT,) if self.params.get("held_out") else ()
        rests_on = (VERSIONS[self.rests_on.analysis],) if self.rests_on else ()
        return (VERSIONS[self.analysis], *held_out, *rests_on)

    def key(self, address: str, identity: str) -> str:
        task = [self.task.hash, self.task.prepend_bos] if self.task else None
        parts = [address, identity, task, self.analysis, self.role, self.params, self.dtype, *self.version]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def rests_on(self) -> "Job | None":
        """The job that finds what this one looks into; where both are computed together, that is found once."""
        if self.analysis in _RESTS_ON:
            return replace(self, analysis=_RESTS_ON[self.analysis])
        return replace(self, analysis="algorithm", role=None) if self.role in OF_PATHS else None

    @property
    def uses(self) -> "list[Job]":
        """The jobs whose results it looks into: those that the store holds are handed to the worker, not found anew."""
        if self.analysis in _RESTS_ON:
            return [replace(self, analysis=_RESTS_ON[self.analysis])]
        if self.analysis != "algorithm" and self.role not in OF_PATHS:
            return []
        preset, text = self.params["preset"], self.params["text"]
        return [replace(_scored(role, preset, self.task, text), dtype=self.dtype) for role in _OF_ALGORITHM]

    @property
    def computation(self) -> tuple[Any, ...]:
        """What it is computed by: jobs of one computation come one after another, and nothing stops a worker there."""
        if self.analysis == "algorithm" or self.role in OF_PATHS:
            return "algorithm", self._of_task
        if self.analysis in ("circuit", *_RESTS_ON):
            return "circuit", self._of_task
        if self.analysis == "attention" or (self.role or "").startswith("attn_end"):
            return "attention from the end", self._of_task
        kinds = {**dict.fromkeys(_OF_ATTENTION, "attention"), **dict.fromkeys(COPYING, "copying")}
        return kinds.get(self.role or "", self.role or self.analysis), self._of_task

    @property
    def _of_task(self) -> str | None:
        return self.task and self.task.hash

    @property
    def title(self) -> str:
        return " ".join(filter(None, (self.analysis, self.role, self.task.label if self.task else None)))


def jobs(request: Request, tasks: list[TaskSpec], text: str | None) -> list[Job]:
    """Everything a request asks of one checkpoint, cheap and telling results first.

    Args:
        text: hash of the text for copy suppression, if there is one.
    """
    wanted = {
        "behaviour": [Job("behaviour", {}, task) for task in tasks],
        "heads": _head_jobs(request, tasks, text),
        "circuit": [Job("circuit", request.of_circuits, task) for task in tasks],
        "algorithm": _algorithm_jobs(request, tasks, text),
        "patch": [Job("patch", request.patch or {}, task) for task in tasks],
    }
    found = [job for analysis, some in wanted.items() if analysis in request.analyses for job in some]
    first = {job.computation: place for place, job in reversed(list(enumerate(found)))}
    found.sort(key=lambda job: first[job.computation])
    return [replace(job, dtype=request.dtype) for job in found]


def repeated(lacking: list[Job]) -> list[Job]:
    """What a checkpoint's jobs rest on without being among them: it is found again for them."""
    found: list[Job] = []
    for job in lacking:
        if (needed := job.rests_on) and needed not in lacking and needed not in found:
            found.append(needed)
    return found


def _head_jobs(request: Request, tasks: list[TaskSpec], text: str | None) -> list[Job]:
    of_tasks = [(task, role) for task in _with_names(tasks) for role in _OF_NAMES]
    roles = [*((None, role) for role in (*_OF_ATTENTION, "successor")), *of_tasks, (None, "copy_suppression")]
    scored = (_scored(role, request.preset, task, text) for task, role in roles)
    return [*scored, *(Job("attention", {}, task) for task in tasks)]


def _scored(role: str, preset: str, task: TaskSpec | None, text: str | None) -> Job:
    """The job of a role's scores; `task` and `text` are left out where they say nothing."""
    if role == "copy_suppression":
        return Job("heads", {"preset": preset, "text": text}, None, role)
    drawn = {"rows": 16, "seed": 0} if role in _OF_ATTENTION else {}
    return Job("heads", {"preset": preset, **drawn}, task if role in _OF_NAMES else None, role)


def _algorithm_jobs(request: Request, tasks: list[TaskSpec], text: str | None) -> list[Job]:
    params, names = {"preset": request.preset, "text": text}, _with_names(tasks)
    of_names = (Job("algorithm", params, task) for task in names)
    of_paths = (Job("heads", params, task, role) for task in names for role in OF_PATHS)
    years = (Job("greater_than", request.of_circuits, task) for task in tasks if _of_years(task))
    return [*of_names, *of_paths, *years]


def _of_years(task: TaskSpec) -> bool:
    return "YY" in task.named and task.metric == "prob_diff"


def _with_names(tasks: list[TaskSpec]) -> list[TaskSpec]:
    """The tasks whose prompts say where IO, S1 and S2 stand; IOI if none does, with BOS if all tasks have it."""
    ioi = replace(TASKS["ioi"], prepend_bos=bool(tasks) and all(task.prepend_bos for task in tasks))
    return [task for task in tasks if {"IO", "S1", "S2"} <= set(task.named)] or [ioi]
