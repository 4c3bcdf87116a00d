"""From a head role's name to its scores on a loaded checkpoint; passes that several roles share are made once."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import ParamSpec, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.heads import text_rows as texts
from circuit_core.heads.attention import RoleScores, attention_roles, drawable
from circuit_core.heads.attention_from_end import AttentionFromEnd, attention_from_end
from circuit_core.heads.copy_suppression import copy_suppression, reasons
from circuit_core.heads.name_movers import copy_scores
from circuit_core.heads.successor_scores import SuccessorScores, successor
from circuit_core.heads.text_rows import function_words
from circuit_core.loaded_model import LoadedModel
from circuit_core.models.tokenizers import encoder
from circuit_core.patching.ioi_algorithm import PAPER_CODE, IOIAlgorithm, Options, Roles, ioi_algorithm
from circuit_core.patching.path_patching import Head
from circuit_core.tasks.prompts import PromptSet
from circuit_store import blobs
from circuit_store.results import Held
from circuit_sweep.planning.analyses import COPYING

P = ParamSpec("P")
T = TypeVar("T")


def remembered(compute: Callable[P, T]) -> Callable[P, T]:
    """Computes once for the same arguments; that something is undefined (`TaskError`) is remembered as a result is."""

    @cache
    def found(*args: P.args, **kwargs: P.kwargs) -> T | TaskError:
        try:
            return compute(*args, **kwargs)
        except TaskError as error:
            return error.with_traceback(None)

    def recall(*args: P.args, **kwargs: P.kwargs) -> T:
        result = found(*args, **kwargs)
        if isinstance(result, TaskError):
            raise result.with_traceback(None)
        return result

    return recall


class HeadRoles:
    """The roles of one checkpoint.

    Args:
        text: of the model's own kind, for copy suppression.
    """

    def __init__(self, of: LoadedModel, text: str | None) -> None:
        self.of, self.text = of, text
        self.attention, self.successor = remembered(self._attention), remembered(self._successor)
        self.copying, self.from_end = remembered(self._copying), remembered(self._from_end)
        self._scored, self.algorithm = remembered(self._suppression), remembered(self._algorithm)

    def _attention(self, preset: str) -> dict[str, RoleScores]:
        """Raises: TaskError."""
        of = self.of
        special = [] if of.tokenizer is None else of.tokenizer.all_special_ids
        ids = drawable(of.n_vocab, special).to(of.device)
        return {s.role: s for s in attention_roles(of, ids, of.bridge.cfg.n_ctx, preset=preset)}

    def _successor(self, preset: str) -> SuccessorScores:
        return successor(self.of, self.of.tokenizer, preset)

    def _copying(self, prompts: PromptSet, preset: str) -> dict[str, RoleScores]:
        return {s.role: s for s in copy_scores(self.of, prompts, preset)}

    def _from_end(self, prompts: PromptSet) -> AttentionFromEnd:
        return attention_from_end(self.of, prompts)

    def suppression(self, preset: str) -> tuple[RoleScores, dict[Head, str]]:
        """Scores, and why heads have none. Raises: TaskError, also if no head has one."""
        scores, missing = self._scored(preset)
        if len(missing) == scores.value.numel():
            raise TaskError("; ".join(dict.fromkeys(missing.values())))
        return scores, missing

    def _suppression(self, preset: str) -> tuple[RoleScores, dict[Head, str]]:
        """Raises: TaskError."""
        of = self.of
        if self.text is None:
            width, rows = texts.WIDTH, texts.SCORED + texts.REFERENCE
            raise TaskError(f"copy_suppression needs --text FILE ({width} tokens x {rows} sequences)")
        if of.tokenizer is None:
            raise TaskError("copy_suppression needs a tokenizer, and the checkpoint brings none: put one beside it.")
        scored, reference = texts.rows(encoder(of.tokenizer), self.text, of.tokenizer.bos_token_id)
        masked = torch.as_tensor(function_words(of.tokenizer)).to(of.device)
        given = scored.to(of.device), reference.to(of.device), masked
        scores = copy_suppression(of, *given, preset=preset)
        return scores, reasons(scores, preset)

    def _algorithm(self, prompts: PromptSet, preset: str, held: tuple[tuple[str, Held], ...] = ()) -> IOIAlgorithm:
        """By roles whose scores are held, and others found now. Raises: TaskError."""
        options = PAPER_CODE if preset == "paper-code" else Options()
        return ioi_algorithm(self.of, prompts, self.of_stages(prompts, preset, dict(held)), options)

    def of_stages(self, prompts: PromptSet, preset: str, held: Mapping[str, Held] | None = None) -> Roles:
        """What the stages of the algorithm ask for, and why what cannot be scored is missing.

        Args:
            held: roles with scores that are known already; the others are found.

        Raises:
            TaskError.
        """
        known = held or {}
        names, negative = (self._by_prompt(known.get(role), role, prompts, preset) for role in COPYING)
        scored: dict[str, Callable[[], Tensor]] = {
            "induction": lambda: self.attention(preset)["induction"].value,
            "duplicate_token": lambda: self.attention(preset)["duplicate_token"].value,
            "copy_suppression": lambda: self.suppression(preset)[0].value,
        }
        found: dict[str, Tensor] = {}
        missing: dict[str, str] = {}
        for role, scores in scored.items():
            try:
                found[role] = self._of_store(known[role]) if role in known else scores()
            except TaskError as error:
                missing[role] = str(error)
        return Roles(names, negative, **found, missing=missing)

    def _by_prompt(
        self, held: Held | None, role: str, prompts: PromptSet, preset: str
    ) -> Float[Tensor, "layer head batch"]:
        """Copy scores: resamples of the prompts need them prompt by prompt. Raises: TaskError."""
        graph = self.of.graph
        if held is None or held.by_prompt is None:
            found = self.copying(prompts, preset)[role].by_prompt
            assert found is not None
            return found
        scores = blobs.unpack(held.by_prompt, (graph.n_layers * graph.n_heads, len(prompts)))
        return torch.as_tensor(scores, device=self.of.device).unflatten(0, (graph.n_layers, graph.n_heads))

    def _of_store(self, held: Held) -> Float[Tensor, "layer head"]:
        """Raises: TaskError, where they are undefined."""
        if held.undefined is not None:
            raise TaskError(held.undefined)
        scores = torch.full((self.of.graph.n_layers, self.of.graph.n_heads), torch.nan, device=self.of.device)
        for layer, head, score in held.scores:
            scores[layer, head] = torch.nan if score is None else score
        return scores
