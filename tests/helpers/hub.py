"""A hub on the loopback: a real HTTP server that answers what `huggingface_hub` asks, from folders on disk.

    with Hub({"EleutherAI/pythia-14m": {"step0": folder, "step1000": other}}) as hub:
        hub.env                     # for a child process; `hub.here(monkeypatch)` for this one
        hub.cut("model.safetensors", after=1000)
        hub.requests["EleutherAI/pythia-14m@step0/model.safetensors"], hub.sent[...]   # GETs, bytes of their bodies

The last revision of a repository is its main, unless one is called so. Large files are those of weights.
"""

import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin")
PIECE = 1 << 16


@dataclass
class Fault:
    """What happens to the next requests whose name contains `on`."""

    on: str
    kind: str
    """cut, status, corrupt or block."""
    times: int = 1
    after: int = 0
    """Bytes of the body that come first."""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    reached: threading.Event = field(default_factory=threading.Event)
    """Set once it has happened."""
    go: threading.Event = field(default_factory=threading.Event)
    """A blocked request goes on once this is set."""


@dataclass(frozen=True)
class Asked:
    method: str
    name: str
    """ORG/NAME, ORG/NAME@REVISION or ORG/NAME@REVISION/FILE; else the path."""
    range: str | None
    token: str | None
    elsewhere: bool
    """Whether it was asked of the other host to which large files are redirected."""


