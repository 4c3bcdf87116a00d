"""Columns that hold JSON: read, or refused with the row that is broken."""

import json
from typing import Any

from circuit_store.errors import StoreFailed


def read_json(text: str, column: str, row: int) -> dict[str, Any]:
    """The object that a column of a row holds. Raises: StoreFailed, if it is broken."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise StoreFailed(
            f"{column} is not a JSON object in row {row} of the store: `verify` names all that is broken."
        )
    return found
