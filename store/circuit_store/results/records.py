"""What an analysis found, as labelled data; which numbers mean what is said in `views`.

A `reason` stands for what is undefined.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """What a result is of, and its key: an equal key is never computed twice."""

    key: str
    run: int
    checkpoint: int
    analysis: str
    params: dict[str, Any]
    identity: str
    """The source: path, size and time of each weight file, or a commit hash."""
    fingerprint: str | None
    dtype: str
    seconds: float
    role: str | None = None
    task: "TaskRecord | None" = None
    device: str = "cpu"
    threads: int = 1
    version: str = "0"
    """Of the analysis and of what it rests on, `3` or `3.2`: other versions may give other numbers. 0: of a file."""


@dataclass(frozen=True)
class TaskRecord:
    name: str
    hash: str
    metric: str
    prepend_bos: bool


@dataclass(frozen=True)
class Behaviour:
    value: float | None
    stderr: float | None
    low: float | None
    high: float | None
    n_examples: int
    accuracy: float | None
    reason: str | None = None
    stderr_plain: float | None = None
    n_distinct: int | None = None
    pool: int | None = None


@dataclass(frozen=True)
class HeadScores:
    rows: list[tuple[int, int, float | None, float | None, float | None]]
    """(layer, head, value, raw, control)."""
    details: list[tuple[int, int, str, float | None]] = field(default_factory=list)
    """(layer, head, name, value): what a value is made of."""
    reason: str | None = None
    """Why some values are None."""
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    """(layer, head) -> why its value is None, where that is known head by head."""
    by_prompt: bytes | None = None
    """Scores of each prompt, whose mean a value is: float32, [layer * head, prompt], see `blobs`. None if not kept."""


@dataclass(frozen=True)
class AttentionRows:
    """What every head attends to from the answer position, on a few prompts."""

    tokens: list[list[str]]
    """Of each prompt, up to the answer position."""
    weights: list[list[list[int]]]
    """Of each prompt [layer * head][token], in ten-thousandths: short as text, and the text is what SQL can read."""


@dataclass(frozen=True)
class StageRecord:
    """A stage of the IOI algorithm, in percent."""

    stage: str
    percent: float | None
    low: float | None
    high: float | None
    heads: dict[str, list[str]]
    """Kind of head -> names."""
    universe: str
    """Which heads' effects are the whole."""
    post_emergence: bool | None
    """Whether every stage has heads: what of post-emergence is known without the task's circuit."""
    reason: str | None
    note: str | None = None
    """What the percent was measured without."""
    percent_random: float | None = None
    """Mean percent of random sets of as many heads of each layer."""
    effect: float | None = None
    """Sum of the heads' effects, signed."""


@dataclass(frozen=True)
class Algorithm:
    stages: list[StageRecord]


@dataclass(frozen=True)
class Years:
    """What a circuit of greater-than does with years."""

    nodes: list[tuple[int, float | None, float | None, float | None]]
    """(source, looks_at_year, raises_year, later_minus_others); see the view `greater_than`."""
    reason: str | None = None


@dataclass(frozen=True)
class PatchEffects:
    rows: list[tuple[int, int, float, float | None]]
    """(layer, head, metric after patching, effect)."""
    metric_clean: float | None = None
    metric_corrupted: float | None = None
    reason: str | None = None
    """Why there are no effects."""


@dataclass(frozen=True)
class Undefined:
    """Nothing can be said, for a reason."""

    reason: str


@dataclass(frozen=True)
class CurvePoint:
    n_requested: int
    n_edges: int
    n_nodes: int
    metric: float | None = None
    faithfulness: float | None = None
    faithfulness_normalised: float | None = None
    held_out_metric: float | None = None
    held_out_faithfulness: float | None = None
    random_baseline: float | None = None
    random_low: float | None = None
    random_high: float | None = None


@dataclass(frozen=True)
class Circuit:
    """A circuit, the curve it was chosen from, and the scores of every edge and node."""

    chosen: CurvePoint | None
    """The circuit's own point of the curve; without metric if it was imported."""
    n_edges_total: int
    edges: Sequence[tuple[int, int, float | None]]
    """(source, port, score) of the members."""
    scores: bytes | None
    """Every edge's score: float32, [source, port], bytes shuffled, zlib; see `blobs`. None if it has none."""
    scores_shape: tuple[int, int]
    curve: list[CurvePoint] = field(default_factory=list)
    nodes: list[tuple[int, float]] = field(default_factory=list)
    """(source, score)."""
    metric_clean: float | None = None
    metric_corrupted: float | None = None
    threshold_reached: bool | None = None
    faithfulness_low: float | None = None
    faithfulness_high: float | None = None
    interval_of: str | None = None
    """Which prompts that interval is over."""
    cpr: float | None = None
    cmd: float | None = None
    areas_reason: str | None = None
    """Why there is neither `cpr` nor `cmd`."""
    imported_from: str | None = None
    """Name of the file that it came from; None if it was computed."""
    original: bytes | None = None
    """That file, compressed."""
    reason: str | None = None


Record = Behaviour | HeadScores | AttentionRows | Circuit | Algorithm | Years | PatchEffects | Undefined
