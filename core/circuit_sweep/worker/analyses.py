"""From an analysis' name to its computation on a loaded checkpoint; what several need is computed once."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool

from circuit_core.attribution.edge_scores import EdgeScores, attribute
from circuit_core.behaviour import behaviour
from circuit_core.circuits import error_bars
from circuit_core.circuits.error_bars import ErrorBars
from circuit_core.circuits.search import MinimalCircuit, minimal_circuit
from circuit_core.errors import TaskError
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.attention_from_end import SHOWN
from circuit_core.interchange.evaluation import Evaluation
from circuit_core.loaded_model import LoadedModel
from circuit_core.patching.greater_than import NOT_REACHED, GreaterThan, ascending, greater_than_check
from circuit_core.patching.ioi_algorithm import IOIAlgorithm
from circuit_core.patching.path_patching import path_patching
from circuit_core.tasks.held_out import split
from circuit_core.tasks.preview import shown
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.sampling import draw
from circuit_core.tasks.specs import TaskSpec
from circuit_store.results import Held, Record, TableRows
from circuit_sweep.planning.analyses import OF_PATHS, Analysis
from circuit_sweep.worker import records
from circuit_sweep.worker.head_roles import HeadRoles


class Analyses:
    """Call it with an analysis to get its record."""

    def __init__(self, of: LoadedModel, text: str | None = None, held: dict[str, Held] | None = None) -> None:
        """`held` are results that need not be found again, by the titles of their analyses."""
        self.of, self.held = of, held or {}
        self.roles = HeadRoles(of, text)
        self._circuits: dict[str, tuple[MinimalCircuit, EdgeScores, ErrorBars]] = {}
        self._drawn: dict[TaskSpec, PromptSet] = {}
        self._by_name: dict[str, Callable[[Analysis], Record]] = {
            "behaviour": self._behaviour,
            "heads": self._heads,
            "attention": self._attention,
            "circuit": self._circuit,
            "algorithm": self._algorithm,
            "greater_than": self._greater_than,
            "patch": self._patch,
        }

    def __call__(self, analysis: Analysis) -> Record:
        """Raises: TaskError, if the tokenizer or the model cannot express its task."""
        return self._by_name[analysis.kind](analysis)

    def prompts(self, task: TaskSpec | None) -> PromptSet:
        """A task's prompts. Raises: TaskError, BrokenTask."""
        assert task is not None
        if task not in self._drawn:
            self._drawn[task] = self._draw(task)
        return self._drawn[task]

    def _draw(self, task: TaskSpec, *others: Any) -> PromptSet:
        """The prompts of a task, or others of it (see `draw`). Raises: TaskError, BrokenTask."""
        drawn = draw(task, self.of.tokenizer, self.of.n_vocab, *others)
        if drawn.clean.shape[1] > (n_ctx := self.of.bridge.cfg.n_ctx):
            longest = f"{task.name} needs {drawn.clean.shape[1]} tokens, the model takes {n_ctx}"
            raise TaskError(f"{longest}: give a task or file of shorter prompts.")
        return drawn.to(self.of.device)

    def _behaviour(self, analysis: Analysis) -> Record:
        found = behaviour(self.of, self.prompts(analysis.task))
        return Record((TableRows.of("behaviour", records.columns(found)),), found.reason)

    def _heads(self, analysis: Analysis) -> Record:
        """Raises: TaskError."""
        role, preset = analysis.role or "", analysis.params["preset"]
        if role in OF_PATHS:
            return records.of_paths(role, self._found_algorithm(analysis))
        if role == "copy_suppression":
            scores, reasons = self.roles.suppression(preset)
            return records.of_heads(scores, reasons=reasons)
        if role == "successor":
            return records.of_heads(self.roles.successor(preset))
        if analysis.task is None:
            return records.of_heads(self.roles.attention(preset)[role])
        if role.startswith("attn_end"):
            return records.of_heads(self._from_end(analysis.task, role))
        return records.of_heads(self.roles.copying(self.prompts(analysis.task), preset)[role])

    def _from_end(self, task: TaskSpec, role: str) -> RoleScores:
        found = {scores.role: scores for scores in self.roles.from_end(self.prompts(task)).roles}
        if role not in found:
            raise TaskError(f"{role} needs the positions of IO, S1 and S2; {task.name} does not name them")
        return found[role]

    def _attention(self, analysis: Analysis) -> Record:
        prompts = self.prompts(analysis.task)
        return records.of_attention(self.roles.from_end(prompts).rows, shown(prompts[:SHOWN], self.of.tokenizer))

    def _algorithm(self, analysis: Analysis) -> Record:
        return records.of_algorithm(self._found_algorithm(analysis))

    def _found_algorithm(self, analysis: Analysis) -> IOIAlgorithm:
        """By the scores that are held, and others found now. Raises: TaskError."""
        held = tuple((used.role or "", self.held[used.title]) for used in analysis.uses if used.title in self.held)
        return self.roles.algorithm(self.prompts(analysis.task), analysis.params["preset"], held)

    def _patch(self, analysis: Analysis) -> Record:
        p, prompts = analysis.params, self.prompts(analysis.task)
        to = "logits" if p["to"] == "logits" else p["to"].split(",")
        senders = "all" if p["senders"] == "all" else [tuple(head) for head in p["senders"]]
        return records.of_patching(path_patching(self.of, prompts, to, senders, p["freeze_mlps"]))

    def _greater_than(self, analysis: Analysis) -> Record:
        of, prompts = self.of, self._choosing(analysis.task, analysis.params["held_out"])
        ascending(prompts)
        mask, reached, reason = self._looked_into(analysis)
        if not reached:
            unknown = reason if reached is None else f"{NOT_REACHED} of {analysis.params['threshold']}"
            return records.of_years(GreaterThan(reason=unknown or NOT_REACHED), of.graph)
        return records.of_years(greater_than_check(of, prompts, mask), of.graph)

    def _looked_into(self, analysis: Analysis) -> tuple[Bool[np.ndarray, "src port"], bool | None, str | None]:
        """The circuit that an analysis looks into, whether it reaches its threshold, and what there is to say of that.

        It is the one that is held, or found now. Raises: TaskError.
        """
        (circuit,) = analysis.uses
        if (held := self.held.get(circuit.title)) is None:
            found = self._found(analysis)[0]
            return found.mask, found.threshold_reached, found.reason
        if held.undefined is not None:
            raise TaskError(held.undefined)
        mask = np.zeros(self.of.graph.real.shape, bool)
        for source, port in held.edges:
            mask[source, port] = True
        return mask, held.threshold_reached, held.reason

    def _circuit(self, analysis: Analysis) -> Record:
        return records.of_circuit(*self._found(analysis))

    def _found(self, analysis: Analysis) -> tuple[MinimalCircuit, EdgeScores, ErrorBars]:
        """The circuit of a task, searched once for all that rests on it."""
        asked = json.dumps([analysis.task and analysis.task.hash, analysis.params])
        if asked not in self._circuits:
            self._circuits[asked] = self._search(analysis)
        return self._circuits[asked]

    def _search(self, analysis: Analysis) -> tuple[MinimalCircuit, EdgeScores, ErrorBars]:
        of, p = self.of, analysis.params
        prompts, held_out = self._split(analysis.task, p["held_out"])
        points = {"ig_steps": p["ig_steps"] or 1, "ig_rule": p["ig_rule"] or "paper"}
        score = partial(attribute, of, prompts, p["method"], **points)
        # The scores of each prompt and edge are kept where they fit in the memory at hand; else see `_bars`.
        of_each = p["resamples"] and 4 * len(prompts) * of.graph.n_edges <= error_bars.AT_HAND
        scores = score(kept=of.graph.real if of_each else None)
        runs = [Evaluation(of, part) for part in (prompts, held_out) if part is not None]
        search = "grid" if p["sizes"] else p["search"]
        found = minimal_circuit(
            runs[0],
            scores.scores,
            p["selector"],
            p["threshold"],
            search,
            tuple(p["sizes"]),
            *runs[1:],
            draws=p["draws"],
            threshold_on=p["threshold_on"],
            with_areas=p["areas"] == "mib",
        )
        return found, replace(scores, by_prompt=None), self._bars(analysis, prompts, found, scores, score)

    def _bars(
        self,
        analysis: Analysis,
        prompts: PromptSet,
        found: MinimalCircuit,
        scores: EdgeScores,
        score: Callable[..., EdgeScores],
    ) -> ErrorBars:
        """Where the scores of each prompt take too much room, those of the largest edges are computed once more."""
        p, kept = analysis.params, self.of.graph.real
        if not p["resamples"] or found.chosen is None or not np.isfinite(scores.scores).all():
            return ErrorBars()
        if scores.by_prompt is None:
            kept = error_bars.to_keep(scores, found.mask)
            scores = score(kept=kept)
        assert analysis.task is not None
        seed, n = int(analysis.task.hash, 16), found.chosen.n_requested
        return error_bars.error_bars(scores, kept, found.mask, n, p["selector"], prompts.strata, seed, p["resamples"])

    def _choosing(self, task: TaskSpec | None, held_out: int) -> PromptSet:
        """Prompts that choose the circuit: all, or a file's but its last. Raises: TaskError."""
        from_file = task is not None and task.content is not None
        return split(self.prompts(task), held_out)[0] if held_out and from_file else self.prompts(task)

    def _split(self, task: TaskSpec | None, held_out: int) -> tuple[PromptSet, PromptSet | None]:
        """Prompts that choose the circuit, and others: of the next seed, or a file's last. Raises: TaskError."""
        assert task is not None
        prompts = self.prompts(task)
        if not held_out:
            return prompts, None
        if task.content is None:
            return prompts, self._draw(task, held_out, task.seed + 1, prompts.texts)
        return split(prompts, held_out)
