"""The local cache, laid out as `huggingface_hub` does, and read without it and without a request.

models--ORG--NAME/blobs/HASH, snapshots/COMMIT/FILE -> ../../blobs/HASH, refs/REVISION with the commit in it.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, FetchStopped, HubError
from circuit_core.models import weights
from circuit_core.models.hub.listing import HubFile, HubRevision

_COMMIT = re.compile("[0-9a-f]{40}")
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))


def cache_folder() -> Path:
    """HF_HUB_CACHE, or `hub` in HF_HOME, or where both default to."""
    environment = os.environ.get
    home = environment("HF_HOME") or f"{environment('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    given = environment("HF_HUB_CACHE") or environment("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(os.path.expanduser(given)))


def repository(repo: str) -> Path:
    """Where the cache keeps a repository."""
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def cached(repo: str, revision: str) -> Path | None:
    """The folder of a revision, if all that loading needs is in it and whole; None if not."""
    folder = snapshot(repo, revision)
    if folder is None:
        return None
    try:
        weights.tensors(folder)  # a file gets its name once all of it has come; one cut off later shows in its header
    except (CheckpointError, OSError):
        return None
    there = {file.name for file in folder.iterdir() if file.exists()}
    whole = "config.json" in there and (has_tokenizer(there) or without_tokenizer(repo, folder.name).exists())
    return folder if whole else None


def snapshot(repo: str, revision: str) -> Path | None:
    """The folder of a revision, whatever is in it; None if the cache knows nothing of it."""
    commit = revision if _COMMIT.fullmatch(revision) else _commit(reference(repo, revision))
    folder = repository(repo) / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def cached_listing(repo: str, revision: str) -> HubRevision:
    """What the hub told of the files of a revision that are here: their names in the cache are their hashes.

    Raises: HubError, if none is.
    """
    folder = snapshot(repo, revision)
    if folder is None:
        raise HubError(f"{repo}@{revision} is not in the cache: `circuit-tui run` fetches it.")
    there = [path for path in sorted(folder.iterdir()) if path.is_file()]
    digests = (
        (path, path.readlink().name if path.is_symlink() else untrusted_files.digest(path).hex()) for path in there
    )
    files = tuple(HubFile(path.name, path.stat().st_size, digest) for path, digest in digests)
    return HubRevision(repo, revision, folder.name, files)


def cached_revisions(repo: str) -> dict[str, str]:
    """Revisions of which the cache holds something -> commit."""
    refs, snapshots = repository(repo) / "refs", repository(repo) / "snapshots"
    found = {path.relative_to(refs).as_posix(): _commit(path) for path in sorted(refs.rglob("*")) if path.is_file()}
    return {revision: commit for revision, commit in found.items() if commit and (snapshots / commit).is_dir()}


def cached_repositories() -> list[str]:
    """`ORG/NAME` of every model of which the cache holds something, in order."""
    names = (path.name.removeprefix("models--") for path in cache_folder().glob("models--*--*"))
    return sorted(name.replace("--", "/", 1) for name in names)


def reference(repo: str, revision: str) -> Path | None:
    """The file that says which commit a revision is; None if its name could lead out of the cache."""
    refs = repository(repo) / "refs"
    inner = revision.split("/")
    return None if "\0" in revision or {"", ".", ".."} & set(inner) else refs.joinpath(*inner)


def has_tokenizer(names: set[str]) -> bool:
    """Whether a tokenizer is among the files of a checkpoint."""
    return any(names.issuperset(files) for files in _TOKENIZERS)


def without_tokenizer(repo: str, commit: str) -> Path:
    """The mark that a revision has none: how `huggingface_hub` remembers a file that is not on the hub."""
    return repository(repo) / ".no_exist" / commit / "tokenizer.json"


def remove(repo: str, commit: str) -> int:
    """Deletes a revision; what others share stays. Gives the bytes freed."""
    from huggingface_hub import scan_cache_dir

    if not (repository(repo) / "snapshots" / commit).is_dir():
        return 0
    with changing(repo):
        strategy = scan_cache_dir(cache_folder()).delete_revisions(commit)
        strategy.execute()
    return strategy.expected_freed_size


@contextmanager
def changing(repo: str) -> Iterator[None]:
    """Keeps a revision's files from being deleted while they are linked into another."""
    with locked(repo, "circuit-tui"):
        yield


@contextmanager
def locked(repo: str, name: str, stopped: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """The lock that `huggingface_hub` takes for a file. Raises: FetchStopped, OSError."""
    path = cache_folder() / ".locks" / repository(repo).name / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as lock:
        while not _taken(lock.fileno()):
            if stopped():
                raise FetchStopped("The download was stopped; what has come is kept.")
            time.sleep(0.05)
        yield


def begun(repo: str, digest: str) -> Path:
    """The mark that a partial file was begun here and not by another program; it goes when the file is whole."""
    return cache_folder() / ".locks" / repository(repo).name / f"{digest}.circuit-tui"


def abandoned(repo: str) -> dict[str, int]:
    """Digests of partial files that were begun here and that nobody goes on with now -> bytes."""
    found: dict[str, int] = {}
    for mark in begun(repo, "").parent.glob("*.circuit-tui"):
        with suppress(OSError, FetchStopped), locked(repo, mark.stem, stopped=lambda: True):
            found[mark.stem] = partial(repo, mark.stem).stat().st_size
    return found


def remove_abandoned(repo: str) -> None:
    """Deletes partial files that were begun here and that nobody goes on with now; never those of others."""
    for digest in abandoned(repo):
        with suppress(FetchStopped), locked(repo, digest, stopped=lambda: True):
            partial(repo, digest).unlink(missing_ok=True)
            begun(repo, digest).unlink(missing_ok=True)


def partial(repo: str, digest: str) -> Path:
    """Where a file of that hash is while it comes."""
    return repository(repo) / "blobs" / f"{digest}.incomplete"


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _commit(path: Path | None) -> str:
    with suppress(OSError, UnicodeDecodeError):
        if path and _COMMIT.fullmatch(said := path.read_text().strip()):
            return said
    return ""
