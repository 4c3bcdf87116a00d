"""The pictures of these pages, from the real explorer on a store that `demo` or `make real` has computed.

    circuit-tui --store demo.db demo
    python docs/pictures.py demo.db
    make real
    python docs/pictures.py real/real.db real-model

Each is what `circuit-tui picture` draws of a screen, once in each theme. The store is copied into an empty folder
first: a picture names no path.
"""

import sqlite3
import sys
from contextlib import chdir, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from circuit_store.store import open_to_read
from circuit_tui.explorer.picture import LOOKS, picture
from circuit_tui.explorer.state import Selection

PICTURES = Path(__file__).parent / "pictures"
SIZE = (120, 40)
MODEL, CHECKPOINT, ROLE = ["ctrl+o", "a", "G"], ["comma", "comma"], ["m", "d"]
MARKS = ["ctrl+o", "d", "g", "l", "l", "l", "space", "j", "h", "h", "space"]
CIRCUIT = ["ctrl+o", "g", "z"]
KEYS = [*MODEL, *CHECKPOINT, *ROLE, *MARKS, *CIRCUIT]
"""The largest model where IOI is new; previous-token heads, of which a1.h1 hands over to a0.h3; the open circuit."""
REAL = ["ctrl+o", "a", "g", "ctrl+o", "d", "m", "g", *CIRCUIT]
"""The model of the real store, the first in the list: a role of its heads, and the open circuit."""
SHOWN = {"explorer": ("explore", KEYS), "real-model": ("explore", REAL)}
"""Picture -> screen, and the keys that lead to what is shown."""


def main(given: str, shown: str = "explorer") -> None:
    PICTURES.mkdir(exist_ok=True)
    screen, keys = SHOWN[shown]
    for look in LOOKS:
        with TemporaryDirectory() as folder, chdir(folder):
            copy_store(Path(given), Path("demo.db"))
            svg = picture(Path("demo.db"), screen, Selection(), keys, SIZE, look, "svg")
        (PICTURES / f"{shown}-{look}.svg").write_text(svg)


def copy_store(given: Path, to: Path) -> None:
    with closing(open_to_read(given)) as db, closing(sqlite3.connect(to)) as copy:
        db.backup(copy)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), *sys.argv[2:])
