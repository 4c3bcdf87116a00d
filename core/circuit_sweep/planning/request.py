"""What is asked for: analyses of tasks, with parameters; each field is an option of `run`, said once (`options`)."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from circuit_core.attribution.methods import METHODS, RULES, THRESHOLDS
from circuit_core.tasks.specs import TASKS
from circuit_sweep.planning.options import names, numbers, option

ANALYSES = ("behaviour", "heads", "circuit", "algorithm")
DEFAULT = ("behaviour", "circuit", "heads")
PRESETS = ("default", "paper-code")
DRAWS = 5
"""Random circuits for the baseline of a point of a curve."""


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
        "Tasks or files of prompt pairs, separated by commas (see `tasks`).",
        read=partial(names, or_file=True),
        hint=f"{', '.join(TASKS)}, or files of pairs; separated by commas",
        completions=tuple(TASKS),
    )
    """Names; those of files are given by the store (`task_names`)."""
    analyses: tuple[str, ...] = option(
        DEFAULT,
        f"{', '.join(ANALYSES)}, or all; separated by commas.",
        read=partial(names, among=ANALYSES, kind="analysis"),
        hint=f"{', '.join(ANALYSES)}, or all; separated by commas",
        completions=(*ANALYSES, "all"),
    )
    method: str = option(
        "eap-ig",
        "How edges are scored.",
        METHODS,
        hint="{choices}",
        narrows="circuits found by this method (`imported`: from files)",
    )
    ig_steps: int = option(
        5, "Points at which EAP-IG takes gradients.", least=1, paper_code=30, narrows="circuits with this many points"
    )
    ig_rule: str = option(
        "paper", "Where those points lie.", RULES, paper_code="code", narrows="circuits with points by this rule"
    )
    selector: str = option(
        "greedy",
        "How edges are chosen for a circuit.",
        ("greedy", "topn"),
        flag="--select",
        narrows="circuits with edges chosen this way",
    )
    search: str = option(
        "grid",
        "How the size of a circuit is searched.",
        ("grid", "paper", "code"),
        paper_code="code",
        hint="{choices}: how circuit sizes are searched",
        narrows="circuits found by this search",
    )
    sizes: tuple[int, ...] = option(
        (), "Evaluate circuits of these numbers of edges instead of searching.", metavar="N,N", read=numbers
    )
    held_out: int = option(0, "Also measure circuits on this many held-out prompts.", least=0)
    """Besides those that choose the circuit."""
    threshold: float = option(
        0.8,
        "Faithfulness that a circuit must reach.",
        read=_faithfulness,
        narrows="circuits searched for this faithfulness",
    )
    threshold_on: str = option(
        "raw",
        "Which faithfulness that is; the paper uses raw.",
        THRESHOLDS,
        narrows="circuits with a threshold on this faithfulness (raw or normalised)",
    )
    areas: str = option(
        "none",
        "mib: also compute CPR and CMD of the edge scores.",
        ("none", "mib"),
        narrows="circuits with CPR and CMD (mib) or without (none)",
    )
    resamples: int = option(
        200,
        "Bootstrap resamples of the prompts for the error bars of circuits; 0: none.",
        least=0,
        narrows="circuits with error bars from this many resamples",
    )
    preset: str = option(
        "default",
        "paper-code: compute as the paper's published code does.",
        PRESETS,
        narrows="head roles of this preset (default or paper-code)",
    )
    """`paper-code` follows the paper's published code in the head roles and the algorithm."""
    text: str | None = option(
        None,
        "Text on which copy suppression is scored; default: the last that gave scores.",
        kind=Path,
        shown=False,
        narrows="head roles on this text (a file, or the start of its hash)",
    )
    """Hash of the text on which copy suppression is scored; None for the last that gave scores, or none (`texts`).
    A file is given, of which the request holds the hash."""
    with_known_bad: bool = option(
        False, "Compute checkpoints of the hub that are known to be bad, or equal to others, too.", kind=bool
    )
    base: str | None = option(
        None, "Of one finetune: the checkpoint that its steps and tokens count on from.", metavar="MODEL@STEP"
    )
    device: str = option(
        "auto",
        "cpu, cuda, or GPUs such as cuda:0,cuda:1; auto takes a GPU if there is one.",
        hint="auto, cpu, cuda, or GPUs as in cuda:0,cuda:1",
    )
    """Not part of a result's key."""
    dtype: str = option(
        "float32",
        "Precision of the model.",
        ("float32", "float64", "bfloat16", "float16"),
        narrows="results in this precision",
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
            "resamples": self.resamples,
            "held_out": self.held_out,
            "draws": DRAWS,
        }
