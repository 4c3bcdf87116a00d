"""The Hugging Face hub as a place of checkpoints: what it holds, before a byte of it is fetched, and the local cache.

The files go where `huggingface_hub` keeps them, so that what others fetched is used, and the reverse. Fetching is done
here, file by file, because its own starts a large file anew after a kill, and cannot be stopped. HF_HOME, HF_HUB_CACHE,
HF_HUB_OFFLINE, HF_TOKEN and HF_ENDPOINT are read when they are needed. No torch, and `huggingface_hub` only once
something is asked of the hub.
"""

from circuit_core.models.hub.cache import (
    abandoned,
    cache_folder,
    cached,
    cached_listing,
    cached_repositories,
    cached_revisions,
    remove,
    remove_abandoned,
    snapshot,
)
from circuit_core.models.hub.download import fetch
from circuit_core.models.hub.http import endpoint, offline
from circuit_core.models.hub.listing import HubFile, HubRevision, listing, revisions

__all__ = [
    "HubFile",
    "HubRevision",
    "abandoned",
    "cache_folder",
    "cached",
    "cached_listing",
    "cached_repositories",
    "cached_revisions",
    "endpoint",
    "fetch",
    "listing",
    "offline",
    "remove",
    "remove_abandoned",
    "revisions",
    "snapshot",
]
