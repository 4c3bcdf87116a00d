"""Where checkpoints are: in a folder on disk, or in a repository of the hub, of which the local cache holds some.

A model's source is the path of its folder, or `hf://ORG/NAME`; a checkpoint's revision is the name of a folder below
it, or of a branch or tag.
"""

from collections.abc import Mapping
from pathlib import Path

from circuit_core.errors import CheckpointError
from circuit_core.models import hub, identity, weights

HUB = "hf://"


def repository(source: str) -> str | None:
    """`ORG/NAME`, if the source is one of the hub."""
    return source.removeprefix(HUB) if source.startswith(HUB) else None


def folder(source: str, revision: str) -> Path:
    """Where a checkpoint lies. Raises: CheckpointError, if it is one of the hub that the local cache does not hold."""
    if (named := repository(source)) is None:
        return Path(source) / revision
    if (held := hub.cached(named, revision)) is None:
        raise CheckpointError(f"{named}@{revision} is not in the local cache: `circuit-tui run` fetches it.", "missing")
    return held


def here(source: str, revision: str) -> bool:
    """Whether it can be loaded without the hub, as far as that is known without reading it."""
    named = repository(source)
    return named is None or hub.cached(named, revision) is not None


def seen(source: str, revision: str, known: Mapping[str, str] | None = None) -> identity.Source:
    """What a checkpoint holds now (METHODS l.16). Of one in the local cache it is said by the names of its files there.

    Args:
        known: `files` of a source -> its fingerprint, as they were found before.

    Raises: CheckpointError, OSError.
    """
    lies = folder(source, revision)
    if (named := repository(source)) is None:
        return identity.source(lies, dict(known or {}))
    of = hub.cached_listing(named, revision)
    files = f"{source}@{of.commit}"
    return identity.Source((known or {}).get(files) or weights.fingerprint(lies), files, of.identity)
