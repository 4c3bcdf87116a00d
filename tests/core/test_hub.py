"""The hub as a place of checkpoints, against a real server on the loopback; the cache is `huggingface_hub`'s own."""

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from hub import Hub, checkpoint, environment, tensor_file
from places import ROOT

from circuit_core.errors import CheckpointError, FetchStopped, HubError
from circuit_core.models import hub as the_hub
from circuit_core.models.hub import http

REPO = "EleutherAI/pythia-14m"
STEP0 = f"{REPO}@step0"
WEIGHTS = f"{STEP0}/model.safetensors"
TOKEN = "hf_MadeUpForThisTestAndNoOther"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pause between tries, unless the server asks for one."""
    monkeypatch.setattr(http, "WAITS", (0.0,))


@pytest.fixture
def steps(tmp_path) -> dict[str, Path]:
    """Steps 0 and 1 serve equal weights."""
    held = {"step0": 1, "step1": 1, "step1000": 2}
    return {name: checkpoint(tmp_path / "served" / name, fill) for name, fill in held.items()}


@pytest.fixture
def server(tmp_path, steps, monkeypatch):
    with Hub({REPO: steps}, home=tmp_path / "home") as hub:
        yield hub.here(monkeypatch)


def fetched(revision: str = "step0", **options) -> Path:
    return the_hub.fetch(the_hub.listing(REPO, revision), **options)


def sentence(raised) -> str:
    """The error's text, which is one sentence or two and holds no secret."""
    said = str(raised.value)
    assert said.endswith(".") and "\n" not in said and TOKEN not in said
    return said


# What a repository holds, before a byte of it is fetched


def test_branches_and_tags_are_told_with_their_commits(tmp_path, steps, monkeypatch):
    with Hub({REPO: steps}, tags={REPO: {"v1": steps["step0"]}}, home=tmp_path / "home") as server:
        server.here(monkeypatch)
        found = the_hub.revisions(REPO)
        assert set(found) == {"step0", "step1", "step1000", "main", "v1"}
        assert found["step0"] == server.commit(REPO, "step0") != found["step1"]
        assert server.requests.total() == 1


def test_a_listing_is_one_request_and_tells_sizes_and_hashes(server, steps):
    found = the_hub.listing(REPO, "step0")
    assert server.requests == {STEP0: 1}
    assert [file.name for file in found.needed] == ["config.json", "tokenizer.json", "model.safetensors"]
    assert found.size == sum((steps["step0"] / file.name).stat().st_size for file in found.needed)
    assert {len(file.digest) for file in found.weights} == {64} and len(found.needed[0].digest) == 40


def test_equal_weights_have_one_mark_before_they_are_fetched(server, steps):
    (steps["step1"] / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    step0, step1, step1000 = (the_hub.listing(REPO, revision) for revision in steps)
    assert step0.mark == step1.mark != step1000.mark
    assert step0.identity != step1.identity
    assert server.sent.total() == 0


def test_the_identity_rests_on_config_tokenizer_and_weights_and_on_nothing_else(server, steps):
    before = the_hub.listing(REPO, "step0")
    for name in ("README.md", "generation_config.json"):
        (steps["step0"] / name).write_text("{}")
    assert the_hub.listing(REPO, "step0").identity == before.identity
    (steps["step0"] / "tokenizer.json").write_text("{}")
    after = the_hub.listing(REPO, "step0")
    assert after.identity != before.identity and after.mark == before.mark


def files(*names: str) -> the_hub.HubRevision:
    return the_hub.HubRevision(REPO, "step0", "0" * 40, tuple(the_hub.HubFile(n, 1, "0" * 40) for n in names))


@pytest.mark.parametrize(
    "held, loaded",
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin", "adapter_model.safetensors", "consolidated.safetensors"], ["pytorch_model.bin"]),
        (
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "training_args.bin"],
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"],
        ),
    ],
)
def test_safetensors_come_first_and_only_what_is_loaded(held, loaded):
    found = files("config.json", "README.md", "flax_model.msgpack", *held)
    assert [file.name for file in found.weights] == loaded
    assert [file.name for file in found.needed] == ["config.json", *loaded]


