r"""The pictures of these pages, from the real explorer on a store of the sample suite, and on that of `make real`.

    circuit-tui --store demo.db run sample-0.1m sample-0.2m sample-0.4m --analyses all \
        --tasks ioi,gendered_pronoun,greater_than,subject_verb
    python docs/pictures.py demo.db            # or the names of some
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
HERE = Selection("sample-0.4m", 3500, "induction", "ioi", (1, 3))
"""Where IOI is new, and the head that looks for what came before."""
SHOWN = {
    "explorer": ("explore", Selection(), KEYS),
    "study": ("study", HERE, []),
    "circuit": ("circuit", HERE, ["j"]),
    "compare": ("compare", HERE, []),
    "head": ("head", HERE, []),
    "tables": ("tables", HERE, []),
}
"""Picture -> screen, what is looked at, and the keys pressed there."""
REAL_SHOWN = {"real-model": ("explore", Selection(role="name_mover", task="ioi_16"), CIRCUIT)}
"""The one model of the real store: its name movers, and the open circuit."""


def main(given: str, *names: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    shown = SHOWN | REAL_SHOWN
    for name in names or SHOWN:
        screen, at, keys = shown[name]
        for look in LOOKS:
            with TemporaryDirectory() as folder, chdir(folder):
                copy_store(Path(given), Path("demo.db"))
                svg = picture(Path("demo.db"), screen, at, keys, SIZE, look, "svg")
            (PICTURES / f"{name}-{look}.svg").write_text(svg)


def copy_store(given: Path, to: Path) -> None:
    with closing(open_to_read(given)) as db, closing(sqlite3.connect(to)) as copy:
        db.backup(copy)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), *sys.argv[2:])
