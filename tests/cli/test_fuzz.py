"""Two thousand hostile files from a seed: every one is read or refused in a sentence, soon, and no store is changed.

Task files, configs, headers of weights, circuit files, stores: valid ones with bytes and values exchanged (`mutated`).
The commands run in this process, so that what they do not turn into a sentence is raised here. A file that keeps a
command for more than 20 s hangs: the only limit of time in these tests.
"""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import mutated
import pytest
import torch
from places import GOLDEN, SAMPLE

from circuit_store.maintenance import CONTENT

pytestmark = pytest.mark.slow

PATIENCE = 20
"""Seconds of computing in which every command ends; of the processor, as a busy machine gives them late."""
SEED = 11
PAIR = {
    "clean_ids": [1, 2, 3],
    "corrupted_ids": [1, 4, 3],
    "correct_ids": [5, 7],
    "wrong_ids": 6,
    "positions": {"IO": 1},
}
TEXT = {"clean": "John gave it to", "corrupted": "Mary gave it to", "correct": "Mary", "wrong": ["John"]}
CSV = b"clean,corrupted,correct_idx,incorrect_idx\nJohn gave it to,Mary gave it to,5,6\nJohn gave,Mary gave,[5],[6]\n"
YEARS = b"clean,corrupted,label\nThe war lasted from the year 1732 to the year 17,The war from 1701 to the year 17,32\n"


class Hang(BaseException):
    """Nothing that is tested catches it."""


@contextmanager
def soon() -> Iterator[None]:
    def hangs(*_: Any) -> None:
        raise Hang(f"computes for more than {PATIENCE} s")

    handled = signal.signal(signal.SIGPROF, hangs)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handled)


@pytest.fixture(scope="module")
def made(shell_in, tmp_path_factory):
    """A store with a few results, and a checkpoint to break."""
    shell = shell_in(tmp_path_factory.mktemp("fuzz"))
    shell.compute("run", "sample-0.1m", "--checkpoints", "0", "--analyses", "behaviour,heads")
    shutil.copytree(GOLDEN / "neox_parallel" / "model", shell.folder / "golden")
    shell.compute("circuit", "import", GOLDEN / "neox_parallel" / "eap_ig_graph.json", "--model", "golden", *IMPORT)
    whole = shell.folder / "whole.db"
    with closing(sqlite3.connect(shell.store)) as db:
        db.execute("VACUUM INTO ?", (str(whole),))
    shell.store, shell.env["CIRCUIT_TUI_STORE"] = whole, str(whole)
    return shell


IMPORT = ("--step", "0", "--task", "ioi")


def content(store: Path) -> str:
    """All rows of a store, as a digest."""
    with closing(sqlite3.connect(store)) as db:
        return hashlib.sha256("\n".join(db.iterdump()).encode(errors="replace")).hexdigest()


def found(store: Path) -> set[str]:
    """All results of a store and what lies below them, row by row."""
    with closing(sqlite3.connect(store)) as db:
        tables = [("key", "result", ""), *(("key", t, " JOIN result ON result.id = result_id") for t in CONTENT)]
        every = (db.execute(f"SELECT {key}, {t}.* FROM {t}{joined}") for key, t, joined in tables)
        return {repr(tuple(row)) for rows in every for row in rows}


def rows(store: Path) -> list[int]:
    """How many each table has."""
    with closing(sqlite3.connect(store)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables]


def answered(shell: Any, what: str, *command: str | Path) -> int:
    """The exit code of a command that ended soon, and in a sentence if it failed."""
    try:
        with soon():
            done = shell.here(*command)
    except (Exception, Hang) as error:
        raise AssertionError(f"{what}: {command} raised {type(error).__name__}: {str(error)[:300]}") from error
    assert done.exit_code in (0, 1, 2), what
    if done.exit_code:
        assert done.stderr.strip() and len(done.stderr) < 4000, f"{what}: {done.stderr[:200]}"
    return done.exit_code


def broken(n: int, make: Callable[[random.Random], bytes]) -> Iterator[tuple[str, bytes]]:
    """`n` files from the seed, each with how to make it alone."""
    for place in range(n):
        yield f"seed {SEED}, file {place}", make(random.Random(f"{SEED} {place}"))


