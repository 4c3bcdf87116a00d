"""Files that hang, never end, or say of themselves what no file can hold: one sentence that names the file, at once."""

import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from here import sweeping
from odd_files import ODD, long_header

from circuit_core.errors import CircuitError
from circuit_core.models import suites
from circuit_sweep import caller

pytestmark = pytest.mark.long

SAMPLE = suites.sample_folder() / "sample-0.1m"


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(
    "command",
    [
        ("run", "sample-0.1m", "--tasks", "odd.jsonl"),
        ("run", "sample-0.1m", "--tasks", "odd.jsonl", "--dry-run"),
        ("run", "sample-0.1m", "--text", "odd.jsonl"),
        ("tasks", "show", "odd.jsonl", "--model", "sample-0.1m"),
        ("circuit", "import", "odd.jsonl", "--model", "sample-0.1m", "--step", "0", "--task", "ioi"),
    ],
    ids=" ".join,
)
def test_what_is_no_file_is_named(fresh, kind, command):
    """Invariant: a pipe, a device or a loop of links is never opened; the sentence says which it is."""
    ODD[kind](fresh.folder / "odd.jsonl")
    with sweeping():
        sentence = fresh.refused(*command)
    assert f"odd.jsonl is {kind}, where a file is needed" in sentence


@pytest.mark.parametrize("kind", ODD)
def test_a_text_to_choose_by_is_a_file(shell, kind):
    """Invariant: the same where a text is named to choose among results."""
    path = shell.folder / f"{kind}.txt"
    if not os.path.lexists(path):
        ODD[kind](path)
    assert f"{path} is {kind}, where a file is needed" in shell.refused("show", "heads", "--text", path)


@pytest.mark.parametrize("kind", ODD)
def test_info_of_a_store_that_is_no_file(fresh, kind):
    """Invariant: `info` answers, and says that there is no store to be read."""
    ODD[kind](fresh.folder / "odd.db")
    told = json.loads(fresh("--store", "odd.db", "info", "--json"))
    assert "odd.db" in told["store_state"] and told["journal"].startswith("none yet")


def deep(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000)


def doubled(folder: Path) -> None:
    (folder / "config.json").write_text('{"n_layer": 3, "n_layer": 4}')


def sized(folder: Path, **sizes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | sizes))


def tensor(folder: Path, **entry: object) -> None:
    """Another entry of the first tensor in the header; None removes a key."""
    file = folder / "model.safetensors"
    data = file.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    first = next(name for name in header if name != "__metadata__")
    header[first] = {key: value for key, value in (header[first] | entry).items() if value is not None}
    written = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(written)) + written + data[8 + n :])


def deep_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 100_000) + b"[" * 100_000)


def odd(folder: Path, name: str, kind: str) -> None:
    (folder / name).unlink()
    ODD[kind](folder / name)


