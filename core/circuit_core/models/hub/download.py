"""Files from the hub into the cache: each goes on where it was cut, and counts only once its hash is the hub's.

A file that is on its way is `blobs/HASH.incomplete`. Small files come first, so that where there are
weights there is the rest.
"""

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from circuit_core.errors import FetchStopped, HubError
from circuit_core.models.hub import cache, http
from circuit_core.models.hub.listing import HubFile, HubRevision

_TRIES = 7
_HEARD_EVERY = 0.2
"""Seconds between two reports of progress."""
Heard = Callable[[int, int], None]


def fetch(of: HubRevision, heard: Heard | None = None, stopped: Callable[[], bool] = lambda: False) -> Path:
    """The files that loading needs, in the cache; gives their folder.

    Args:
        heard: is told bytes that are there and bytes of all, now and then, at the beginning and at the end.
        stopped: is asked between pieces; once it says yes, what has come is kept and the next call goes on there.

    Raises: HubError, FetchStopped.
    """
    try:
        download = _Download(of, heard or (lambda done, of_all: None), stopped)
        download.all()
        if not cache.has_tokenizer({file.name for file in of.needed}):
            mark = cache.without_tokenizer(of.repo, of.commit)
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        # Which commit the revision is.
        reference = cache.reference(of.repo, of.revision)
        if reference and of.revision != of.commit:
            reference.parent.mkdir(parents=True, exist_ok=True)
            beside = reference.with_name(f"{reference.name}.{uuid.uuid4().hex[:8]}.tmp")
            beside.write_text(of.commit)
            beside.replace(reference)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(of, os.strerror(error.errno)) from None
        where = cache.cache_folder()
        said = f"{of} cannot be written into {where} ({error.strerror}): give another folder in HF_HOME."
        raise HubError(said, "unreadable", passing=True) from None
    download.progress.end()
    return download.snapshot


class _Download:
    """The files of one revision on their way into its snapshot."""

    def __init__(self, of: HubRevision, heard: Heard, stopped: Callable[[], bool]) -> None:
        self.of, self.stopped, self.progress = of, stopped, _Progress(of, heard)
        self.snapshot = cache.repository(of.repo) / "snapshots" / of.commit
        self.blobs = cache.repository(of.repo) / "blobs"

    def all(self) -> None:
        """Raises: HubError, FetchStopped, OSError."""
        lacking = self._lacking()
        self._check_room(lacking)
        self.progress.there(self.of.size - sum(file.size for file in lacking))
        for file in lacking:
            self._bring(file)
        if gone := self._lacking():
            said = f"{gone[0].name} of {self.of} has been deleted from {cache.cache_folder()} meanwhile: start anew."
            raise HubError(said, "unreadable", passing=True)

    def _lacking(self) -> list[HubFile]:
        """The needed files that have not come, small ones first; those that another revision brought are linked."""
        with cache.changing(self.of.repo):
            for folder in (self.snapshot, self.blobs):
                folder.mkdir(parents=True, exist_ok=True)
            return [file for file in sorted(self.of.needed, key=lambda file: file.size) if not self._linked(file)]

    def _linked(self, file: HubFile) -> bool:
        """Whether a file is in the snapshot, once it has been linked there if it has come."""
        blob, link = self.blobs / file.digest, self.snapshot / file.name
        if _size(link) == file.size and (not link.is_symlink() or link.readlink().name == file.digest):
            return True
        if _size(blob) != file.size:
            return False
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(Path("..", "..", "blobs", file.digest))
        except OSError:  # a file system without links
            shutil.move(blob, link)
        return True

    def _check_room(self, lacking: list[HubFile]) -> None:
        there = sum(max(0, _size(self.blobs / f"{file.digest}.incomplete")) for file in lacking)
        left, free = sum(file.size for file in lacking) - there, shutil.disk_usage(self.blobs).free
        if left > free:
            raise _full(self.of, f"{left / 1e9:,.2f} GB are to come and {free / 1e9:,.2f} GB are free")

    def _bring(self, file: HubFile) -> None:
        blob = self.blobs / file.digest
        with cache.locked(self.of.repo, file.digest, self.stopped):
            if _size(blob) != file.size:
                path, mark = cache.partial(self.of.repo, file.digest), cache.begun(self.of.repo, file.digest)
                if not path.exists():
                    mark.touch()
                with _Partial(path, file) as partial:
                    self._complete(file, partial)
                path.replace(blob)
                mark.unlink(missing_ok=True)
            with cache.changing(self.of.repo):
                self._linked(file)
        self.progress.there(file.size)

    def _complete(self, file: HubFile, partial: "_Partial") -> None:
        what = f"{file.name} of {self.of}"
        for _ in range(2):
            http.patiently(lambda: self._go_on(file, partial), what, _TRIES, self.stopped, lambda: partial.size)
            if partial.is_whole():
                return
            partial.start_over()
        raise HubError(
            f"{what} came damaged twice: {http.host()} sends something else than it tells of. Try later, or "
            "with another HF_ENDPOINT.",
            "unreadable",
        )

    def _go_on(self, file: HubFile, partial: "_Partial") -> None:
        """Appends what is lacking, or as much of it as comes. Returns at the end of what the hub has, right or wrong.

        Raises: HubError, FetchStopped, TryAgain, httpx2.TransportError.
        """
        of, begin = self.of, partial.size
        if begin >= file.size:
            return
        with http.answer(f"/{of.repo}/resolve/{of.commit}/{quote(file.name)}", of.repo, of.revision, begin) as answer:
            if answer.status_code == 416:
                return
            said = answer.headers.get("Content-Range", "")
            if begin and not (answer.status_code == 206 and said.startswith(f"bytes {begin}-")):
                partial.start_over()
            for data in answer.iter_bytes():
                partial.add(data)
                self.progress.within(partial.size)
                if self.stopped():
                    raise FetchStopped(f"The download of {of} was stopped; what has come is kept.")
                if partial.size > file.size:
                    return


