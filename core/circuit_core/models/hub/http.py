"""One question to the hub, asked again when the server or the line makes it wait, and what to say when it fails.

The token goes into one header and nowhere else: messages hold neither headers nor what a server writes.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from circuit_core.errors import FetchStopped, HubError

WAITS = (0.2, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each new try; a server may ask for more."""
_LONGEST = 320
"""Seconds that are waited at most because a server asks for it: a little more than the hub's window for its limits."""
_LATER = (408, 429, 500, 502, 503, 504)
_TRUE = ("1", "ON", "YES", "TRUE")
T = TypeVar("T")


class TryAgain(Exception):
    """An answer that may be another in a while."""

    def __init__(self, said: str, after: float = 0.0) -> None:
        super().__init__(said)
        self.after = after


def endpoint() -> str:
    """Where the hub is: HF_ENDPOINT, or huggingface.co."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def host() -> str:
    """The hub's name for a message, without what HF_ENDPOINT may hold of a user's."""
    with suppress(ValueError):
        return urlsplit(endpoint()).hostname or "the hub"
    return "the hub"


def offline() -> bool:
    """Whether the user wants no request: HF_HUB_OFFLINE, or TRANSFORMERS_OFFLINE."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in _TRUE


def patiently(
    ask: Callable[[], T], what: str, tries: int, stopped: Callable[[], bool], so_far: Callable[[], int] = lambda: 0
) -> T:
    """What `ask` gives, asked again after a pause as long as it fails in a way that may pass.

    Args:
        tries: without getting further, before giving up.
        so_far: how far it got; a try that got further starts the count anew.

    Raises: HubError, FetchStopped.
    """
    import httpx2

    failed, reached = 0, so_far()
    while True:
        try:
            return ask()
        except (TryAgain, httpx2.TransportError) as error:
            after = error.after if isinstance(error, TryAgain) else 0.0
            failed, reached = (failed + 1, reached) if so_far() <= reached else (1, so_far())
            if failed >= tries or after > _LONGEST:
                if after > _LONGEST:
                    said = f"asks to wait {after:,.0f} seconds before {what}: try again then."
                elif isinstance(error, TryAgain):
                    said = f"cannot give {what} now ({error}): try again later."
                else:
                    said = (
                        f"cannot be reached for {what} ({type(error).__name__}): see to the network and HF_ENDPOINT; "
                        "with HF_HUB_OFFLINE=1 what is in the cache does without."
                    )
                raise HubError(f"{host()} {said}", "unreadable", passing=True) from None
        except httpx2.HTTPError as error:
            raise HubError(f"{host()} cannot be asked for {what} ({type(error).__name__}): see HF_ENDPOINT.") from None
        pause(max(after, WAITS[min(failed, len(WAITS)) - 1]), stopped)


def pause(seconds: float, stopped: Callable[[], bool]) -> None:
    """Raises: FetchStopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stopped():
            raise FetchStopped("The download was stopped; what has come is kept.")
        time.sleep(min(left, 0.1))


@contextmanager
def answer(path: str, repo: str, revision: str, begin: int = 0) -> Iterator[Any]:
    """The answer to GET `path`, its body not yet read. `begin` asks for the bytes from there on.

    Raises: HubError, TryAgain, httpx2.HTTPError.
    """
    import httpx2
    from huggingface_hub import constants, get_session
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
    from huggingface_hub.utils import parse_ratelimit_headers, validate_repo_id

    what = f"{repo}@{revision}" if revision else repo
    if offline():
        raise _offline(what)
    try:
        validate_repo_id(repo)
    except HFValidationError:
        raise HubError(f"{repo[:100]!r} is no name of a repository: give one such as EleutherAI/pythia-160m.") from None
    if not endpoint().startswith(("http://", "https://")):
        raise _no_address()
    headers = _headers() | ({"Range": f"bytes={begin}-"} if begin else {})
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    try:
        with get_session().stream("GET", endpoint() + path, headers=headers, timeout=timeout) as response:
            if response.status_code in _LATER:
                # Seconds that the server asks to wait.
                after = response.headers.get("Retry-After", "").strip()
                if after.isascii() and after.isdigit():
                    wait = float(after[:9])
                else:
                    limit = parse_ratelimit_headers(response.headers)
                    wait = float(limit.reset_in_seconds + 1) if limit and limit.remaining == 0 else 0.0
                raise TryAgain(f"it answers {response.status_code}", wait)
            if response.status_code >= 400 and response.status_code != 416:
                raise _refused(response, what, repo, "authorization" in headers)
            yield response
    except OfflineModeIsEnabled:
        raise _offline(what) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise _no_address() from None


def _headers() -> dict[str, str]:
    """Raises: HubError."""
    from huggingface_hub import constants, get_token

    agent = {"user-agent": "circuit-tui", "accept-encoding": "identity"}
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return agent
    try:
        token = get_token()
    except Exception as error:  # of a browser's or a workflow's login, which are asked of a server
        said = f"The hub's token cannot be had ({type(error).__name__}): log in anew with `hf auth login`."
        raise HubError(said) from None
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise HubError("HF_TOKEN is no token: copy it anew from the hub's settings, or log in with `hf auth login`.")
    return agent | ({"authorization": f"Bearer {token}"} if token else {})


def _refused(response: Any, what: str, repo: str, token: bool) -> HubError:
    status, code = response.status_code, response.headers.get("X-Error-Code")
    login = "give another in HF_TOKEN, or by `hf auth login`"
    if code == "GatedRepo":
        how = "with the account of your token" if token else "and log in (`hf auth login`, or HF_TOKEN)"
        return HubError(f"{repo} is gated: accept its terms on {endpoint_shown()}/{repo} {how}.", "unreadable")
    if code == "RevisionNotFound":
        return HubError(f"{host()} has no {what}: its branches are on {endpoint_shown()}/{repo}/branches.")
    if code == "EntryNotFound":
        return HubError(f"{host()} has lost a file of {what}: start anew, so that it is asked what it holds now.")
    if code != "RepoNotFound" and status == 401 and token:
        return HubError(f"{host()} takes your token no more for {what} (expired, or revoked): {login}.", "unreadable")
    if code != "RepoNotFound" and status == 403:
        return HubError(f"{host()} refuses {what}: your token may not read it; {login}.", "unreadable")
    if status in (401, 404):
        more = "your token does not see it" if token else "log in (`hf auth login`, or HF_TOKEN)"
        return HubError(f"{host()} has no repository {repo}: see how it is spelt; if it is private, {more}.")
    return HubError(f"{host()} answers {status} for {what}: see whether HF_ENDPOINT is a hub.", "unreadable")


def endpoint_shown() -> str:
    """The hub's address for a message, without what HF_ENDPOINT may hold of a user's."""
    parts = urlsplit(endpoint())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _no_address() -> HubError:
    said = "HF_ENDPOINT is no address of a hub: give one such as https://huggingface.co, or unset it."
    return HubError(said, "unreadable")


def _offline(what: str) -> HubError:
    return HubError(
        f"{what} is not in the cache, and HF_HUB_OFFLINE keeps it from being fetched: unset it, or fetch it elsewhere."
    )
