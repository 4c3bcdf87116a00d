"""The entries below a plot, in lines that break between entries."""

from collections.abc import Iterable

from rich.text import Text


def flow(entries: Iterable[Text], width: int, most: int | None = None) -> Text:
    """At most so many lines: what has no room is left out, from the last entry on."""
    lines = [Text()]
    for entry in entries:
        if lines[-1] and lines[-1].cell_len + entry.cell_len > width:
            if len(lines) == most:
                break
            lines.append(Text())
        lines[-1].append_text(entry).append("   ")
    return Text("\n").join(lines)
