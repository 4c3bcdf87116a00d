"""Files and folders of the program's own (logs, memory) that are the user's alone, whatever the mask for new files."""

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def folder(path: Path) -> None:
    """Make a folder, and those above that are not there; one that is there and the user's own is closed to others.

    Raises:
        OSError.
    """
    for missing in [above for above in (*reversed(path.parents), path) if not above.exists()]:
        missing.mkdir(0o700, exist_ok=True)
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def opener(path: str, flags: int) -> int:
    """Open a file, as `open` asks for it; the user's own is closed to others."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o600)
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
        os.fchmod(file, 0o600)
    return file