class Hub:
    def __init__(
        self,
        repositories: Mapping[str, Mapping[str, Path]],
        tags: Mapping[str, Mapping[str, Path]] | None = None,
        home: Path | None = None,
        elsewhere: bool = False,
    ) -> None:
        """
        Args:
            repositories: ORG/NAME -> branch -> folder; a folder is read when it is asked for.
            tags: the same of tags.
            home: HF_HOME; a new folder by default, deleted at the end.
            elsewhere: whether large files are redirected to another host, as the real one does.
        """
        self.branches = {name: dict(held) for name, held in repositories.items()}
        self.tags = {name: dict((tags or {}).get(name, {})) for name in repositories}
        self.elsewhere = elsewhere
        self.token: str | None = None
        """If set, no other is taken; private repositories need it."""
        self.private: set[str] = set()
        self.gated: set[str] = set()
        self.rate: float | None = None
        """Bytes a second over the whole line."""
        self.says: bytes | None = None
        """If set, what every question about a repository is answered with."""
        self.requests: Counter[str] = Counter()
        """GETs by name; `Asked.name` says how they are called."""
        self.sent: Counter[str] = Counter()
        """Bytes of bodies by name."""
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self._home, self._own_home = home, home is None
        self._lock, self._free = threading.Lock(), 0.0
        self._digests: dict[Any, tuple[str, str]] = {}

    def __enter__(self) -> "Hub":
        self.home = self._home or Path(tempfile.mkdtemp(prefix="hub-"))
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for fault in self.faults:
            fault.go.set()
        self._server.shutdown()
        self._server.server_close()
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to use this hub and a cache of its own."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.home),
            "HF_HUB_CACHE": str(self.home / "hub"),
            "HF_TOKEN": "",
            "HF_HUB_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "SSL_CERT_FILE": "",
            "SSL_CERT_DIR": str(self.home),  # without certificates: reading all there are takes longer than an answer
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def here(self, monkeypatch: Any) -> "Hub":
        """This process uses it: the environment, and what `huggingface_hub` has read of that at its import."""
        from huggingface_hub import constants, utils

        for name, value in self.env.items():
            monkeypatch.setenv(name, value)
        for name, value in {
            "ENDPOINT": self.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": self.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HOME": str(self.home),
            "HF_HUB_CACHE": str(self.home / "hub"),
            "HF_TOKEN_PATH": str(self.home / "token"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": False,
        }.items():
            monkeypatch.setattr(constants, name, value)
        utils.close_session()
        return self

    def cut(self, on: str, after: int = 0, times: int = 1) -> Fault:
        """The connection breaks in the middle of a body."""
        return self._armed(Fault(on, "cut", times, after))

    def answers(self, status: int, on: str = "", times: int = 1, **headers: str) -> Fault:
        """Requests get a status; `Retry_After="0"` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._armed(Fault(on, "status", times, status=status, headers=named))

    def corrupt(self, on: str, times: int = 1) -> Fault:
        """The last byte of a body is another."""
        return self._armed(Fault(on, "corrupt", times))

    def block(self, on: str, after: int = 0) -> Fault:
        """A body stops coming until `go` of what is returned is set; `reached` says that it has stopped."""
        return self._armed(Fault(on, "block", 1, after))

    def _armed(self, fault: Fault) -> Fault:
        with self._lock:
            self.faults.append(fault)
        return fault

    def _strikes(self, name: str, *kinds: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.kind in kinds and fault.times > 0 and fault.on in name:
                    fault.times -= 1
                    return fault
        return None

    def revisions(self, repo: str) -> dict[str, Path]:
        branches = self.branches[repo]
        return {"main": list(branches.values())[-1]} | self.tags[repo] | branches if branches else {}

    def commit(self, repo: str, revision: str) -> str:
        """Two branches of equal files are two commits, as on the real hub."""
        about = json.dumps([repo, revision, self.files(self.revisions(repo)[revision])])
        return hashlib.sha1(about.encode()).hexdigest()

    def files(self, folder: Path) -> list[dict[str, Any]]:
        """Of each file: rfilename, size, blobId, and lfs of a large one."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return [self._told(path, path.relative_to(folder).as_posix()) for path in paths]

    def _told(self, path: Path, name: str) -> dict[str, Any]:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._digests:
            data = path.read_bytes()
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            self._digests[key] = git, hashlib.sha256(data).hexdigest()
        git, sha256 = self._digests[key]
        large = {"lfs": {"sha256": sha256, "size": stat.st_size, "pointerSize": 134}} if path.suffix in LARGE else {}
        return {"rfilename": name, "size": stat.st_size, "blobId": git} | large

    def pace(self, n: int) -> None:
        """Waits until the line has room for n more bytes; a machine that wakes it late has that time back."""
        if self.rate:
            with self._lock:
                self._free = max(time.monotonic() - 0.1, self._free) + n / self.rate
                until = self._free
            time.sleep(max(0.0, until - time.monotonic()))


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # who asked is gone
            super().handle()

    def do_GET(self) -> None:
        self._body_of_request = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._answer()
        except _Refused as refused:
            self._json({"error": refused.message}, refused.status, refused.code, refused.message)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_POST = do_GET

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        self.elsewhere = "elsewhere" in parse_qs(parts.query)
        path = [unquote(piece) for piece in parts.path.strip("/").split("/")]
        api = path[:2] == ["api", "models"]
        path = path[2:] if api else path
        repo = "/".join(path[:2])
        kind, rest = (path[2] if len(path) > 2 else ""), path[3:]
        if not api and kind != "resolve":
            self._heard(parts.path)
            raise _Refused(404)
        named = rest[0] if rest else "main"
        revision = self._revision(repo, named)
        about = {"refs": repo, "resolve": f"{repo}@{revision or named}/{'/'.join(rest[1:])}"}
        self._heard(about.get(kind, f"{repo}@{revision or named}"))
        self._check_access(repo, api)
        if kind == "refs":
            return self._json(self._refs(repo))
        if revision is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {named}")
        files = self.hub.files(self.hub.revisions(repo)[revision])
        if kind in ("", "revision"):
            return self._json({"id": repo, "modelId": repo, "sha": self._commit(repo, revision), "siblings": files})
        if kind in ("tree", "paths-info"):
            return self._json([_entry(file) for file in files if kind == "tree" or file["rfilename"] in self._paths()])
        self._resolve(repo, revision, "/".join(rest[1:]), {file["rfilename"]: file for file in files})

    def _commit(self, repo: str, revision: str) -> str:
        return self.hub.commit(repo, revision)

    def _revision(self, repo: str, named: str) -> str | None:
        """The branch or tag that is called so, or whose commit it is."""
        held = self.hub.revisions(repo) if repo in self.hub.branches else {}
        if named in held:
            return named
        return next((revision for revision in [*held][::-1] if self._commit(repo, revision) == named), None)

    def _heard(self, name: str) -> None:
        self.name = name
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        with self.hub._lock:
            self.hub.asked.append(Asked(self.command, name, self.headers.get("Range"), token, self.elsewhere))
            if self.command == "GET" and not self.elsewhere:
                self.hub.requests[name] += 1
        self.token = token
        if fault := self.hub._strikes(name, "status"):
            fault.reached.set()
            self.extra = fault.headers
            raise _Refused(fault.status)

    extra: dict[str, str] = {}

    def _check_access(self, repo: str, api: bool) -> None:
        hub = self.hub
        if self.elsewhere:
            return
        if self.token and self.token != hub.token:
            raise _Refused(401, "", f"Invalid credentials in Authorization header: {self.token}")
        if repo not in hub.branches or (repo in hub.private and self.token is None):
            raise _Refused(404 if self.token else 401, "RepoNotFound", "Invalid username or password.")
        if repo in hub.gated and not api:
            raise _Refused(403 if self.token else 401, "GatedRepo", f"Access to model {repo} is restricted.")

    def _refs(self, repo: str) -> dict[str, Any]:
        def told(kind: str, names: Any) -> list[dict[str, str]]:
            commit = self.hub.commit
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": commit(repo, n)} for n in names]

        tags = self.hub.tags[repo]
        heads = [name for name in self.hub.revisions(repo) if name not in tags]
        return {"branches": told("heads", heads), "tags": told("tags", tags), "converts": []}

    def _paths(self) -> list[str]:
        try:
            return json.loads(self._body_of_request)["paths"]
        except ValueError:
            return parse_qs(self._body_of_request.decode()).get("paths", [])

    def _resolve(self, repo: str, revision: str, name: str, files: dict[str, Any]) -> None:
        if name not in files:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        about, path = files[name], self.hub.revisions(repo)[revision] / name
        etag = about["lfs"]["sha256"] if "lfs" in about else about["blobId"]
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": self._commit(repo, revision), "Accept-Ranges": "bytes"}
        if "lfs" in about:
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(about["size"])}
            if self.hub.elsewhere and not self.elsewhere:
                there = f"http://localhost:{self.hub.port}{urlsplit(self.path).path}?elsewhere=1"
                return self._head(302, headers | {"Location": there, "Content-Length": "0"})
        data = path.read_bytes()
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if begin and begin >= len(data):
            return self._head(416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"})
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self._head(206 if begin else 200, headers | {"Content-Length": str(len(data) - begin)})
        if self.command != "HEAD":
            self._send(data[begin:])

    def _send(self, data: bytes) -> None:
        fault = self.hub._strikes(self.name, "cut", "corrupt", "block")
        if fault and fault.kind == "corrupt":
            data = data[:-1] + bytes([data[-1] ^ 1])
            fault.reached.set()
        elif fault:
            self._pieces(data[: fault.after])
            fault.reached.set()
            data = data[fault.after :]
            if fault.kind == "cut":
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
            fault.go.wait()
        self._pieces(data)

    def _pieces(self, data: bytes) -> None:
        for begin in range(0, len(data), PIECE):
            piece = data[begin : begin + PIECE]
            self.hub.pace(len(piece))
            with self.hub._lock:  # before: who has it all may look at once
                self.hub.sent[self.name] += len(piece)
            self.wfile.write(piece)

    def _json(self, said: Any, status: int = 200, code: str = "", message: str = "") -> None:
        body = json.dumps(said).encode() if self.hub.says is None else self.hub.says
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | self.extra
        headers |= {name: value for name, value in (("X-Error-Code", code), ("X-Error-Message", message)) if value}
        self.extra = {}
        self._head(status, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _entry(file: dict[str, Any]) -> dict[str, Any]:
    """A file as the hub's trees tell it."""
    large = file.get("lfs")
    lfs = {"lfs": {"oid": large["sha256"], "size": large["size"], "pointerSize": 134}} if large else {}
    return {"type": "file", "oid": file["blobId"], "size": file["size"], "path": file["rfilename"]} | lfs


def checkpoint(folder: Path, fill: int = 0, kb: int = 64, tokenizer: bool = True) -> Path:
    """A folder as of a checkpoint: a weight file of one matrix of that many kilobytes, config, tokenizer; no model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt_neox"}))
    (folder / "README.md").write_text("No file that loading needs.")
    (folder / "model.safetensors").write_bytes(tensor_file(bytes([fill]) * (kb << 10)))
    if tokenizer:
        (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))
    return folder


def tensor_file(data: bytes) -> bytes:
    """A safetensors file of one tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


def environment(hub: Hub, **more: str) -> dict[str, str]:
    """Of a child process that uses the hub."""
    return os.environ | hub.env | more