FAULTS = {
    "config.json: this JSON is nested more than 100 levels deep": deep,
    "config.json: this JSON cannot be read ('n_layer' is there twice in one object)": doubled,
    f"config.json says {10**30} for 'num_hidden_layers': a whole number": lambda f: sized(f, num_hidden_layers=10**30),
    "config.json says -1 for 'num_hidden_layers'": lambda f: sized(f, num_hidden_layers=-1),
    "config.json says 2.5 for 'num_hidden_layers'": lambda f: sized(f, num_hidden_layers=2.5),
    "config.json says '3' for 'num_hidden_layers'": lambda f: sized(f, num_hidden_layers="3"),
    f"config.json says {10**30} for 'num_attention_heads'": lambda f: sized(f, num_attention_heads=10**30),
    "do not fit config.json, which says 1000000000 layers, and they have 3": lambda f: sized(
        f, num_hidden_layers=10**9
    ),
    "do not fit config.json, which says 1000 heads, for a width of 60": lambda f: sized(f, num_attention_heads=1000),
    "do not fit config.json, which says a width of 1000000, and they": lambda f: sized(f, hidden_size=10**6),
    "says 1000000 for intermediate_size, and none of them is so long": lambda f: sized(f, intermediate_size=10**6),
    "config.json says 1000000 for 'rotary_pct': a share from 0 to 1": lambda f: sized(f, rotary_pct=10**6),
    "dtype, shape and data_offsets must be there": lambda f: tensor(f, shape=None),
    "dtype, shape and data_offsets must be": lambda f: tensor(f, shape=7),
    "dtype, shape and data_offsets": lambda f: tensor(f, shape=[10**30]),
    "its header: this JSON is nested more than 100 levels deep": deep_header,
    "header would have 2,147,483,648 bytes": lambda f: long_header(f / "model.safetensors"),
    "config.json is a pipe": lambda f: odd(f, "config.json", "a pipe"),
    "config.json is a device": lambda f: odd(f, "config.json", "a device"),
    "config.json is a loop of links": lambda f: odd(f, "config.json", "a loop of links"),
    "model.safetensors is a pipe": lambda f: odd(f, "model.safetensors", "a pipe"),
    "model.safetensors is a device": lambda f: odd(f, "model.safetensors", "a device"),
    "tokenizer.json is a pipe": lambda f: odd(f, "tokenizer.json", "a pipe"),
    "tokenizer_config.json: this is not JSON (Invalid control character at line 1, column 4)": (
        lambda f: (f / "tokenizer_config.json").write_text('{"a\n')
    ),
    "generation_config.json is a pipe": lambda f: os.mkfifo(f / "generation_config.json"),
}
"""What is said -> what is done to a checkpoint."""


def test_a_checkpoint_that_cannot_be_fails_alone(fresh):
    """Invariant: whatever its files are, it is recorded with folder and reason, also as the first; others go on.

    As many broken checkpoints as there are faults, and one that is whole behind them: planned, added and computed.
    """
    folder = fresh.folder / "mine"
    for step, break_it in enumerate(FAULTS.values()):
        shutil.copytree(SAMPLE / "step0", folder / f"step{step}")
        break_it(folder / f"step{step}")
    shutil.copytree(SAMPLE / "step0", folder / "step1000")
    asked = ("run", "mine", "--analyses", "behaviour", "--tasks", "ioi")
    assert f"{len(FAULTS) + 1} checkpoints" in fresh(*asked, "--dry-run")
    assert f"mine: {len(FAULTS) + 1} checkpoints" in fresh.here("models", "add", "mine", "mine").stderr
    done = fresh.here(*asked)
    assert done.exit_code == 1 and f"1 checkpoint computed, 0 were already there, {len(FAULTS)} failed" in done.stderr
    failed = {line.split(" failed: ")[0]: line for line in done.stderr.splitlines() if " failed: " in line}
    for step, says in enumerate(FAULTS):
        line = failed[f"mine@{step}"]
        assert says in line and f"mine/step{step}" in line and line.endswith("."), (says, line)


@pytest.mark.processes
def test_nothing_of_a_users_size_is_an_argument():
    """Invariant: a call goes to its process by its standard input, since an argument may have 128 kB, and what is wrong
    comes back in one sentence, whole, whatever characters it has."""
    store = f"{'x' * 200_000}\udc80"
    given = {"model": "a", "step": "final", "task": "ioi", "kind": "dot", "file": "x", "choices": {}, "size": None}
    with pytest.raises(CircuitError, match=store):
        caller.ask("export_circuit", store=store, **given)


def test_a_task_file_of_two_hundred_kilobytes_is_shown(fresh):
    """Invariant: it is shown like a small one, up to the 8 MB that are read."""
    pair = {"clean_ids": [1, 2, 3], "corrupted_ids": [1, 4, 3], "correct_ids": 5, "wrong_ids": 6}
    (fresh.folder / "many.jsonl").write_text(f"{json.dumps(pair)}\n" * 2500)
    shown = fresh.here("tasks", "show", "many.jsonl", "--model", "sample-0.1m", "--json")
    assert json.loads(shown.stdout)["prompts"] == 2500