@pytest.mark.parametrize(
    "held, said",
    [
        (["config.json", "flax_model.msgpack"], "no weights"),
        (["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"], "lacks shards"),
        (["model.safetensors"], "no config.json"),
        (["model.safetensors", "adapter_config.json"], "an adapter"),
    ],
)
def test_a_revision_without_a_model_is_missing(held, said):
    with pytest.raises(CheckpointError, match=said) as raised:
        _ = files(*held).needed
    assert sentence(raised).startswith(STEP0) and raised.value.status == "missing"


# Into the cache


def test_a_fetched_revision_is_what_huggingface_hub_finds_without_the_network(server, steps, monkeypatch):
    folder = fetched()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    found = huggingface_hub.snapshot_download(REPO, revision="step0", local_files_only=True)
    assert Path(found) == folder and {path.name for path in folder.iterdir()} == {
        *("config.json", "tokenizer.json", "model.safetensors")
    }
    for path in folder.iterdir():
        assert path.read_bytes() == (steps["step0"] / path.name).read_bytes()


def test_what_huggingface_hub_fetched_is_found_and_no_byte_is_asked_for_again(server):
    found = huggingface_hub.snapshot_download(REPO, revision="step0")
    sent = server.sent.total()
    assert the_hub.cached(REPO, "step0") == Path(found) == fetched()
    assert server.sent.total() == sent


def test_the_server_of_these_tests_answers_all_that_huggingface_hub_asks(server, steps):
    api = huggingface_hub.HfApi(endpoint=server.url)
    size = (steps["step0"] / "model.safetensors").stat().st_size
    told: dict[str, Any] = {file.path: file for file in api.list_repo_tree(REPO, revision="step0")}
    asked: Any = api.get_paths_info(REPO, ["model.safetensors"], revision="step0")[0]
    assert set(told) == {path.name for path in steps["step0"].iterdir()}
    assert told["model.safetensors"].lfs.size == asked.lfs.size == size
    assert {branch.name for branch in api.list_repo_refs(REPO).branches} == {*steps, "main"}
    assert api.model_info(REPO).sha == server.commit(REPO, "main")
    url = huggingface_hub.hf_hub_url(REPO, "model.safetensors", revision="step0", endpoint=server.url)
    about = huggingface_hub.get_hf_file_metadata(url)
    assert (about.size, about.etag, about.commit_hash) == (size, asked.lfs.sha256, server.commit(REPO, "step0"))
    for odd, kind in (
        (lambda: api.model_info("no/repository"), huggingface_hub.errors.RepositoryNotFoundError),
        (lambda: api.model_info(REPO, revision="step7"), huggingface_hub.errors.RevisionNotFoundError),
        (lambda: api.hf_hub_download(REPO, "no.json"), huggingface_hub.errors.EntryNotFoundError),
    ):
        with pytest.raises(kind):
            odd()


def test_a_file_that_another_revision_brought_is_not_fetched_again(server):
    fetched("step0")
    fetched("step1")
    assert server.sent[WEIGHTS] > 0 and server.sent.total() == sum(
        n for name, n in server.sent.items() if "step0" in name
    )
    assert the_hub.cached(REPO, "step1")


def test_the_cache_is_asked_without_a_request(server):
    folder = fetched()
    asked = len(server.asked)
    commit = server.commit(REPO, "step0")
    assert the_hub.cached(REPO, "step0") == the_hub.cached(REPO, commit) == folder
    assert the_hub.cached(REPO, "step1000") is None and the_hub.cached("no/repository", "main") is None
    assert the_hub.cached(REPO, "../snapshots/" + commit) is None
    assert the_hub.cached_revisions(REPO) == {"step0": commit} and the_hub.cached_revisions("no/repository") == {}
    assert len(server.asked) == asked


def test_a_revision_of_which_a_file_is_gone_or_cut_off_is_not_whole(server):
    folder = fetched()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).rename(folder / "aside")
        assert the_hub.cached(REPO, "step0") is None
        (folder / "aside").rename(folder / name)
    os.truncate(folder / "model.safetensors", 1000)
    assert the_hub.cached(REPO, "step0") is None
    assert fetched() == folder == the_hub.cached(REPO, "step0")


def test_a_revision_without_a_tokenizer_is_whole_without_one(server, steps):
    (steps["step0"] / "tokenizer.json").unlink()
    assert fetched() == the_hub.cached(REPO, "step0")