def _size(path: Path) -> int:
    """Bytes of a file; -1 if it is not there."""
    with suppress(OSError):
        return path.stat().st_size
    return -1


class _Partial:
    """A file on its way, and the hash of what has come."""

    def __init__(self, path: Path, of: HubFile) -> None:
        self.path, self._of = path, of

    def __enter__(self) -> "_Partial":
        self._file = open(self.path, "a+b", buffering=0)
        self._begin_hash()
        self._file.seek(0)
        there = os.fstat(self._file.fileno()).st_size
        while data := self._file.read(min(2**20, there - self.size)):
            self._hash(data)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _begin_hash(self) -> None:
        self.size = 0
        large = len(self._of.digest) == 64
        self._hashed = hashlib.sha256() if large else hashlib.sha1(f"blob {self._of.size}\0".encode())

    def _hash(self, data: bytes) -> None:
        self._hashed.update(data)
        self.size += len(data)

    def add(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        self._hash(data)

    def start_over(self) -> None:
        self._file.truncate(0)
        self._begin_hash()

    def is_whole(self) -> bool:
        """Whether it is what the hub tells; another process, where locks do not hold, may have written into it."""
        sizes = {self.size, os.fstat(self._file.fileno()).st_size}
        return sizes == {self._of.size} and self._hashed.hexdigest() == self._of.digest


class _Progress:
    """Bytes that are there, told now and then."""

    def __init__(self, of: HubRevision, heard: Heard) -> None:
        self._heard, self._all, self._there, self._last = heard, of.size, 0, 0.0

    def there(self, more: int) -> None:
        """Whole files of so many bytes have come."""
        self._there += more
        self.within(0)

    def within(self, done: int) -> None:
        """Of the file that comes now, `done` bytes are there."""
        if time.monotonic() - self._last >= _HEARD_EVERY:
            self._last = time.monotonic()
            self._heard(min(self._there + done, self._all), self._all)

    def end(self) -> None:
        self._heard(self._all, self._all)


def _full(of: HubRevision, why: str) -> HubError:
    where = cache.cache_folder()
    said = f"The disk of {where} is too full for {of} ({why}): free some, or give a folder on another in HF_HOME."
    return HubError(said, "unreadable", passing=True)
