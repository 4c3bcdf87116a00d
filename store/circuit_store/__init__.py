"""The SQLite store: tables, queries and exports of what was computed. Knows neither torch nor a terminal.

`open` gives a notebook the rows of any view. Behind it `store` opens the file, `queue` holds what is to be computed,
`results` writes what was, `views` defines every table a person sees, `queries` reads for the explorer, `export` writes
files.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuit_store.reader import Store

__all__ = ["open"]


def open(path: str | Path) -> "Store":
    """Open a store to read it; nothing in it is changed, and a run may go on meanwhile.

    Raises:
        StoreUnusable: there is no such file, or it is not a store.
        StoreFailed: it cannot be read now.
        StoreTooOld, StoreTooNew: another version made it.
    """
    from circuit_store.reader import Store
    from circuit_store.store import open_to_read

    return Store(open_to_read(Path(path)))