def of_lines(content: bytes, chance: random.Random) -> bytes:
    return mutated.of_json(json.loads(content), chance).encode(errors="surrogatepass")


def test_five_hundred_task_files(made):
    """Invariant: a task file is shown or refused, and the store is what it was."""
    pairs, before = [json.dumps(PAIR).encode(), json.dumps(TEXT).encode()], content(made.store)
    codes = []
    for place, (what, data) in enumerate(
        broken(500, lambda c: mutated.chosen([*pairs, CSV, YEARS], c, mutated.of_bytes))
    ):
        if place % 2:
            data = of_lines(pairs[place // 2 % 2], random.Random(what))
        kind = "csv" if data[:6] == b"clean," or place % 10 == 8 else "jsonl"
        (made.folder / f"pairs.{kind}").write_bytes(data)
        codes.append(answered(made, what, "tasks", "show", f"pairs.{kind}", "--model", "sample-0.1m"))
    assert content(made.store) == before
    assert 0 < codes.count(0) < 250


def a_checkpoint(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(SAMPLE / "step0", folder / "step0"))


def test_four_hundred_configs(made):
    """Invariant: planned or refused; and loaded, or refused before anything is built for which there is no room."""
    before, valid, codes = content(made.store), json.loads((SAMPLE / "step0" / "config.json").read_text()), []
    folder = a_checkpoint(made.folder / "configs")
    for place, (what, data) in enumerate(broken(400, lambda c: of_config(valid, c))):
        (folder / "config.json").write_bytes(data)
        codes.append(answered(made, what, "run", "configs", "--dry-run"))
        if place % 2:
            loads(what, folder)
    assert content(made.store) == before
    assert 0 < codes.count(0)


def of_config(valid: dict[str, Any], chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return mutated.of_bytes(json.dumps(valid).encode(), chance)
    return mutated.of_json(valid, chance).encode(errors="surrogatepass")


def loads(what: str, folder: Path) -> bool:
    from circuit_core import loading
    from circuit_core.errors import CircuitError

    try:
        with soon():
            loading.load(folder)
    except CircuitError as error:
        assert str(error) and len(str(error)) < 4000, what
        return False
    except (Exception, Hang) as error:
        raise AssertionError(f"{what}: loading raised {type(error).__name__}: {str(error)[:300]}") from error
    return True


def test_four_hundred_headers(made):
    """Invariant: weights are described or refused by their header, whatever it says of them."""
    before, valid, codes = content(made.store), (SAMPLE / "step0" / "model.safetensors").read_bytes(), []
    folder = a_checkpoint(made.folder / "headers")
    for what, data in broken(400, lambda c: mutated.of_safetensors(valid, c)):
        (folder / "model.safetensors").write_bytes(data)
        codes.append(answered(made, what, "run", "headers", "--dry-run"))
        loads(what, folder)
    assert content(made.store) == before
    assert 0 < codes.count(0)


def test_four_hundred_circuit_files(made):
    """Invariant: a circuit is taken whole, or nothing of it: the store is what it was."""
    folder = GOLDEN / "neox_parallel"
    document = json.loads((folder / "eap_ig_graph.json").read_text())
    pickled = (folder / "eap_ig_graph.pt").read_bytes()
    whole, before, counted, codes = made.store.read_bytes(), content(made.store), rows(made.store), []

    def make(chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return mutated.of_json(document, chance).encode(errors="surrogatepass")
        if chance.random() < 0.5:
            return mutated.of_bytes(chance.choice((pickled, json.dumps(document).encode())), chance)
        return of_pt(pickled, chance)

    for what, data in broken(400, make):
        (made.folder / "circuit").write_bytes(data)
        codes.append(answered(made, what, "circuit", "import", "circuit", "--model", "golden", *IMPORT))
        if codes[-1]:
            assert rows(made.store) == counted, what
            assert codes.count(2) % 10 or content(made.store) == before, what
        else:
            for end in ("", "-wal", "-shm"):
                Path(f"{made.store}{end}").unlink(missing_ok=True)
            made.store.write_bytes(whole)
    assert 0 < codes.count(0)


def of_pt(valid: bytes, chance: random.Random) -> bytes:
    """A .pt file with one value of another kind or size."""
    tensors = torch.load(io.BytesIO(valid), weights_only=True)
    key = chance.choice(list(tensors))
    huge = torch.zeros(1, dtype=torch.float16).expand(10**6, 10**6)
    other = [huge, torch.zeros(3), torch.zeros(2, 2).to_sparse(), torch.tensor(1 + 1j), *mutated.VALUES]
    if key == "cfg" and chance.random() < 0.8:
        tensors["cfg"][chance.choice(list(tensors["cfg"]))] = chance.choice(other)
    else:
        tensors[key] = chance.choice(other)
    if chance.random() < 0.2:
        tensors["further"] = chance.choice(other)
    written = io.BytesIO()
    torch.save(tensors, written)
    return written.getvalue()


LOOKS = (
    *(("info",), ("show", "models"), ("show", "heads", "--json"), ("export", "behaviour"), ("models",), ("tasks",)),
    *(("jobs",), ("show", "circuits"), ("show", "units"), ("tasks", "show", "ioi", "--model", "golden")),
    *(("verify",), ("run", "golden", "--dry-run"), ("circuit", "export", "golden@0/ioi", "--format", "eap-ig-json")),
)


def test_three_hundred_stores(made):
    """Invariant: a damaged store is read as far as it can be or refused, and looking changes none of its bytes."""
    valid, place, codes = made.store.read_bytes(), made.folder / "broken.db", []
    for number, (what, data) in enumerate(broken(300, lambda c: of_store(valid, c))):
        place.write_bytes(data)
        codes.append(answered(made, what, "--store", place, *LOOKS[number % len(LOOKS)]))
        assert place.read_bytes() == data, what
        for end in ("-wal", "-shm", "-journal"):
            Path(f"{place}{end}").unlink(missing_ok=True)
    assert 0 < codes.count(0)


def test_a_hundred_stores_to_merge(made):
    """Invariant: a damaged store is merged, or refused; it keeps its bytes, and every result that was here stays."""
    valid, place, codes, before = made.store.read_bytes(), made.folder / "other.db", [], found(made.store)
    for number, (what, data) in enumerate(broken(100, lambda c: of_store(valid, c))):
        into = made.folder / f"into{number}.db"  # a command that failed may hold its store until it is forgotten
        place.write_bytes(data)
        into.write_bytes(valid)
        codes.append(answered(made, what, "--store", into, "merge", place))
        assert place.read_bytes() == data, what
        assert before <= found(into), what
        for store in (place, into):
            for end in ("-wal", "-shm", "-journal"):
                Path(f"{store}{end}").unlink(missing_ok=True)
    assert 0 < codes.count(0) < 100


def of_store(valid: bytes, chance: random.Random) -> bytes:
    """Bytes exchanged anywhere, within the schema, or values by SQL."""
    if chance.random() < 0.3:
        return mutated.of_bytes(valid, chance)
    if chance.random() < 0.3:
        at = chance.randrange(100)
        return (
            mutated.of_bytes(valid[:at] + bytes([chance.randrange(256)]) + valid[at + 1 : 4096], chance) + valid[4096:]
        )
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(valid[:18] + b"\1\1" + valid[20:])  # without a write-ahead log, for which memory has no place
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.randrange(1, 6)):
            table = chance.choice(tables)
            column = chance.choice([row[1] for row in db.execute(f'PRAGMA table_info("{table}")')])
            value = chance.choice(ODD_VALUES)
            try:
                db.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))
            except sqlite3.Error:
                continue
        db.commit()
        return db.serialize()


ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        0,
        -1,
        2**63 - 1,
        1.5,
        float("inf"),
        float("nan"),
        "",
        "x",
        "\0",
        "{",
        "[]",
        "{}",
        "[" * 3000,
        "null",
        "1e999",
    ),
    *(b"", b"\xff\xfe", b"\0" * 1000, "x" * 100_000, "a\x1b[31m\nb", '{"a": [[]]}', "NaN", "Infinity", os.devnull),
)
