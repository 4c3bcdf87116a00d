"""Copy through the terminal (OSC 52), so that it works over SSH.

tmux and screen swallow the sequence unless it is wrapped for them, and terminals drop long ones: those are refused
here, and the caller writes a file instead. Nothing acknowledges a copy, so nobody may say "copied".
"""

import base64
from collections.abc import Mapping

LIMIT = 74_994
"""Bytes of base64 that terminals accept."""
_SCREEN_CHUNK = 76


def sequence(text: str, environ: Mapping[str, str]) -> str | None:
    """The escape sequence that copies `text`; None if it is too long for terminals."""
    payload = base64.b64encode(text.encode()).decode()
    if len(payload) > LIMIT:
        return None
    plain = f"\x1b]52;c;{payload}\x07"
    if environ.get("TMUX"):
        return f"\x1bPtmux;{plain.replace(chr(27), chr(27) * 2)}\x1b\\"
    if environ.get("STY"):
        chunks = (plain[i : i + _SCREEN_CHUNK] for i in range(0, len(plain), _SCREEN_CHUNK))
        return "".join(f"\x1bP{chunk}\x1b\\" for chunk in chunks)
    return plain
