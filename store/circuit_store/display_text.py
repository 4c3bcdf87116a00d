"""Text that others wrote (names, labels, tokens, reasons) made fit to be shown: no character of it steers a terminal,
turns the direction of writing or breaks a line.

Such characters are those of Unicode's category C (controls, directions, surrogates, unassigned) and the two that
separate lines and paragraphs. Spans of time are put into words here, too.
"""

import json
import re
import unicodedata
from math import isfinite
from typing import Any

UNREADABLE = "�"
_HALF = re.compile("[\ud800-\udfff]")


def plain(text: Any) -> str:
    """One harmless line; each character that steers is shown as �."""
    text = str(text)
    return text if text.isprintable() else "".join(UNREADABLE if steers(c) else c for c in text)


def encodable(text: str) -> str:
    """What UTF-8 has bytes for; half a character (a lone surrogate) is �."""
    return text if text.isascii() else _HALF.sub(UNREADABLE, text)


def lines(text: str) -> str:
    """Several harmless lines, which line feeds end."""
    return "\n".join(map(plain, text.split("\n")))


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON that reads back as `value`; characters that steer are written as escapes.

    What JSON has no word for is the text that CSV has for it: numbers that are not finite are `inf`, `-inf` and `nan`.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(_worded(value), ensure_ascii=False, indent=indent, allow_nan=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if c != "\n" and steers(c) else c for c in text)


def cell(value: Any) -> Any:
    """A value of the store for a reader: bytes, which no column should hold, are the text that they spell."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def said(value: Any) -> str:
    """A value as a reader names it; nothing is the text without a letter."""
    return "" if value is None else str(cell(value))


def _worded(value: Any) -> Any:
    if isinstance(value, dict):
        return {cell(key): _worded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_worded(item) for item in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else cell(value)


def steers(character: str) -> bool:
    """Whether a character does something else than being read."""
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def lasting(seconds: float) -> str:
    """A span of time as one would say it."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"
