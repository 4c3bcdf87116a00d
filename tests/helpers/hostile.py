"""Text as an adversary would name a model, a task or a token, and what of it must never reach a terminal."""

import random
import re
from collections.abc import Iterator

MARK = "0WNED"
"""Within each escape sequence, so that a screen can be searched for it."""
PIECES = (
    *(f"\x1b]0;{MARK}\x07", f"\x1b]52;c;{MARK}\x07", "\x1b[2J", "\x1b[31m", "\x1bc", "\x1b[?1049l", "\x9b31m", "\x90q"),
    *("\x00", "\x07", "\x08", "\x0b", "\x0e", "\x7f", "\x85", "\n", "\r", "\r\n", "\t", "\u2028", "\u2029"),
    *("\u202e", "\u2066", "\u2069", "\u200e", "\u061c", "\u200b", "\ufeff", "\U000e0001", "\ue000", "\uffff"),
    *("\ud800", "\udc80", "\udfff"),
    *("[bold]", "[/bold]", "[/]", "[", "]", "[[", "\\[", "\\", "[red", "[@click=app.quit]x[/]", "[link=file:///]x[/link]"),
    *("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "'", '"', '""', ",", ";", "|", "\\|"),
    *("`", "```", "*", "**", "_", "__", "<b>", "<script>", "&lt;", "![x](y)", "~~", "$x$", "$text", "#"),
    *("%s", "{0}", "{", "}", "../", "/", "~", "?", " ", "  ", "-", "--", "a", "model", "name_mover", "a5.h3->a9.h1<q>"),
    *("מודל", "نموذج", "模型", "ー", "é", "e\u0301", "\u0301" * 9, "🙂", "🏳️\u200d🌈", "ﷺ"),
)  # fmt: skip
"""Escapes, controls, directions, half characters; markup; formulas; Markdown; formats and paths; other scripts."""
LONG = 10_240
FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e007f]"
)
"""Controls but the line feed, what turns directions, what is invisible, halves of characters."""


def texts(n: int, seed: int) -> Iterator[str]:
    """`n` hostile texts: each piece alone, then mixed with any characters; one in a thousand is 10 KB long."""
    chance = random.Random(seed)
    yield from PIECES[:n]
    for place in range(n - len(PIECES)):
        text = "".join(_piece(chance) for _ in range(chance.randrange(1, 9)))
        yield (text * (LONG // len(text) + 1))[:LONG] if place % 1000 == 0 else text


def _piece(chance: random.Random) -> str:
    return chance.choice(PIECES) if chance.random() < 0.8 else chr(chance.randrange(0x110000))


def harmless(text: str, lines: int = 1) -> bool:
    """Whether a text of so many lines steers nothing."""
    return text.count("\n") < lines + text.endswith("\n") and not FORBIDDEN.search(text)
