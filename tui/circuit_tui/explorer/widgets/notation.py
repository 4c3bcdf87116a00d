"""How numbers, names and scores are written, the same in every pane."""

import math
from typing import Any

from circuit_store import display_text

STATUS_MARKS = {"duplicate_of": "=", "known_bad": "!", "missing": "?", "unreadable": "✗", "mismatch": "✗"}
"""Status of a checkpoint that trends skip -> its mark."""
_LONGEST = 200


def status_words(status: str) -> str:
    """`known bad`, `duplicate`."""
    return status.removesuffix("_of").replace("_", " ")


def plain(text: Any) -> str:
    """Text from the store as it may be shown: one harmless line, cut off with an ellipsis if it is too long."""
    text = str(text)
    return display_text.plain(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def short(number: int | float | None) -> str:
    """Tokens or parameters in few characters: 512, 1.3k, 2.1M, 300B."""
    if number is None:
        return "–"
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            scaled = number / size
            return f"{scaled:.{1 if scaled < 9.95 and scaled % 1 else 0}f}" + unit
    return f"{number:g}"


def finite(number: float | None) -> float | None:
    """None for what cannot be drawn."""
    return number if number is not None and math.isfinite(number) else None


def signed(number: float | None, digits: int) -> str:
    """With a true minus sign, and none before zero; a dash if there is no number."""
    if finite(number) is None:
        return "–"
    return f"{number:z.{digits}f}".replace("-", "−")


def digits_for(largest: float) -> int:
    """Decimals that show three figures of the largest number of a column."""
    return min(8, max(0, 2 - math.floor(math.log10(largest)))) if largest > 0 else 2


def bar(share: float, width: int) -> str:
    """A bar of eighth blocks; `share` of the width, from 0 to 1."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")).ljust(width)


def head_name(head: tuple[int, int]) -> str:
    return f"a{head[0]}.h{head[1]}"
