"""Models of the hub by name: what is fetched, what is not, and what is said; the hub is a server on the loopback."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
import random_pythia
from hub import Hub

from circuit_core.models import hub as client
from circuit_core.models import suites, weights

pytestmark = pytest.mark.long

REPOSITORY = "EleutherAI/pythia-14m"
RUN = ("run", "pythia-14m", "--analyses", "behaviour", "--device", "cpu")
WEIGHTS = "model.safetensors"
SHAPE = ("n_layers", "d_model", "n_heads")


def folders(steps: dict[int, int], into: Path) -> dict[str, Path]:
    """Branch -> folder: the step of a model of the sample suite whose weights it serves."""
    sample = suites.sample_folder() / "sample-0.1m"
    return {
        f"step{step}": Path(shutil.copytree(sample / f"step{of}", into / f"step{step}")) for step, of in steps.items()
    }


@pytest.fixture
def pythia(tmp_path, monkeypatch, bench):
    """Steps 0 and 1 serve equal weights."""
    served = folders({0: 0, 1: 0, 1000: 1000, 143000: 7000}, tmp_path / "served")
    with Hub({REPOSITORY: served}, home=tmp_path / "hf") as hub:
        bench.env |= hub.env
        yield hub.here(monkeypatch)


def weights_sent(hub: Hub) -> set[str]:
    return {name.split("@")[1].split("/")[0] for name, n in hub.sent.items() if name.endswith(WEIGHTS) and n}


def status(bench) -> dict[int, tuple[str | None, str | None]]:
    return {step: (status, detail) for step, status, detail in bench.ask("SELECT step, status, detail FROM checkpoint")}


def test_it_is_fetched_computed_and_stored(bench, pythia):
    """Equal weights are told by the hub's hashes: nothing of step 1 is asked for, and nothing twice."""
    _, told = bench.here(*RUN, "--checkpoints", "0,1,1000,143000")
    assert "pythia-14m leaves out step 1: the weights are those of step 0." in told
    assert bench.ask("SELECT step FROM behaviour JOIN result ON result.id = result_id JOIN checkpoint c ON"
                     " c.id = checkpoint_id ORDER BY step") == [(0,), (1000,), (143000,)]  # fmt: skip
    assert weights_sent(pythia) == {"step0", "step1000", "step143000"}
    assert status(bench)[1] == ("duplicate_of", "step 0") and status(bench)[1000] == ("ok", None)
    model = bench.ask("SELECT name, suite, family, size, variant, seed, source, tokens_per_step, n_layers FROM model")
    assert model == [("pythia-14m", *("pythia",) * 2, "14m", None, None, f"hf://{REPOSITORY}", 2_097_152, 3)]
    sent = dict(pythia.sent)
    _, told = bench.here(*RUN, "--checkpoints", "0,1,1000,143000")
    assert "3 were already there" in told
    again = {name for name, n in pythia.sent.items() if n != sent[name]}
    assert again <= {REPOSITORY, f"{REPOSITORY}@step1"}


def test_weights_are_read_by_the_thread_that_fetches_and_by_the_worker_alone(bench, pythia, monkeypatch):
    """While one checkpoint computes, the runner's loop stands still for no file of the next."""
    read, fingerprint, loop = [], weights.fingerprint, threading.current_thread()

    def heard(folder: Path) -> str:
        read.append((folder.name, threading.current_thread() is loop))
        return fingerprint(folder)

    monkeypatch.setattr(weights, "fingerprint", heard)
    bench.here(*RUN, "--checkpoints", "0,1000,143000")
    commits = [pythia.commit(REPOSITORY, f"step{step}") for step in (0, 1000, 143000)]
    assert sorted(read) == sorted((commit, by_worker) for commit in commits for by_worker in (False, True))


@pytest.mark.parametrize("name", ["pythia-14m@1000", "EleutherAI/pythia-14m@1000", "hf://EleutherAI/pythia-14m@1000"])
def test_one_checkpoint_by_its_address(bench, pythia, name):
    bench.here("run", name, *RUN[2:])
    assert bench.units().keys() == {1000} and weights_sent(pythia) == {"step1000"}


def test_several_addresses_of_a_model_are_one_request(bench, pythia):
    bench.here("run", "pythia-14m@0", "pythia-14m@1000", *RUN[2:])
    assert bench.units().keys() == {0, 1000}
    _, told = bench.here("run", "pythia-14m@0", "EleutherAI/pythia-14m@1000", *RUN[2:], code=2)
    assert "pythia-14m and EleutherAI/pythia-14m are one model, asked for at other steps: name it once." in told


