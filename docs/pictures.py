"""The pictures of these pages, from the real explorer on a store that `demo` or `make real` has computed.

    circuit-tui --store demo.db demo
    python docs/pictures.py demo.db
    make real
    python docs/pictures.py real/real.db real-model

The explorer runs without a terminal, 120 columns by 40 lines, and is driven by keys as you would drive it. What it
shows is written as SVG, once in each theme. The store is copied into an empty folder first: a picture names no path.
"""

import asyncio
import re
import sqlite3
import sys
from contextlib import chdir, closing
from html import unescape
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.theme import Theme

from circuit_store.store import open_to_read
from circuit_tui.explorer import theme
from circuit_tui.explorer.app import Explorer

PICTURES = Path(__file__).parent / "pictures"
LOOKS = {"dark": theme.DARK, "light": theme.LIGHT}
SIZE = (120, 40)
MODEL, CHECKPOINT, ROLE = ["ctrl+o", "a", "G"], ["comma", "comma"], ["m", "m"]
MARKS = ["ctrl+o", "d", "g", "l", "l", "l", "space", "j", "h", "h", "space"]
CIRCUIT = ["ctrl+o", "g", "z"]
KEYS = [*MODEL, *CHECKPOINT, *ROLE, *MARKS, *CIRCUIT]
"""The largest model where IOI is new; previous-token heads, of which a1.h1 hands over to a0.h3; the open circuit."""
REAL = ["ctrl+o", "a", "g", "ctrl+o", "d", "m", "m", "m", "m", *CIRCUIT]
"""The model of the real store, the first in the list: a role of its heads, and the open circuit."""
KEYS_OF = {"explorer": KEYS, "real-model": REAL}
FRAME, TITLE = "#292929", "#c5c8c6"
"""Colours of the window around every screenshot."""
WIDTH, HEIGHT, RISE = 12.2, 24.4, 18.5
"""Of a cell in a screenshot, and of the part above the foot of a letter."""
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
"""Column and row of the dots of a Braille pattern, from its lowest bit on."""


def main(given: str, shown: str = "explorer") -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, look in LOOKS.items():
        with TemporaryDirectory() as folder, chdir(folder):
            environ["XDG_STATE_HOME"] = folder  # nothing is remembered from an earlier session
            copy_store(Path(given), Path("demo.db"))
            svg = asyncio.run(picture(Path("demo.db"), look, KEYS_OF[shown]))
        (PICTURES / f"{shown}-{name}.svg").write_text(svg)


def copy_store(given: Path, to: Path) -> None:
    with closing(open_to_read(given)) as db, closing(sqlite3.connect(to)) as copy:
        db.backup(copy)


async def picture(store: Path, look: Theme, keys: list[str]) -> str:
    """SVG of the explorer after some keys."""
    app = Explorer(store)
    async with app.run_test(size=SIZE) as pilot:
        app.theme = look.name
        await settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settled(app, pilot)
        return bare(app.export_screenshot(title="circuit-tui"), look)


async def settled(app: Explorer, pilot) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


def bare(svg: str, look: Theme) -> str:
    """A window in the theme's colours, which looks alike whatever fonts the reader has, and fetches none."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<text class="([^"]*)" x="([^"]*)" y="([^"]*)"[^>]*>([^<]*)</text>', dotted, svg)
    svg = svg.replace("font-family: Fira Code,", "font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas,")
    return svg.replace(FRAME, look.panel or FRAME).replace(TITLE, look.foreground or TITLE)


def dotted(text: re.Match[str]) -> str:
    """A text whose Braille patterns, which many fonts lack, are drawn as the dots that they are."""
    style, x, y = text[1], float(text[2]), float(text[3]) - RISE
    dots = [
        f'<circle class="{style}" cx="{x + (place + column / 2 + 0.25) * WIDTH:.1f}"'
        f' cy="{y + (row + 0.5) / 4 * HEIGHT:.1f}" r="1.6"/>'
        for place, letter in enumerate(unescape(text[4]))
        if 0x2800 < ord(letter) < 0x2900
        for bit, (column, row) in enumerate(DOTS)
        if (ord(letter) - 0x2800) >> bit & 1
    ]
    return re.sub("[\u2801-\u28ff]", "&#160;", text[0]) + "".join(dots)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), *sys.argv[2:])
