"""Results: what one analysis of one checkpoint found (`records`), writing it, and which results there are by key."""

from circuit_store.results.held import Held, held
from circuit_store.results.keys import ask_again, held_keys, identities, next_asked
from circuit_store.results.records import Provenance, Record, TableRows, TaskRecord, Undefined
from circuit_store.results.writing import write

__all__ = ["Provenance", "Record", "TableRows", "TaskRecord", "Undefined"]
__all__ += ["Held", "ask_again", "held", "held_keys", "identities", "next_asked", "write"]