def test_a_name_stands_for_one_repository(bench, pythia, tmp_path):
    pythia.branches["me/pythia-14m"] = folders({5: 250}, tmp_path / "other")
    pythia.tags["me/pythia-14m"] = {}
    bench.here("run", "pythia-14m@0", *RUN[2:])
    _, told = bench.here("run", "me/pythia-14m", *RUN[2:], code=2)
    assert "The name pythia-14m stands for hf://EleutherAI/pythia-14m, not for hf://me/pythia-14m" in told


def test_the_suites_own_schedule_is_the_default(bench, pythia):
    """Of a model of the hub `sparse`; checkpoints that the hub does not have are recorded, and the rest goes on."""
    _, told = bench.here(*RUN)
    assert {step for step, (state, _) in status(bench).items() if state == "ok"} == {1000, 143000}
    assert (
        status(bench)[256][0] == "missing"
        and "leaves out steps 256, 512, 2000, ..., 120000, 140000: the hub has no weights under that name." in told
    )


def test_a_repository_of_no_suite(bench, tmp_path, monkeypatch):
    """Its branches and tags are read; a pattern tells which are steps."""
    served = folders({5: 250, 10: 500}, tmp_path / "served")
    served = {"iter_5": served["step5"], "run-b-10": served["step10"]}
    with Hub({"me/mine": served}, home=tmp_path / "hf") as hub:
        bench.env |= hub.here(monkeypatch).env
        bench.here("run", "me/mine", *RUN[2:])
        assert bench.units().keys() == {5}
        bench.told("models", "add", "other", "me/mine", "--pattern", r"run-b-(?P<step>\d+)", "--tokens-per-step", "100")
        bench.here("run", "other", *RUN[2:])
        computed = "result JOIN checkpoint c ON c.id = checkpoint_id JOIN model ON model.id = model_id"
        assert set(bench.ask(f"SELECT model.name, step, tokens FROM {computed}")) == {
            ("mine", 5, None),
            ("other", 10, 1000),
        }


def test_without_a_network_the_cache_is_enough(bench, pythia):
    bench.here(*RUN, "--checkpoints", "1000")
    first = bench.exports()
    bench.env["HF_HUB_OFFLINE"] = "1"
    asked = len(pythia.asked)
    bench.store.unlink()
    bench.here(*RUN, "--checkpoints", "1000")
    assert bench.exports() == first and len(pythia.asked) == asked
    _, told = bench.here(*RUN, "--checkpoints", "143000", code=1)
    assert "HF_HUB_OFFLINE" in told and "Traceback" not in told


def test_models_says_what_the_cache_holds(bench, pythia, tmp_path):
    """Without a request: of the store, of suites, and of any other repository; what is not whole does not count."""
    pythia.branches["me/mine"], pythia.tags["me/mine"] = folders({5: 250}, tmp_path / "other"), {}

    def cached(*more: str) -> dict[str, int | None]:
        rows = json.loads(bench.told("models", "--json", *more)[0])["rows"]
        return {row["model"]: row["cached"] for row in rows if row["cached"] is not None}

    assert cached() == {} and set(cached("--all").values()) == {0}
    for repository, revision in ((REPOSITORY, "step0"), (REPOSITORY, "step1000"), ("me/mine", "step5")):
        client.fetch(client.listing(repository, revision))
    client.fetch(client.listing(REPOSITORY, "step143000").small)
    asked, bench.env["HF_HUB_OFFLINE"] = len(pythia.asked), "1"
    assert cached() == {"pythia-14m": 2, "me/mine": 1}
    assert cached("--all") | {"pythia-14m": 2, "me/mine": 1, "pythia-70m": 0} == cached("--all")
    assert "pythia-14m" in bench.told("models")[0] and "pythia-70m" not in bench.told("models")[0]
    assert len(pythia.asked) == asked


def test_the_cache_is_kept_small(bench, pythia):
    """What the sweep fetched goes again, oldest first; what was there before stays, and results remain known."""
    of = client.listing(REPOSITORY, "step0")
    client.fetch(of)
    bench.here(*RUN, "--checkpoints", "0,1000,143000", "--disk", f"{of.size + 1000}B")
    assert client.cached(REPOSITORY, "step0") and client.cached(REPOSITORY, "step1000") is None
    assert len(bench.results()) == 3
    pythia.sent.clear()
    _, told = bench.here(*RUN, "--checkpoints", "0,1000,143000", "--disk", f"{of.size + 1000}B")
    assert "3 were already there" in told and not weights_sent(pythia)


