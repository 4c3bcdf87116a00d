"""Reading files that others wrote, so that none can hang the program, fill its memory or crash it without a message.

Only regular files are opened, also behind a link: never a pipe, a device or a folder. No more is read than a file of
its kind may hold. JSON is refused where readers would disagree on it (a key twice in one object) or run out of stack.
"""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from circuit_core.errors import MissingFile, UnreadableFile

MODEL_JSON = 64 * 2**20
"""Bytes of a model's JSON files at most: config.json, an index of weights, a trainer's state."""
BESIDE = 256 * 2**20
"""Bytes of any other file that is read whole: a tokenizer, a circuit."""
DEEPEST = 100
"""Levels of lists and objects within one another."""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
}


def place(name: str | Path) -> Path:
    """What a user calls a file, `~` as a home; as it is if there is no such user."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def there(path: Path) -> bool:
    """Whether something lies there that is not a folder; also what cannot be read, as a pipe or a loop of links."""
    try:
        return not stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        return error.errno == errno.ELOOP
    except ValueError:  # a zero byte in its name
        return False


def opened(path: Path) -> BinaryIO:
    """A regular file, open to be read. Raises: MissingFile, UnreadableFile."""
    try:
        _regular(path, os.stat(path))
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFile(f"{path} cannot be read ({error.strerror}): name a file that is there.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnreadableFile(f"{path} is a loop of links, where a file is needed.") from None
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}): see to it that it can.") from None
    except ValueError as error:
        raise UnreadableFile(f"{str(path)!r} names no file ({error}).") from None
    try:
        _regular(path, os.fstat(file.fileno()))  # it may have been exchanged
    except UnreadableFile:
        file.close()
        raise
    return file


def _regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "not a regular file")
        raise UnreadableFile(f"{path} is {kind}, where a file is needed.")


def content(path: Path, largest: int) -> bytes:
    """All of a file of at most `largest` bytes. Raises: MissingFile, UnreadableFile."""
    with opened(path) as file:
        data = beginning(path, file, largest + 1) if os.fstat(file.fileno()).st_size <= largest else None
    if data is None or len(data) > largest:
        raise UnreadableFile(f"{path} is larger than {largest >> 20} MB, the most that is read of such a file.")
    return data


def beginning(path: Path, file: BinaryIO, n: int) -> bytes:
    """The next `n` bytes of an open file, or all that there are. Raises: UnreadableFile."""
    try:
        return file.read(n)
    except (OSError, MemoryError) as error:
        raise UnreadableFile(f"{path} cannot be read ({_reason(error)}): fetch it again.") from None


def digest(path: Path) -> bytes:
    """SHA-256 of a file. Raises: MissingFile, UnreadableFile."""
    return hashlib.sha256(content(path, BESIDE)).digest()


def json_object(path: Path) -> dict[str, Any]:
    """What a JSON file of a model holds. Raises: MissingFile, UnreadableFile."""
    found = parsed(content(path, MODEL_JSON), str(path))
    if not isinstance(found, dict):
        raise UnreadableFile(f"{path} holds no JSON object: fetch it again.")
    return found


def parsed(text: bytes | str, where: str) -> Any:
    """What JSON in UTF-8 says; `where` names it in messages. Raises: UnreadableFile."""

    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise ValueError(f"{name[:40]!r} is there twice in one object")
            found[name] = value
        return found

    try:
        found = json.loads(text.decode() if isinstance(text, bytes) else text, object_pairs_hook=each_once)
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{where}: this is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in error.doc else ""
        fault = f"{error.msg.removesuffix(' at')} at {line}column {error.colno}"
        raise UnreadableFile(f"{where}: this is not JSON ({fault}): mend it, or fetch it again.") from None
    except RecursionError:
        raise UnreadableFile(_deep(where)) from None
    except (ValueError, MemoryError) as error:
        raise UnreadableFile(f"{where}: this JSON cannot be read ({_reason(error)}): mend it.") from None
    level = [found]
    for _ in range(DEEPEST + 1):
        holders = [value for value in level if isinstance(value, dict | list)]
        level = [item for value in holders for item in (value.values() if isinstance(value, dict) else value)]
        if not level:
            return found
    raise UnreadableFile(_deep(where))


def _deep(where: str) -> str:
    return f"{where}: this JSON is nested more than {DEEPEST} levels deep: write it flatter."


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    text = error.strerror if isinstance(error, OSError) else str(error)
    return "a number of more than 4,300 digits" if "integer string conversion" in str(text) else str(text)


def check_folder(folder: Path) -> None:
    """That a library which reads what it wants of a folder meets no pipe and no device there.

    Raises: UnreadableFile.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = Path(entry.path)
                if there(path):
                    opened(path).close()
    except OSError as error:
        raise UnreadableFile(f"{folder} cannot be read ({error.strerror}): see to it that it can.") from None


def fault(folder: Path) -> str | None:
    """Which JSON file of a folder is none, in a sentence, after a library could not read the folder."""
    for path in sorted(folder.glob("*.json")):
        try:
            parsed(content(path, BESIDE), str(path))
        except UnreadableFile as error:
            return str(error)
    return None
