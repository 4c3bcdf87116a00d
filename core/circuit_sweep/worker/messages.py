"""What a runner and its workers say to each other. Workers know no database: all they are told stands in an order."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from circuit_store.results import Held, Record
from circuit_sweep.planning.analyses import Analysis


@dataclass(frozen=True)
class WorkOrder:
    """Runner to worker: compute these analyses of this checkpoint."""

    unit: int
    folder: Path
    analyses: list[Analysis]
    dtype: str
    device: str
    """As the user names it; `auto` is for the worker to decide."""
    text: str | None = None
    """For copy suppression."""
    cores: int | None = None
    """Threads of a model that is large enough to share work; None for all cores."""
    batch: float = 1.0
    """Share of the items that a first batch would have."""
    ahead: Path | None = None
    """The checkpoint that is likely to come next."""
    held: dict[str, Held] = field(default_factory=dict)
    """Results that the analyses look into and the store holds, by the titles of their analyses."""


@dataclass(frozen=True)
class StopOrder:
    """Runner to worker: end this unit after the computation under way."""

    unit: int


@dataclass(frozen=True)
class Message:
    """Worker to runner; says which unit it is about."""

    unit: int


@dataclass(frozen=True)
class CheckpointLoaded(Message):
    fingerprint: str
    device: str
    threads: int


@dataclass(frozen=True)
class UnitProgress(Message):
    """An analysis begins, or goes on."""

    what: str
    fraction: float
    """How many of the unit's analyses lie behind, 0 to 1."""

    def within(self, done: int, of: int) -> "UnitProgress":
        """So many prompts (or edges) of the pass under way are done; an analysis may take several passes."""
        return replace(self, what=f"{self.what} {done}/{of}")


@dataclass(frozen=True)
class Result(Message):
    analysis: Analysis
    record: Record
    seconds: float


@dataclass(frozen=True)
class UnitEnd(Message):
    """The last that is said of a unit."""


@dataclass(frozen=True)
class UnitFinished(UnitEnd):
    """Every analysis was done."""


@dataclass(frozen=True)
class UnitStopped(UnitEnd):
    """A `StopOrder` was heard before every analysis was done."""


@dataclass(frozen=True)
class UnitFailed(UnitEnd):
    reason: str
    status: str | None = None
    """Of a checkpoint that cannot be loaded."""


@dataclass(frozen=True)
class WorkerDied(UnitEnd):
    """The worker has died, or has no memory left; a new one may do better."""

    reason: str