def test_what_is_known_to_be_bad_is_left_out_unless_asked_for(bench, tmp_path, monkeypatch):
    served = folders({0: 250, 66000: 500, 143000: 7000}, tmp_path / "served")
    with Hub({"EleutherAI/pythia-2.8b": served}, home=tmp_path / "hf") as hub:
        bench.env |= hub.here(monkeypatch).env
        run = ("run", "pythia-2.8b", *RUN[2:], "--checkpoints", "0,66000,143000")
        _, told = bench.here(*run)
        assert "known to be bad, the branch serves weights of the end of training" in told and "issues/205" in told
        assert weights_sent(hub) == {"step66000", "step143000"} and status(bench)[0][0] == "known_bad"
        bench.here(*run, "--with-known-bad")
        assert status(bench)[0][0] == "known_bad"
        bench.store.unlink()
        bench.here(*run, "--with-known-bad")
        assert bench.units().keys() >= {0} and weights_sent(hub) == {"step0", "step66000", "step143000"}
        assert status(bench)[0][0] == "known_bad"


def test_faults_of_the_line_do_not_end_a_sweep(bench, pythia):
    """A connection cut in mid-file goes on; a busy server is asked again; a file that stays corrupt is said."""
    pythia.cut(f"step0/{WEIGHTS}", after=1000)
    pythia.answers(503, f"step1000/{WEIGHTS}", Retry_After="0")
    pythia.corrupt(f"step143000/{WEIGHTS}", times=2)
    _, told = bench.here(*RUN, "--checkpoints", "0,1000,143000", code=1)
    assert "came damaged twice" in told
    assert {step: state for step, (state, _) in status(bench).items() if state} == {
        0: "ok", 1000: "ok", 143000: "unreadable",
    }  # fmt: skip
    assert any(asked.range == "bytes=1000-" for asked in pythia.asked)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("EleutherAI/pythia-41m", "has no repository EleutherAI/pythia-41m: see how it is spelt"),
        ("pythia-41m", "There is no model or folder pythia-41m"),
        ("pythia-14m@7", "There is no checkpoint 7"),
    ],
)
def test_names_that_are_wrong(bench, pythia, given, says):
    _, told = bench.here("run", given, *RUN[2:], code=2)
    assert says in told and told.count("\n") <= 2


def test_what_it_would_cost_is_known_before_a_byte_comes(bench, pythia):
    out, _ = bench.told(*RUN, "--checkpoints", "1000,143000", "--dry-run")
    assert "fetch " in out and "2 checkpoints" in out and not weights_sent(pythia)


@pytest.mark.processes
def test_killed_while_it_fetches_nothing_is_fetched_twice(bench, pythia, tmp_path):
    """By the installed command: the runner is killed in mid-file; the next one goes on in that file."""
    held = pythia.block(f"step1000/{WEIGHTS}", after=100_000)
    process = bench.start(*RUN, "--checkpoints", "0,1000,143000", "--detach")
    bench.end(process)
    assert held.reached.wait()
    bench.until(lambda: any(part.stat().st_size for part in (tmp_path / "hf").rglob("*.incomplete")))
    os.kill(bench.runner(), signal.SIGKILL)
    held.go.set()
    bench("jobs", "resume")
    bench.until(lambda: all(state == "done" for _, state in bench.ask("SELECT id, state FROM unit")))
    assert [a.range for a in pythia.asked if a.name.endswith(f"step1000/{WEIGHTS}")][-1] not in (None, "bytes=0-")
    assert sum(pythia.requests[name] for name in pythia.requests if name.endswith(f"step0/{WEIGHTS}")) == 1


@pytest.fixture(scope="session")
def real_shape(tmp_path_factory) -> dict[str, Path]:
    """Random weights of pythia-14m's own shape; steps 0 and 1 serve equal ones."""
    into = tmp_path_factory.mktemp("pythia-14m")
    first = random_pythia.made(into / "first", *(suites.published()["pythia-14m"].shape[n] for n in SHAPE))
    steps = {0: 0, 1: 0, 1000: 1}
    return {f"step{step}": random_pythia.branch(first, into / f"step{step}", number) for step, number in steps.items()}


@pytest.mark.processes
def test_pythias_own_shape_by_the_installed_command(bench, real_shape, tmp_path):
    """Fetched, computed and stored through HF_ENDPOINT; of the planted duplicate no byte of weights is asked for."""
    with Hub({REPOSITORY: real_shape}, home=tmp_path / "hf") as hub:
        bench.env |= hub.env
        _, told = bench(*RUN, "--checkpoints", "0,1,1000")
    assert "pythia-14m leaves out step 1: the weights are those of step 0." in told and "2 checkpoints computed" in told
    assert {step: state for step, (state, *_) in bench.units().items()} == dict.fromkeys((0, 1000), "done")
    assert weights_sent(hub) == {"step0", "step1000"}
    assert {n for name, n in hub.requests.items() if name.endswith(WEIGHTS)} == {1}
    shape = bench.ask("SELECT family, size, n_layers, n_heads, d_model FROM model")
    assert shape == [("pythia", "14m", 6, 4, 128)]
    assert len({value for (value,) in bench.ask("SELECT value FROM behaviour")}) == 2
