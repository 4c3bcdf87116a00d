"""Whatever is wrong with a command is one sentence on stderr: what was given, what is possible. Never a traceback."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from circuit_core.models import suites
from circuit_store.views import VIEWS

SAMPLE = suites.sample_folder() / "sample-0.1m"
SHORT = str(SAMPLE / "step0" / "config.json")
"""Words, and too few to score copy suppression on."""


@pytest.mark.parametrize("command", [("models", "add", "mine"), ("run",)])
def test_a_folder_whose_name_is_no_text_is_refused(fresh, command):
    """Invariant: what a store cannot hold as text is named and refused; nothing of it steers the terminal."""
    folder = fresh.folder / os.fsdecode(b"\xff\x1b[31m") / "good"
    shutil.copytree(SAMPLE / "step0", folder / "step0")
    sentence = fresh.refused(*command, folder)
    assert "��[31m/good is not UTF-8 text" in sentence and "rename" in sentence


@pytest.mark.processes
@pytest.mark.parametrize(
    "args, says",
    [
        (["run", "no-such-folder"], ["no-such-folder", "sample-0.1m"]),
        (["run", "~no-such-user/x"], ["~no-such-user/x", "sample-0.1m"]),
        (["run", "x" * 300], ["sample-0.1m"]),
        (["run", "sample-0.1m@7"], ["There is no checkpoint 7", "0, "]),
        (["run", "sample-0.1m", "--tasks", "chess"], ["chess", "ioi"]),
        (["run", "sample-0.1m", "--tasks", ","], ["--tasks"]),
        (["run", "sample-0.1m", "--analyses", "heads,magic"], ["magic", "behaviour, heads, circuit, algorithm"]),
        (["run", "sample-0.1m", "--analyses", ""], ["--analyses"]),
        (["run", "sample-0.1m", "--checkpoints", "never"], ["never", "sparse", "0,512,final"]),
        (["run", "sample-0.1m", "--checkpoints", "1"], ["1", "0, "]),
        (["run", "sample-0.1m", "--checkpoints", ""], ["sparse"]),
        (["run", "sample-0.1m", "--threshold", "nan"], ["--threshold nan"]),
        (["run", "sample-0.1m", "--threshold", "1.5"], ["--threshold 1.5"]),
        (["run", "sample-0.1m", "--sizes", "ten"], ["--sizes ten", "10,20,50"]),
        (["run", "sample-0.1m", "--sizes", "5,200"], ["--sizes 200", "sample-0.1m has 163 edges"]),
        (["patch", "sample-0.1m", "--to", "a0.h0<q>"], ["a0.h0<q>", "logits"]),
        (["patch", "sample-0.1m", "--to", "logits", "--from", ""], ["--from"]),
        (["run", "sample-0.1m", "--text", "no-such-text"], ["no-such-text"]),
        (["run", "sample-0.1m", "--text", SHORT], [SHORT, "7,020 tokens"]),
        (["run", "sample-0.1m", "--text", SHORT, "--dry-run"], [SHORT, "7,020 tokens"]),
        (
            ["patch", "sample-0.1m", "--to", "a9.h1<q>"],
            ["a9.h1", "3 layers x 3 heads", "a0.h0 to a2.h2", "<q>", "logits"],
        ),
        (["patch", "sample-0.1m", "--to", "a9.h9"], ["--to a9.h9", "logits", "a2.h0<q>"]),
        (["patch", "sample-0.1m", "--to", "m1"], ["--to m1", "a2.h0<q>"]),
        (["patch", "sample-0.1m", "--to", "a1.h0<q>", "--from", "a2.h0"], ["a2.h0", "a1.h0<q>"]),
        (["patch", "sample-0.1m", "--to", "logits", "--task", "chess"], ["chess", "ioi"]),
        (["tasks", "show", "chess", "--model", "sample-0.1m"], ["chess", "subject_verb"]),
        (["tasks", "show", "ioi", "--model", "gpt-9"], ["gpt-9", "sample-0.1m"]),
        (["circuit", "export", "sample-0.1m", "--format", "dot"], ["sample-0.1m", "MODEL@STEP/TASK"]),
        (["circuit", "export", "sample-0.1m@final/ioi", "--format", "dot"], ["no store", "circuit-tui demo"]),
        (["jobs"], ["no store", "circuit-tui demo"]),
        (
            ["jobs", "cancel", "x"],
            ["x is not a run: give the number of one, as `circuit-tui", " jobs` lists them."],
        ),
        (["jobs", "resume", "9999999999"], ["9999999999 is not a run", " jobs` lists them."]),
        (["jobs", "show", "x\x1b[31my"], ["x\ufffd[31my is not a run"]),
        (["verify"], ["no store", "circuit-tui demo"]),
        (["models", "add", "mine", "no-such-folder"], ["no-such-folder"]),
        (["models", "add", "sample-0.1m", "."], ["sample-0.1m", "sample suite"]),
        (["models", "add", "mine", ".", "--pattern", "("], ["--pattern (", "(?P<step>"]),
        (["models", "add", "mine", ".", "--pattern", r"run\d+"], [r"run\d+", "(?P<step>"]),
        (["show", "magic"], ["magic", *VIEWS]),
        (["show", "behaviour"], ["no store", "circuit-tui demo"]),
        (["export", "behaviour"], ["no store", "circuit-tui demo"]),
        ([], ["terminal", "show"]),
    ],
)
def test_refused_before_there_is_a_store(fresh, args, says):
    """Invariant: exit 2, one line that names what was given and what is possible, nothing on stdout."""
    sentence = fresh.refused(*args)
    assert [s for s in says if s not in sentence] == []


@pytest.mark.processes
@pytest.mark.parametrize(
    "args, says",
    [
        (["show", "behaviour", "gpt-9"], ["gpt-9", "sample-0.1m"]),
        (["show", "behaviour", "sample-0.1m@17"], ["17", "0, ", "final"]),
        (["show", "models", "sample-0.1m@0"], ["step", "model"]),
        (["show", "behaviour", "--task", "chess"], ["chess", "ioi"]),
        (["show", "heads", "--role", "magic"], ["magic", "induction"]),
        (["show", "models", "--task", "ioi"], ["task", "model"]),
        (["export", "heads", "--columns", "value,magic"], ["magic", "layer"]),
        (["export", "heads", "--sort", "magic"], ["magic", "layer"]),
        (["export", "heads", "--where", "magic=1"], ["magic", "layer"]),
        (["export", "heads", "--where", "layer"], ["--where layer", "COLUMN=VALUE"]),
        (["export", "heads", "--grep", "("], ["--grep ("]),
        (["export", "circuit", "--where", "src=nowhere", "--grep", "("], ["--grep ("]),
        (["export", "heads", "--output", "no/such/folder/x.csv"], ["--output no/such/folder/x.csv"]),
        (["export", "heads", "--output", "."], ["--output ."]),
    ],
)
def test_refused_beside_a_store(shell, args, says):
    """Invariant: exit 2, one line that names what was given and what is possible, nothing on stdout."""
    sentence = shell.refused(*args)
    assert [s for s in says if s not in sentence] == []


def test_a_folder_without_checkpoints(fresh, tmp_path):
    """Invariant: a folder that holds none is named, with what is expected."""
    (tmp_path / "empty").mkdir()
    assert "step1000" in fresh.refused("run", "empty")


@pytest.mark.parametrize(
    "config, says",
    [
        ({"num_local_experts": 8}, "GPTNeoXForCausalLM sends each token to a few of many experts"),
        ({"model_type": "bloom", "architectures": ["BloomForCausalLM"]}, "BloomForCausalLM is not supported, only GPT"),
        (
            {"model_type": "gemma2", "architectures": None},
            "gemma2 normalises what attention and MLPs have written (post-norm)",
        ),
        (
            {"model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 3},
            "{folder}/config.json says 3 heads of keys for 4 of queries: no equal groups of heads.",
        ),
        ({"num_hidden_layers": 0}, "{folder}/config.json says 0 for 'num_hidden_layers': a whole number from 1"),
    ],
)
def test_a_folder_that_no_run_can_compute(fresh, tmp_path, config, says):
    """Invariant: its config says so, and the same sentence comes at once, from a run and from its `--dry-run`."""
    file = shutil.copytree(SAMPLE / "step0", tmp_path / "mine") / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    sentence = fresh.refused("run", "mine")
    assert sentence.startswith(says.format(folder=file.parent)) and sentence == fresh.refused(
        "run", "mine", "--dry-run"
    )


def test_a_folder_of_adapters(fresh, tmp_path):
    """Invariant: the model that they belong to is named, whether it is one adapter or one a step."""
    for folder in ("one", "some/checkpoint-5"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "adapter_config.json").write_text('{"base_model_name_or_path": "EleutherAI/pythia-70m"}')
    for folder in ("one", "some"):
        sentence = fresh.refused("run", folder)
        assert "holds an adapter of EleutherAI/pythia-70m" in sentence
        assert sentence == fresh.refused("run", folder, "--dry-run")


def test_two_folders_of_one_name(fresh, tmp_path):
    """Invariant: both are named before anything is queued, in one request and against what the store knows."""
    for place in ("a", "b"):
        shutil.copytree(SAMPLE / "step0", tmp_path / place / "mine")
    for command in (("run", "a/mine", "b/mine"), ("run", "a/mine", "b/mine", "--dry-run")):
        assert f"mine stands for {tmp_path}/a/mine, not for {tmp_path}/b/mine" in fresh.refused(*command)
    fresh("models", "add", "mine", "a/mine")
    assert "mine stands for" in fresh.refused("run", "b/mine", "--dry-run")


def test_a_refused_run_leaves_no_model(fresh):
    """Invariant: a request that is refused is not half noted."""
    fresh.refused("run", "sample-0.1m", "--checkpoints", "never")
    fresh.refused("run", "sample-0.1m", "--tasks", "chess")
    assert fresh("show", "models").count("\n") == 1


@pytest.mark.parametrize("command", [["run", "sample-0.1m"], ["show", "heads"], ["export", "heads"]])
@pytest.mark.parametrize("store", ["/dev/null/x.db", ".", "x" * 300])
def test_a_store_that_cannot_be(fresh, command, store):
    """Invariant: an impossible store is exit 2 with its path and the way out, for each command that needs one."""
    sentence = fresh.refused("--store", store, *command)
    assert store in sentence and "--store FILE" in sentence


@pytest.mark.parametrize("command", [["run", "sample-0.1m"], ["show", "heads"], ["export", "heads"], ["models"]])
def test_a_store_of_a_later_version(fresh, command):
    """Invariant: a store that a newer program wrote is refused by name, and stays."""
    fresh("models", "add", "mine", SAMPLE)
    with closing(sqlite3.connect(fresh.store)) as db:
        db.execute("PRAGMA user_version=99")
    sentence = fresh.refused(*command)
    assert "store.db" in sentence and "99" in sentence and "newer" in sentence


@pytest.mark.parametrize(
    "command", [["run", "sample-0.1m"], ["show", "heads"], ["models"], ["jobs"], ["verify"], ["merge", "store.db"]]
)
def test_a_store_of_an_earlier_version(fresh, command):
    """Invariant: a store of before the first release is refused by each command, and stays byte for byte."""
    fresh("models", "add", "mine", SAMPLE)
    with closing(sqlite3.connect(fresh.store)) as db:
        db.execute("PRAGMA user_version=19")
    before = fresh.store.read_bytes()
    elsewhere = ["--store", "new.db"] if command[:1] == ["merge"] else []
    sentence = fresh.refused(*elsewhere, *command)
    assert "store.db" in sentence and "before 0.1.0" in sentence and "another file with --store FILE" in sentence
    assert fresh.store.read_bytes() == before


def test_merging_what_is_not_there_makes_no_store(fresh):
    assert "There is no store at nowhere.db" in fresh.refused("merge", "nowhere.db")
    assert not fresh.store.exists()


@pytest.mark.processes
def test_a_damaged_store(fresh):
    """Invariant: damage that shows only while reading is one sentence too; exit 1, for nothing was asked wrongly."""
    fresh.run("models", "add", "mine", SAMPLE)
    data = bytearray(fresh.store.read_bytes())
    data[8192:] = b"\xff" * len(data[8192:])
    fresh.store.write_bytes(data)
    done = fresh.run("show", "heads")
    assert done.returncode in (1, 2) and done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert "malformed" in fresh("info")


def test_names_steer_no_terminal(fresh):
    """Invariant: control characters of what was given do not reach the terminal, and break no line."""
    sentence = fresh.refused("run", "a\x1b[31mb\nc")
    assert "\x1b" not in sentence and "a�[31mb�c" in sentence


def test_a_log_that_cannot_be_written(fresh):
    """Invariant: a state folder that cannot be made is one sentence."""
    fresh.env["XDG_STATE_HOME"] = "/dev/null/state"
    assert "/dev/null/state" in fresh.refused("run", "sample-0.1m", code=1)


@pytest.mark.processes
def test_a_full_disk(shell):
    """Invariant: output that cannot be written is exit 1 and one sentence."""
    with open("/dev/full", "wb") as full:
        done = shell.run("show", "heads", stdout=full)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"No space left" in done.stderr
