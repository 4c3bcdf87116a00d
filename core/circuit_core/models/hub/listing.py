"""What a repository holds, as the hub tells it: revisions, and the size and hash of every file of one of them.

The hash of a large file is the SHA-256 of its content, that of a small one git's; so which revisions serve equal
weights is known before a byte of them is fetched.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from circuit_core import untrusted_files
from circuit_core.errors import HubError, UnreadableFile
from circuit_core.models import identity
from circuit_core.models.hub import http

_TRIES = 4
_KINDS = (("model", "safetensors"), ("pytorch_model", "bin"))
"""Weight files, in the order in which `transformers` looks for them."""
_COMMIT, _DIGEST = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_OF = re.compile(r"-(\d{1,6})-of-(\d{1,6})\.")


@dataclass(frozen=True)
class HubFile:
    """A file as the hub tells of it."""

    name: str
    size: int
    """Bytes."""
    digest: str
    """SHA-256 of a large file's content, the git blob id of a small one."""


@dataclass(frozen=True)
class HubRevision:
    """A branch, tag or commit of a repository."""

    repo: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]
    with_weights: bool = True
    """Whether loading is what it is for; config and tokenizer are enough to plan."""

    @property
    def small(self) -> "HubRevision":
        """The same without its weights."""
        return replace(self, with_weights=False)

    def complete(self) -> "HubRevision":
        """Itself. Raises: HubError, if a file that loading needs is not there."""
        assert self.needed
        return self

    @cached_property
    def needed(self) -> tuple[HubFile, ...]:
        """The files that loading needs: configs, tokenizer, weights. Raises: HubError, if there are no weights."""
        weights = self.weights if self.with_weights else ()
        if not self._named(["config.json"]):
            adapter = self._named(["adapter_config.json"])
            why = "holds an adapter: give a repository of the merged model" if adapter else "is it a model's?"
            raise HubError(f"{self} has no config.json on the hub; {why}.")
        return *self._named(["config.json", "generation_config.json", *identity.TOKENIZER_FILES]), *weights

    @cached_property
    def weights(self) -> tuple[HubFile, ...]:
        """The weight files that are loaded, with the index of shards. Raises: HubError, if there are none."""
        for stem, kind in _KINDS:
            if single := self._named([f"{stem}.{kind}"]):
                return tuple(single)
            if index := self._named([f"{stem}.{kind}.index.json"]):
                shard = re.compile(rf"{stem}[-.][\w.-]*\.{kind}")
                return *index, *self._all_there([file for file in self.files if shard.fullmatch(file.name)])
        raise HubError(f"{self} has no weights on the hub, neither safetensors nor pytorch_model.bin: leave it out.")

    @property
    def size(self) -> int:
        """Bytes of the files that loading needs. Raises: HubError."""
        return sum(file.size for file in self.needed)

    @cached_property
    def mark(self) -> str:
        """Of the weights' hashes: equal for two revisions that serve equal weights. Raises: HubError."""
        return _digest(file.digest for file in self.weights if not file.name.endswith(".json"))

    @cached_property
    def identity(self) -> str:
        """Of all that results rest on (METHODS l.16): weights, config.json, tokenizer. Raises: HubError."""
        about = [file for file in self.needed if file.name != "generation_config.json"]
        return _digest(f"{file.name} {file.digest}" for file in about)

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"

    def _named(self, names: Iterable[str]) -> list[HubFile]:
        held = {file.name: file for file in self.files}
        return [held[name] for name in names if name in held]

    def _all_there(self, shards: list[HubFile]) -> list[HubFile]:
        """Raises: HubError."""
        numbers = [(int(found[1]), int(found[2])) for file in shards if (found := _OF.search(file.name))]
        if not shards or len(set(numbers)) < max((of for _, of in numbers), default=0):
            raise HubError(f"{self} lacks shards of its weights on the hub: leave it out.")
        return shards


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def revisions(repo: str, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """Branches and tags of a repository -> commit; one request. Raises: HubError, FetchStopped."""
    said = _asked(f"/api/models/{repo}/refs", repo, "", stopped)
    try:
        refs = [*said.get("tags", []), *said["branches"]]
        return {_text(ref["name"]): _matching(_COMMIT, ref["targetCommit"]) for ref in refs}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _odd(repo) from None


def listing(repo: str, revision: str, stopped: Callable[[], bool] = lambda: False) -> HubRevision:
    """What a revision holds; one request. Raises: HubError, FetchStopped."""
    said = _asked(f"/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true", repo, revision, stopped)
    try:
        files = tuple(_file(file) for file in said["siblings"])
        return HubRevision(repo, revision, _matching(_COMMIT, said["sha"]), files)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _odd(f"{repo}@{revision}") from None


def _asked(path: str, repo: str, revision: str, stopped: Callable[[], bool]) -> Any:
    def ask() -> bytes:
        with http.answer(path, repo, revision) as response:
            return response.read()

    what = f"{repo}@{revision}" if revision else repo
    try:
        return untrusted_files.parsed(http.patiently(ask, what, _TRIES, stopped), what)
    except UnreadableFile:
        raise _odd(what) from None


def _file(said: dict[str, Any]) -> HubFile:
    """Raises: KeyError, TypeError, ValueError."""
    large = said.get("lfs") or {}
    size = large.get("size", said["size"])
    if type(size) is not int or size < 0:
        raise ValueError("a file's size is a number of bytes")
    return HubFile(_text(said["rfilename"]), size, _matching(_DIGEST, large.get("sha256") or said["blobId"]))


def _text(said: Any) -> str:
    if not isinstance(said, str) or not said.isprintable():
        raise ValueError("a name is text")
    return said


def _matching(pattern: re.Pattern[str], said: Any) -> str:
    if not pattern.fullmatch(said):
        raise ValueError("a hash is hexadecimal")
    return said


def _odd(what: str) -> HubError:
    return HubError(
        f"{http.host()} does not tell commits, sizes and hashes of {what} as a hub does: see HF_ENDPOINT, or fetch "
        "it with `hf download` and give the folder.",
        "unreadable",
    )
