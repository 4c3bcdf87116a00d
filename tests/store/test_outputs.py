"""What is written for a user is never one of the program's own files, and is whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
from room import room

from circuit_store import output_files
from circuit_store.errors import OutputRefused, OutputUnwritten

OLD = b"of before\n" * 100
NEW = b"of now\n" * 100_000


@pytest.fixture
def store(tmp_path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "s.db").write_bytes(OLD)
    return tmp_path / "a" / "s.db"


def hard(store: Path, end: str) -> Path:
    path = store.with_name("hard")
    path.hardlink_to(f"{store}{end}")
    return path


def soft(store: Path, end: str) -> Path:
    path = store.with_name("soft")
    path.symlink_to(f"{store.name}{end}")
    return path


def through_a_folder(store: Path, end: str) -> Path:
    folder = store.parents[1] / "b"
    folder.symlink_to("a")
    return folder / f"{store.name}{end}"


def relative(store: Path, end: str) -> Path:
    os.chdir(store.parents[1])
    return Path("a") / ".." / "a" / f"{store.name}{end}"


WAYS = [lambda store, end: Path(f"{store}{end}"), relative, soft, through_a_folder]


@pytest.mark.parametrize("end", ["", *output_files.COMPANIONS])
@pytest.mark.parametrize("way", [*WAYS, hard], ids=["path", "relative", "link", "folder", "hard"])
@pytest.mark.parametrize("there", [True, False])
def test_no_output_is_of_the_store(store, way, end, there, monkeypatch):
    """Invariant: the store and what lies beside it are refused however they are reached, there or not yet."""
    monkeypatch.chdir(store.parent)
    if end and (there or way is hard):
        Path(f"{store}{end}").write_bytes(OLD)
    path = way(store, end)
    for writing in (output_files.replacing, output_files.new):
        with pytest.raises(OutputRefused, match=rf"^{path} is .*the store.*: name another file\.$"):
            with writing(path, output_files.of_store(store)):
                raise AssertionError
    assert store.read_bytes() == OLD


@pytest.mark.parametrize("end", ["", *output_files.COMPANIONS])
def test_a_store_that_is_a_link_is_refused_at_both_ends(store, end):
    """Invariant: SQLite keeps its log beside what the link leads to, the lock lies beside the link."""
    link = store.parents[1] / "link.db"
    link.symlink_to("a/s.db")
    for base in (link, store):
        with pytest.raises(OutputRefused):
            output_files.refuse(Path(f"{base}{end}"), output_files.of_store(link))
    output_files.refuse(store.with_name("s.db.csv"), output_files.of_store(link))


def test_a_full_disk_leaves_what_was_there(tmp_path):
    """Invariant: the old file whole, of a new one nothing, no other file; the sentence names what was named."""
    (tmp_path / "old").write_bytes(OLD)
    for name, writing in (("old", output_files.replacing), ("new", output_files.replacing), ("copy", output_files.new)):
        path = tmp_path / name
        with (
            room(100_000),
            pytest.raises(OutputUnwritten, match=rf"^{path} cannot be written \(File too large\): make"),
        ):
            with writing(path, {}) as file:
                file.write(NEW)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old", OLD)]


def test_an_error_leaves_what_was_there(tmp_path):
    (tmp_path / "old").write_bytes(OLD)
    for name in ("old", "new"):
        with pytest.raises(ZeroDivisionError), output_files.replacing(tmp_path / name, {}) as file:
            file.write(NEW)
            raise ZeroDivisionError
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old", OLD)]


def test_it_is_seen_whole_or_not_at_all(tmp_path):
    """Invariant: while it is written, who looks sees the old file."""
    path = tmp_path / "x"
    path.write_bytes(OLD)
    with output_files.replacing(path, {}) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW and list(tmp_path.iterdir()) == [path]


def test_mode_and_link_stay(tmp_path):
    """Invariant: a link still leads to the file, which keeps its mode; a new one has what the mask leaves."""
    (tmp_path / "folder").mkdir()
    (path := tmp_path / "folder" / "x").write_bytes(OLD)
    path.chmod(0o640)
    (link := tmp_path / "link").symlink_to("folder/x")
    (ahead := tmp_path / "ahead").symlink_to("folder/y")
    before = os.umask(0o027)
    try:
        for at, mode in ((link, 0o666), (ahead, 0o666), (tmp_path / "mine", 0o600)):
            with output_files.replacing(at, {}, mode) as file:
                file.write(NEW)
    finally:
        os.umask(before)
    assert link.is_symlink() and path.read_bytes() == NEW and (tmp_path / "folder" / "y").read_bytes() == NEW
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, ahead, tmp_path / "mine")]
    assert modes == [0o640, 0o640, 0o600]


def test_a_pipe_gets_all_or_nothing(tmp_path):
    """Invariant: a FIFO stays one, and reads what was written to the end."""
    os.mkfifo(path := tmp_path / "pipe")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with output_files.replacing(path, {}) as file:
        file.write(OLD)
    assert os.read(reader, 2 * len(OLD)) == OLD
    with pytest.raises(ZeroDivisionError), output_files.replacing(path, {}) as file:
        file.write(OLD)
        raise ZeroDivisionError
    assert os.read(reader, 10) == b"" and stat.S_ISFIFO(path.stat().st_mode)
    os.close(reader)


def test_devices_stay_devices():
    with output_files.replacing(Path("/dev/null"), {}) as file:
        file.write(NEW)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OutputUnwritten, match="^/dev/full cannot be written .No space left on device"):
        with output_files.replacing(Path("/dev/full"), {}) as file:
            file.write(NEW)


def test_stdout_by_name_is_written_where_it_stands(tmp_path):
    """Invariant: a file that stdout was redirected to holds what was printed before and after, too."""
    path, saved = tmp_path / "x", os.dup(1)
    try:
        with open(path, "ab") as file:
            os.dup2(file.fileno(), 1)
        os.write(1, b"before ")
        with output_files.replacing(Path("/dev/stdout"), {}) as file:
            file.write(b"within ")
        os.write(1, b"after")
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    assert path.read_bytes() == b"before within after"


@pytest.mark.parametrize("name", ["no/such/x", ".", "file/x", "x" * 300, "loop"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputRefused, match=r"cannot be written \([A-Z].*\): name another file\.$"):
        with output_files.replacing(tmp_path / name, {}):
            raise AssertionError


def test_a_new_file_overwrites_nothing(tmp_path):
    """Invariant: neither what is there, nor a link to nothing, nor what comes meanwhile."""
    (tmp_path / "x").write_bytes(OLD)
    (tmp_path / "link").symlink_to("nothing")
    for name in ("x", "link"):
        with pytest.raises(FileExistsError), output_files.new(tmp_path / name, {}):
            raise AssertionError
    with pytest.raises(FileExistsError), output_files.new(tmp_path / "y", {}) as file:
        file.write(NEW)
        (tmp_path / "y").write_bytes(OLD)
    assert {p.name for p in tmp_path.iterdir()} == {"x", "link", "y"} and (tmp_path / "y").read_bytes() == OLD


def test_where_there_are_no_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: os.open("/dev/null/x", 0))
    with output_files.new(tmp_path / "x", {}) as file:
        file.write(NEW)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x", NEW)]
