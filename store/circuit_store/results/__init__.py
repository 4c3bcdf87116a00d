"""Results: what one analysis of one checkpoint found (`records`), writing it, and which results there are by key."""

from circuit_store.results.held import Held, held
from circuit_store.results.keys import ask_again, held_keys, held_keys_of, identities, next_asked
from circuit_store.results.records import (
    Algorithm,
    AttentionRows,
    Behaviour,
    Circuit,
    CurvePoint,
    HeadScores,
    PatchEffects,
    Provenance,
    Record,
    StageRecord,
    TaskRecord,
    Undefined,
    Years,
)
from circuit_store.results.writing import write

__all__ = ["Algorithm", "AttentionRows", "Behaviour", "Circuit", "CurvePoint", "HeadScores", "PatchEffects"]
__all__ += ["Provenance", "Record", "StageRecord", "TaskRecord", "Undefined", "Years"]
__all__ += ["Held", "ask_again", "held", "held_keys", "held_keys_of", "identities", "next_asked", "write"]
