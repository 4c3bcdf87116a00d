"""Compute what is asked of one checkpoint: load it once, then yield each result as it is ready.

Knows neither database nor queue. A task that the tokenizer cannot express gives a result without values and with the
reason; a checkpoint that cannot be loaded raises.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from circuit_core import loading
from circuit_core.behaviour import behaviour
from circuit_core.checkpoints import shape
from circuit_core.circuits.attribution import attribute
from circuit_core.circuits.faithfulness import MinimalCircuit, minimal_circuit
from circuit_core.circuits.interchange import Interchange
from circuit_core.errors import CircuitError, TaskError
from circuit_core.heads.attention import RoleScores, attention_roles, drawable
from circuit_core.heads.copying import name_mover
from circuit_core.sweep.plan import Job
from circuit_core.tasks import ioi
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import TaskSpec
from circuit_store import blobs, results

SMALL = 10_000_000
"""Parameters below which one thread is fastest: the matrices are too small to share."""


@dataclass(frozen=True)
class Computed:
    job: Job
    record: results.Record
    seconds: float


class Checkpoint:
    """A loaded checkpoint, with what several analyses share computed once."""

    def __init__(self, folder: Path, device: str, dtype: str) -> None:
        self.device = _device(device)
        self.threads = 1 if shape(folder).params < SMALL else max(1, os.cpu_count() or 1)
        torch.set_num_threads(self.threads)
        self.loaded = loading.load(folder, self.device, getattr(torch, dtype))
        self.prompt_sets: dict[TaskSpec, PromptSet] = {}

    @property
    def fingerprint(self) -> str:
        return self.loaded.fingerprint

    def compute(self, jobs: list[Job]) -> Iterator[Computed]:
        """Each job's result, in order. Raises: the first error of a job, after all others were done."""
        failed: Exception | None = None
        for job in jobs:
            began = time.perf_counter()
            try:
                record = self._record(job)
            except Exception as error:
                failed = failed or error
                continue
            yield Computed(job, record, time.perf_counter() - began)
        if failed:
            raise failed

    def _record(self, job: Job) -> results.Record:
        try:
            return {"behaviour": self._behaviour, "heads": self._heads, "circuit": self._circuit}[job.analysis](job)
        except TaskError as error:
            return results.Undefined(str(error))

    def prompts(self, task: TaskSpec) -> PromptSet:
        """Raises: TaskError."""
        if task not in self.prompt_sets:
            tokenizer = self.loaded.tokenizer
            if tokenizer is None:
                raise TaskError(f"{task.name} needs a tokenizer, and the checkpoint brings none")
            bos = tokenizer.bos_token_id if task.prepend_bos else None
            encode = loading.encoder(tokenizer)
            drawn = ioi.generate(encode, tokenizer.unk_token_id, task.n, task.seed, bos)
            if drawn.clean.shape[1] > (n_ctx := self.loaded.bridge.cfg.n_ctx):
                raise TaskError(f"{task.name} needs {drawn.clean.shape[1]} tokens, the model takes {n_ctx}")
            self.prompt_sets[task] = drawn.to(self.loaded.device)
        return self.prompt_sets[task]

    def _behaviour(self, job: Job) -> results.Behaviour:
        assert job.task is not None
        return results.Behaviour(**vars(behaviour(self.loaded.bridge, self.prompts(job.task))))

    def _heads(self, job: Job) -> results.Record:
        assert job.role is not None
        if job.task is not None:
            return _head_scores(name_mover(self.loaded.bridge, self.loaded.graph, self.prompts(job.task)))
        return _head_scores(self._attention_roles[job.role])

    @cached_property
    def _attention_roles(self) -> dict[str, RoleScores]:
        of = self.loaded
        special = [] if of.tokenizer is None else of.tokenizer.all_special_ids
        ids = drawable(of.n_vocab, special).to(of.device)
        found = attention_roles(of.bridge, of.graph, ids, of.bridge.cfg.n_ctx)
        return {scores.role: scores for scores in found}

    def _circuit(self, job: Job) -> results.Circuit:
        assert job.task is not None
        of, prompts, p = self.loaded, self.prompts(job.task), job.params
        scores = attribute(of.bridge, of.graph, prompts, p["ig_steps"], p["ig_rule"]).scores
        run = Interchange(of.bridge, of.graph, prompts)
        return _circuit_record(minimal_circuit(run, scores, p["selector"], p["threshold"]), scores, of.graph.n_edges)


def _device(name: str) -> str:
    """Raises: CircuitError, if there is no such device."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError):
        gpus = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        raise CircuitError(f"There is no device {name}: choose auto, cpu{gpus and ', ' + gpus}.") from None
    return name


def _head_scores(scores: RoleScores) -> results.Record:
    parts = [scores.value, scores.raw, scores.control]
    if not bool(scores.value.isfinite().all()):
        return results.Undefined("the model's activations are not finite")
    layers, heads = scores.value.shape
    rows = [
        (layer, head, *(None if part is None else part[layer, head].item() for part in parts))
        for layer in range(layers)
        for head in range(heads)
    ]
    return results.HeadScores(rows)  # type: ignore[arg-type]


def _circuit_record(found: MinimalCircuit, scores, n_edges_total: int) -> results.Circuit:
    chosen = found.chosen
    edges = [(int(s), int(p), float(scores[s, p])) for s, p in zip(*found.mask.nonzero(), strict=True)]
    return results.Circuit(
        n_edges=chosen and chosen.n_edges,
        n_nodes=chosen and chosen.n_nodes,
        n_edges_total=n_edges_total,
        metric_clean=found.metric_clean,
        metric_corrupted=found.metric_corrupted,
        metric_circuit=chosen and chosen.metric,
        faithfulness=chosen and chosen.faithfulness,
        faithfulness_normalised=chosen and chosen.faithfulness_normalised,
        threshold_reached=found.threshold_reached,
        edges=edges,
        curve=[results.CurvePoint(**vars(p)) for p in found.curve],
        scores=blobs.pack(scores),
        scores_shape=scores.shape,
        reason=found.reason,
    )
