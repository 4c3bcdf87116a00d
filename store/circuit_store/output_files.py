"""Files that the program writes for a user: none of its own, and whole or not at all.

What is written stands beside the file until its end, and then takes its place, so that a full disk or an error leaves
what was there. A link is followed, and the mode of the file stays. What is not a regular file (a pipe, a device) gets
the bytes themselves once there are all of them, and so does what stdout or stderr goes to.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EEXIST
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from circuit_store.errors import OutputRefused, OutputUnwritten, StoreError

COMPANIONS = ("-wal", "-shm", "-journal", ".lock")
"""What lies beside a store, and belongs to it."""
HELD = 2**24
"""Bytes that wait in memory at most, where they do not lie beside a file."""
Taken = Mapping[Path, str]
"""Files that no output may be -> what they are."""


def of_store(store: Path) -> dict[Path, str]:
    """The store and its companions, which lie beside it or beside what it is a link to."""
    bases = {store, Path(os.path.realpath(store))}
    beside = {Path(f"{base}{end}"): f"a part of the store {store}" for base in bases for end in COMPANIONS}
    return {base: "the store" for base in bases} | beside


def refuse(path: Path, taken: Taken) -> None:
    """Raises: OutputRefused, if the path leads to a file of `taken`, by whatever spelling or link."""
    places = _places(path)
    for file, what in taken.items():
        if places & _places(file):
            raise OutputRefused(f"{path} is {what}, which would be lost: name another file.")


def refuse_stdout(taken: Taken) -> None:
    """Raises: OutputRefused, if what is printed goes to a file of `taken`."""
    for file, what in taken.items():
        with suppress(OSError):
            if _printed(file.stat()) == 1:
                raise OutputRefused(f"stdout goes to {file}: that is {what}, which would be lost. Name another file.")


def _places(path: Path) -> set[tuple[int | str, ...]]:
    """Of what a path leads to: device and inode, if it is there, and those of its folder with the name in it."""
    real, found = Path(os.path.realpath(path)), set[tuple[int | str, ...]]()
    with suppress(OSError):
        found.add(_inode(real.parent) + (real.name,))
        found.add(_inode(path))
    return found


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def replacing(path: Path, taken: Taken, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A file to write to, which is `path` in the end.

    Args:
        mode: of a file that is not there yet, less the user's mask.

    Raises:
        OutputRefused: it is one of `taken`, or no file can be there.
        OutputUnwritten: writing failed, such as for want of room; what was there is still there.
    """
    refuse(path, taken)
    with _told(path, OutputUnwritten), ExitStack() as opened:
        out = None
        with _told(path, OutputRefused):
            real, there = Path(os.path.realpath(path)), _there(path)
            if there and ((handle := _printed(there)) is not None or not stat.S_ISREG(there.st_mode)):
                straight = os.open(path, os.O_WRONLY) if handle is None else os.dup(handle)
                out = opened.enter_context(open(straight, "wb"))
                file: IO[bytes] = opened.enter_context(SpooledTemporaryFile(HELD))
            else:
                file = opened.enter_context(_beside(real, mode, os.replace))
                if there:  # its owner, as far as possible, and its mode
                    with suppress(OSError):
                        os.fchown(file.fileno(), there.st_uid, there.st_gid)
                    os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
        yield file
        if out:
            file.seek(0)
            shutil.copyfileobj(file, out)


@contextmanager
def new(path: Path, taken: Taken, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A file to write to, which is `path` in the end; its own name until then is `name`.

    Raises:
        FileExistsError: something is there already, or is meanwhile.
        OutputRefused, OutputUnwritten: as of `replacing`.
    """
    refuse(path, taken)
    if os.path.lexists(path):
        raise FileExistsError(EEXIST, os.strerror(EEXIST), str(path))
    with _told(path, OutputUnwritten), ExitStack() as opened:
        with _told(path, OutputRefused):
            file = opened.enter_context(_beside(path, mode, _name))
        yield file


@contextmanager
def _told(path: Path, fault: type[StoreError]) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        hint = "name another file" if fault is OutputRefused else "make room, or name another file"
        raise fault(f"{path} cannot be written ({error.strerror}): {hint}.") from None


def _there(path: Path) -> os.stat_result | None:
    """Raises: OSError, also if it may not be written."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not os.access(path, os.W_OK):
        raise PermissionError(EACCES, os.strerror(EACCES))
    return found


def _printed(there: os.stat_result) -> int | None:
    """The handle, if it is what stdout or stderr goes to: what took its place would not have what is printed."""
    for handle in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), there):
                return handle
    return None


@contextmanager
def _beside(path: Path, mode: int, put: Callable[[Path, Path], object]) -> Iterator[IO[bytes]]:
    """A file in the same folder, which is put in its place when it is written, and else is gone."""
    name = path.with_name(f".circuit-tui-{os.urandom(8).hex()}")
    try:
        with open(name, "xb", opener=lambda file, flags: os.open(file, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        put(name, path)
    finally:
        name.unlink(missing_ok=True)


def _name(file: Path, path: Path) -> None:
    """Raises: FileExistsError."""
    try:
        os.link(file, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), str(path)) from None
        file.rename(path)
