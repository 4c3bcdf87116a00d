"""A picture of the explorer without a terminal: opened on a selection, led by keys, kept as SVG or as text.

The SVG looks alike whatever fonts its reader has, and fetches none: Braille, which many fonts lack, is drawn as dots.
"""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

from textual.keys import Keys
from textual.theme import Theme

from circuit_store.errors import UnknownName
from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.app import Explorer
from circuit_tui.explorer.state import Selection

LOOKS = {"dark": theme.DARK, "light": theme.LIGHT}
_FRAME, _TITLE = "#292929", "#c5c8c6"
"""Colours of the window around every screenshot."""
_WIDTH, _HEIGHT, _RISE = 12.2, 24.4, 18.5
"""Of a cell in a screenshot, and of the part above the foot of a letter."""
_DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
"""Column and row of the dots of a Braille pattern, from its lowest bit on."""


def picture(
    store: Path,
    screen: str,
    at: Selection,
    keys: list[str],
    size: tuple[int, int],
    look: str,
    kind: str,
    ascii: bool = False,
) -> str:
    """What the explorer shows of a store.

    Args:
        screen: one of `bindings.SCREENS`.
        at: what is looked at; what is None is chosen as when the explorer opens.
        keys: pressed one after the other, each once the store has answered the one before; as Textual names them.
        size: columns and lines.
        look: `dark` or `light`.
        kind: `svg` or `txt`.
        ascii: nothing but ASCII is drawn.

    Raises:
        UnknownName: the store holds no such task or role of the model.
        ValueError: there is no such key.
    """
    known = {key.value for key in Keys} | {name for key in bindings.KEYS for name in key.keys.split(",")}
    for key in keys:
        if len(key) > 1 and key not in known:
            raise ValueError(f"{key} is no key: write letters as they are, others as in ctrl+o, tab, enter, escape.")
    app = Explorer(store, at=at)
    app.ascii = ascii
    return asyncio.run(_picture(app, at, screen, keys, size, LOOKS[look], kind))


async def _picture(
    app: Explorer, at: Selection, screen: str, keys: list[str], size: tuple[int, int], look: Theme, kind: str
) -> str:
    async with app.run_test(size=size) as pilot:
        app.theme = look.name
        await _settled(app, pilot)
        _check(app, at)
        await app.action_screen(screen)
        await _settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(app, pilot)
        if kind == "svg":
            return bare(app.export_screenshot(title="circuit-tui"), look)
        strips = app.screen._compositor.render_strips()
        return "".join(f"{strip.text.rstrip()}\n" for strip in strips)


def _check(app: Explorer, at: Selection) -> None:
    """That what is asked for is there to be shown."""
    look = app.main.look
    if look is None:
        return
    held = {"task": look.held.tasks, "role": look.held.roles}
    for kind, names in held.items():
        wanted = getattr(at, kind)
        if wanted and wanted not in names:
            there = ", ".join(names) or "none yet"
            raise UnknownName(f"The store holds no {kind} {wanted} of {look.at.model}: it holds {there}.")


async def _settled(app: Explorer, pilot: Any) -> None:
    """Until the store has answered all that was asked, and it is drawn."""
    await pilot.pause()
    while app.reader.busy or any(worker.is_running for worker in app.workers):
        await pilot.pause(0.01)
    await pilot.pause()


def bare(svg: str, look: Theme) -> str:
    """A window in the theme's colours, without fonts from elsewhere."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<text class="([^"]*)" x="([^"]*)" y="([^"]*)"[^>]*>([^<]*)</text>', _dotted, svg)
    svg = svg.replace("font-family: Fira Code,", "font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas,")
    return svg.replace(_FRAME, look.panel or _FRAME).replace(_TITLE, look.foreground or _TITLE)


def _dotted(text: re.Match[str]) -> str:
    """A text whose Braille patterns are drawn as the dots that they are."""
    style, x, y = text[1], float(text[2]), float(text[3]) - _RISE
    dots = [
        f'<circle class="{style}" cx="{x + (place + column / 2 + 0.25) * _WIDTH:.1f}"'
        f' cy="{y + (row + 0.5) / 4 * _HEIGHT:.1f}" r="1.6"/>'
        for place, letter in enumerate(unescape(text[4]))
        if 0x2800 < ord(letter) < 0x2900
        for bit, (column, row) in enumerate(_DOTS)
        if (ord(letter) - 0x2800) >> bit & 1
    ]
    return re.sub("[\u2801-\u28ff]", "&#160;", text[0]) + "".join(dots)