@pytest.mark.parametrize(
    "name, inner", [("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")]
)
def test_the_cache_lies_where_the_environment_says_now(monkeypatch, tmp_path, name, inner):
    for other in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, str(tmp_path))
    assert the_hub.cache_folder() == tmp_path / inner


def test_progress_is_told_from_the_beginning_to_the_end(server):
    of = the_hub.listing(REPO, "step0")
    told: list[tuple[int, int]] = []
    the_hub.fetch(of, lambda done, of_all: told.append((done, of_all)))
    assert told[0] == (0, of.size) and told[-1] == (of.size, of.size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


# A bad line


def test_a_connection_cut_in_mid_file_goes_on_by_range(server):
    size = the_hub.listing(REPO, "step0").weights[0].size
    server.cut("model.safetensors", after=1000)
    server.cut("model.safetensors", after=500)
    assert fetched() == the_hub.cached(REPO, "step0")
    ranges = [asked.range for asked in server.asked if asked.name == WEIGHTS]
    assert ranges == [None, "bytes=1000-", "bytes=1500-"]
    assert server.sent[WEIGHTS] == size


def test_more_cuts_than_tries_do_no_harm_as_long_as_it_gets_further(server):
    server.cut("model.safetensors", after=100, times=12)
    assert fetched() == the_hub.cached(REPO, "step0")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("on", [STEP0, "model.safetensors"])
def test_a_server_that_is_busy_is_asked_again(server, status, on):
    fault = server.answers(status, on=on, times=3, Retry_After="0")
    assert fetched() == the_hub.cached(REPO, "step0") and fault.times == 0


def test_as_long_as_the_server_asks_for_is_waited(server, monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr(http, "pause", lambda seconds, stopped: waited.append(seconds))
    server.answers(429, Retry_After="7")
    server.answers(429, RateLimit='"api";r=0;t=55')
    server.answers(503)
    the_hub.listing(REPO, "step0")
    assert waited == [7, 56, http.WAITS[0]]


@pytest.mark.parametrize("on", [STEP0, "model.safetensors"])
def test_a_server_that_stays_busy_is_a_sentence(server, on):
    server.answers(503, on=on, times=100)
    with pytest.raises(HubError, match="cannot give .*503.* later") as raised:
        fetched()
    assert STEP0 in sentence(raised) and raised.value.passing
    assert server.requests.total() < 15


def test_a_server_that_asks_for_an_hour_is_a_sentence(server):
    server.answers(429, Retry_After="3600")
    with pytest.raises(HubError, match="asks to wait 3,600 seconds"):
        fetched()


def test_a_damaged_file_is_fetched_once_more(server):
    server.corrupt("model.safetensors")
    assert fetched() == the_hub.cached(REPO, "step0")
    assert server.requests[WEIGHTS] == 2


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_comes_damaged_twice_is_a_sentence_and_no_file(server, name):
    server.corrupt(name, times=2)
    with pytest.raises(HubError, match=f"{name} of {STEP0} came damaged twice") as raised:
        fetched()
    assert sentence(raised) and raised.value.status == "unreadable"
    assert the_hub.cached(REPO, "step0") is None
    assert fetched() == the_hub.cached(REPO, "step0")


@pytest.mark.parametrize("more", [-100, 100])
def test_a_file_of_another_size_than_told_is_damaged(server, more):
    of = the_hub.listing(REPO, "step0")
    told = tuple(replace(file, size=file.size + more) if file in of.weights else file for file in of.files)
    with pytest.raises(HubError, match="damaged twice"):
        the_hub.fetch(replace(of, files=told))
    assert the_hub.cached(REPO, "step0") is None


def test_a_partial_file_of_something_else_does_no_harm(server, tmp_path):
    of = the_hub.listing(REPO, "step0")
    partial = the_hub.cache_folder() / "models--EleutherAI--pythia-14m" / "blobs" / f"{of.weights[0].digest}.incomplete"
    partial.parent.mkdir(parents=True)
    for left in (b"x" * 500, b"x" * (of.weights[0].size + 1)):
        partial.write_bytes(left)
        assert the_hub.fetch(of) == the_hub.cached(REPO, "step0")
        shutil.rmtree(partial.parents[1] / "snapshots")
        (partial.parent / of.weights[0].digest).unlink()


def test_a_download_stops_when_told_and_goes_on_there(server):
    blocked = server.block("model.safetensors", after=1000)
    stop = threading.Event()
    raised: list[BaseException] = []

    def download() -> None:
        try:
            fetched(stopped=stop.is_set)
        except FetchStopped as error:
            raised.append(error)

    thread = threading.Thread(target=download)
    thread.start()
    assert blocked.reached.wait()
    stop.set()
    blocked.go.set()
    thread.join()
    assert raised and the_hub.cached(REPO, "step0") is None
    before = server.requests[f"{STEP0}/tokenizer.json"]
    assert fetched() == the_hub.cached(REPO, "step0")
    asked = [asked.range for asked in server.asked if asked.name == WEIGHTS]
    assert len(asked) == 2 and asked[1] and server.requests[f"{STEP0}/tokenizer.json"] == before


def test_a_pause_ends_when_told_to_stop(server):
    server.answers(503, on="model.safetensors", Retry_After="200")
    with pytest.raises(FetchStopped):
        fetched(stopped=lambda: server.requests[WEIGHTS] > 0)
    server.answers(503, Retry_After="200")
    with pytest.raises(FetchStopped):
        the_hub.listing(REPO, "step1", stopped=lambda: server.requests[f"{REPO}@step1"] > 0)


def test_two_that_fetch_the_same_fetch_it_once(server):
    size = the_hub.listing(REPO, "step0").weights[0].size
    blocked = server.block("model.safetensors", after=1000)
    both = [threading.Thread(target=fetched) for _ in range(2)]
    both[0].start()
    assert blocked.reached.wait()
    both[1].start()
    while server.requests[STEP0] < 3:
        time.sleep(0.02)
    blocked.go.set()
    for thread in both:
        thread.join()
    assert the_hub.cached(REPO, "step0") and server.sent[WEIGHTS] == size


KILLED = """
from circuit_core.models import hub
hub.fetch(hub.listing("EleutherAI/pythia-14m", "step0"))
print(hub.cached("EleutherAI/pythia-14m", "step0"))
"""


@pytest.mark.processes
def test_a_killed_download_goes_on_in_another_process_and_fetches_no_file_twice(server, monkeypatch):
    """The ordinary case, too: what `huggingface_hub` reads at its import is set before."""
    server.token = TOKEN
    server.private.add(REPO)
    ours = environment(server, HF_TOKEN=TOKEN, PYTHONPATH=str(ROOT / "core"))
    blocked = server.block("model.safetensors", after=40_000)
    child = subprocess.Popen([sys.executable, "-c", KILLED], env=ours)
    partial = the_hub.cache_folder() / "models--EleutherAI--pythia-14m" / "blobs"
    assert blocked.reached.wait()
    while not any(path.stat().st_size == 40_000 for path in partial.glob("*.incomplete")):
        assert child.poll() is None
        time.sleep(0.02)
    child.kill()
    child.wait()
    blocked.go.set()
    server.here(monkeypatch)
    assert list(the_hub.abandoned(REPO).values()) == [40_000]
    again = subprocess.run([sys.executable, "-c", KILLED], env=ours, capture_output=True, text=True, check=True)
    assert again.stdout.strip() == str(the_hub.cached(REPO, "step0"))
    assert [asked.range for asked in server.asked if asked.name == WEIGHTS] == [None, "bytes=40000-"]
    assert {server.requests[f"{STEP0}/{name}"] for name in ("config.json", "tokenizer.json")} == {1}
    assert TOKEN not in again.stdout + again.stderr
    assert the_hub.abandoned(REPO) == {}


# What is deleted


def test_a_removed_revision_is_gone_and_what_others_share_stays(server, steps):
    kept, gone = fetched("step0"), fetched("step1000")
    assert the_hub.remove(REPO, gone.name) == (steps["step1000"] / "model.safetensors").stat().st_size
    assert not gone.exists() and the_hub.cached_revisions(REPO) == {"step0": kept.name}
    assert the_hub.cached(REPO, "step0") == kept
    assert the_hub.remove(REPO, gone.name) == 0


@pytest.mark.parametrize("on", ["config.json", "model.safetensors"])
def test_removing_the_only_whole_revision_leaves_the_one_that_is_on_its_way(server, steps, on):
    """With a last revision the whole repository would go, and with it what is half there of the next."""
    for name in ("config.json", "tokenizer.json"):
        (steps["step1000"] / name).write_text(json.dumps({"other": name}))
    old = fetched("step0")
    blocked = server.block(f"step1000/{on}", after=5)
    thread = threading.Thread(target=fetched, args=("step1000",))
    thread.start()
    assert blocked.reached.wait()
    the_hub.remove(REPO, old.name)
    blocked.go.set()
    thread.join()
    assert the_hub.cached(REPO, "step1000") and the_hub.cached_revisions(REPO).keys() == {"step1000"}
    assert server.requests[f"{REPO}@step1000/model.safetensors"] == 1


# What cannot be had


@pytest.mark.parametrize(
    "repo, revision, said",
    [
        ("EleutherAI/pythia-14n", "step0", "127.0.0.1 has no repository EleutherAI/pythia-14n: see how it is spelt"),
        (REPO, "step7", f"has no {REPO}@step7: its branches are on"),
        ("no name", "step0", "is no name of a repository"),
        ("../x", "step0", "is no name of a repository"),
    ],
)
def test_what_is_not_there_is_missing(server, repo, revision, said):
    with pytest.raises(HubError, match=said) as raised:
        the_hub.listing(repo, revision)
    assert sentence(raised) and raised.value.status == "missing" and not raised.value.passing
    if revision == "step0":
        with pytest.raises(HubError, match=said):
            the_hub.revisions(repo)


def test_a_private_repository_needs_a_token(server, monkeypatch):
    server.token = TOKEN
    server.private.add(REPO)
    with pytest.raises(HubError, match="has no repository .* if it is private, log in") as raised:
        fetched()
    assert sentence(raised)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetched() == the_hub.cached(REPO, "step0")


@pytest.mark.parametrize("token, said", [(None, "and log in"), (TOKEN, "with the account of your token")])
def test_a_gated_repository_says_where_its_terms_are(server, monkeypatch, token, said):
    server.token = TOKEN
    server.gated.add(REPO)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=f"gated: accept its terms on http.*/{REPO} {said}") as raised:
        fetched()
    assert sentence(raised) and raised.value.status == "unreadable"


@pytest.mark.parametrize("status, said", [(401, "expired, or revoked"), (403, "may not read it"), (400, "answers 400")])
def test_a_token_that_is_taken_no_more_is_named_but_not_shown(server, monkeypatch, caplog, status, said):
    """The server's own message holds the token."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server.token = "hf_Another" if status == 401 else TOKEN
    if status != 401:
        server.answers(status)
    with caplog.at_level(logging.INFO), pytest.raises(HubError, match=said) as raised:
        fetched()
    assert sentence(raised) and TOKEN not in caplog.text
    assert raised.value.__cause__ is None and raised.value.__suppress_context__ is (
        raised.value.__context__ is not None
    )


@pytest.mark.parametrize("token", ["hf_ü", "hf_a b", "hf_\x07"])
def test_a_token_that_is_none_is_not_sent_and_not_shown(server, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match="HF_TOKEN is no token") as raised:
        fetched()
    assert token not in sentence(raised) and not server.asked


def test_the_token_does_not_go_to_the_host_that_large_files_lie_on(tmp_path, steps, monkeypatch):
    with Hub({REPO: steps}, home=tmp_path / "home", elsewhere=True) as server:
        server.here(monkeypatch)
        server.token = TOKEN
        server.private.add(REPO)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        server.cut("model.safetensors", after=1000)
        assert fetched() == the_hub.cached(REPO, "step0")
        there = [asked for asked in server.asked if asked.elsewhere]
        assert [asked.range for asked in there] == [None, "bytes=1000-"]
        assert {asked.token for asked in there} == {None}
        assert {asked.token for asked in server.asked if not asked.elsewhere} == {TOKEN}


def test_no_network_is_a_sentence(server, monkeypatch):
    of = the_hub.listing(REPO, "step0")
    server._server.shutdown()
    server._server.server_close()
    huggingface_hub.close_session()
    for ask in (lambda: the_hub.revisions(REPO), lambda: the_hub.listing(REPO, "step0"), lambda: the_hub.fetch(of)):
        with pytest.raises(HubError, match="127.0.0.1 cannot be reached .* see to the network") as raised:
            ask()
        assert sentence(raised) and raised.value.passing and raised.value.status == "unreadable"


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://huggingface.co", "http://[", "http://"])
def test_an_address_that_is_none_is_a_sentence(server, monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(HubError, match="HF_ENDPOINT") as raised:
        the_hub.listing(REPO, "step0")
    assert sentence(raised)


def test_a_password_in_the_address_is_not_shown(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url.replace("http://", "http://me:secret@"))
    with pytest.raises(HubError) as raised:
        the_hub.listing(REPO, "step7")
    assert "secret" not in sentence(raised)


@pytest.mark.parametrize(
    "said",
    [
        *(b"<html>log in to this network</html>", b"[]", b"{}", b"[" * 200_000, b"\xff", b'{"sha": 3, "siblings": []}'),
        b'{"sha": "' + b"0" * 40 + b'", "siblings": [{"rfilename": "config.json"}]}',
        b'{"sha": "' + b"0" * 40 + b'", "siblings": [{"rfilename": "config.json", "size": 1, "blobId": "../../x"}]}',
        b'{"sha": "' + b"0" * 40 + b'", "siblings": [{"rfilename": "config.json", "size": -1, "blobId": "0"}]}',
        b'{"sha": "../../../x", "siblings": []}',
    ],
)
def test_what_is_no_hub_is_a_sentence(server, monkeypatch, said):
    """A login page of a network, a mirror that tells no hashes, a server that would lead out of the cache."""
    monkeypatch.setattr(server, "says", said)
    for ask in (lambda: the_hub.listing(REPO, "step0"), lambda: the_hub.revisions(REPO)):
        with pytest.raises(HubError, match="does not tell commits, sizes and hashes") as raised:
            ask()
        assert sentence(raised)


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_uses_the_cache_and_asks_nothing(server, monkeypatch, name):
    here, away = the_hub.listing(REPO, "step0"), the_hub.listing(REPO, "step1000")
    folder = the_hub.fetch(here)
    assert not the_hub.offline()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv(name, "1")
    asked = len(server.asked)
    assert the_hub.offline() and the_hub.fetch(here) == the_hub.cached(REPO, "step0") == folder
    for ask in (
        lambda: the_hub.revisions(REPO),
        lambda: the_hub.listing(REPO, "step1000"),
        lambda: the_hub.fetch(away),
    ):
        with pytest.raises(HubError, match="HF_HUB_OFFLINE") as raised:
            ask()
        assert sentence(raised) and raised.value.status == "missing"
    assert len(server.asked) == asked


def test_a_revision_larger_than_the_disk_is_refused_before_a_byte_comes(server):
    of = the_hub.listing(REPO, "step0")
    large = tuple(replace(file, size=10**18) if file in of.weights else file for file in of.files)
    with pytest.raises(HubError, match="too full for .* HF_HOME") as raised:
        the_hub.fetch(replace(of, files=large))
    assert sentence(raised) and raised.value.passing and server.sent.total() == 0


def test_a_disk_that_runs_full_is_a_sentence(server):
    """/dev/full answers every write with ENOSPC, as a full disk does."""
    of = the_hub.listing(REPO, "step0")
    blobs = the_hub.cache_folder() / "models--EleutherAI--pythia-14m" / "blobs"
    blobs.mkdir(parents=True)
    partial = blobs / f"{of.weights[0].digest}.incomplete"
    partial.symlink_to("/dev/full")
    with pytest.raises(HubError, match="No space left") as raised:
        the_hub.fetch(of)
    assert sentence(raised) and the_hub.cached(REPO, "step0") is None
    partial.unlink()
    assert the_hub.fetch(of) == the_hub.cached(REPO, "step0")


def test_a_cache_that_cannot_be_written_is_a_sentence(server, monkeypatch, tmp_path):
    of = the_hub.listing(REPO, "step0")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(HubError, match="cannot be written into .* HF_HOME") as raised:
        the_hub.fetch(of)
    assert sentence(raised)


def test_sharded_weights_come_whole(server, steps):
    folder = steps["step0"]
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for n, name in enumerate(names):
        (folder / name).write_bytes(tensor_file(bytes([n]) * 5000))
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": {"a": names[0], "b": names[1]}})
    )
    assert fetched() == the_hub.cached(REPO, "step0")
    (fetched() / names[1]).unlink()
    assert the_hub.cached(REPO, "step0") is None
