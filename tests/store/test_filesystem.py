"""Which file systems several hosts share, read from the text of a mount table."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import filesystem, journal, maintenance, store

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,nosuid shared:9 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/me/local rw - xfs /dev/sdb1 rw
32 22 0:41 / /my\040scratch rw master:3 - lustre 10.0.0.1@tcp:/scratch rw,flock
""".strip()


@pytest.mark.parametrize(
    "path, kind, shared",
    [
        ("/var/store.db", "ext4", False),
        ("/home/me/store.db", "nfs4", True),
        ("/home/me/local/store.db", "xfs", False),
        ("/homely/store.db", "ext4", False),
        ("/my scratch/store.db", "lustre", True),
    ],
)
def test_the_nearest_mount_above_a_path_decides(path, kind, shared):
    """Invariant: of all mounts whose folder holds the path, the deepest says what it lies on."""
    assert filesystem.kind(Path(path), MOUNTS) == kind
    assert filesystem.shared(Path(path), MOUNTS) == shared


def test_mounts_may_have_names_that_are_not_utf8(tmp_path, monkeypatch):
    """Invariant: one such mount, somewhere, hides neither itself nor the others."""
    table, read = tmp_path / "mountinfo", Path.read_text
    table.write_bytes(MOUNTS.encode() + b"\n33 22 0:42 / /m\xff rw - nfs server:/m rw")
    monkeypatch.setattr(Path, "read_text", lambda path, *given, **more: read(table, *given, **more))
    assert filesystem.kind(Path(os.fsdecode(b"/m\xff/store.db"))) == "nfs"
    assert filesystem.kind(Path("/var/store.db")) == "ext4"


def test_without_a_mount_table_nothing_is_claimed():
    """Invariant: an empty table gives no kind, and so no shared file system."""
    assert filesystem.kind(Path("/x"), "") is None and not filesystem.shared(Path("/x"), "")


def test_a_link_lies_where_it_leads(tmp_path):
    """Invariant: a store that is named by a link is on the file system of the file."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    mounts = f"{MOUNTS}\n33 22 0:42 / {tmp_path}/there rw - nfs server:/there rw"
    assert filesystem.kind(tmp_path / "link" / "store.db", mounts) == "nfs"


def mode_of(db) -> str:
    return db.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_store_on_a_shared_file_system_keeps_no_log_ahead(path, monkeypatch):
    """Invariant: there SQLite's rollback journal is used, which needs no memory shared between hosts."""
    modes = []
    for shared in (False, True):
        monkeypatch.setattr(filesystem, "shared", lambda path, shared=shared: shared)
        with closing(store.open_to_write(path.with_suffix(f".{shared}"))) as db:
            modes.append(mode_of(db))
    assert modes == ["wal", "delete"]


def test_the_journal_is_chosen_at_every_opening(toy, monkeypatch):
    """Invariant: a store that was moved between file systems keeps the journal of the one where it is, and its rows."""
    toy.db.close()
    modes = []
    for shared in (True, False, True):
        monkeypatch.setattr(filesystem, "shared", lambda path, shared=shared: shared)
        with closing(store.open_to_write(toy.path)) as db:
            modes.append(mode_of(db))
            assert db.execute("SELECT count(*) FROM unit").fetchone()[0] == 3
        assert journal.logs_ahead(toy.path) is not shared
    assert modes == ["delete", "wal", "delete"]


def test_a_copy_that_is_written_to_logs_ahead(toy):
    """Invariant: `backup` leaves one file without a log; a run on the copy is not slower, nor in its readers' way."""
    copy = toy.path.with_name("copy.db")
    maintenance.backup(toy.db, copy)
    assert journal.logs_ahead(copy) is False
    with closing(store.open_to_write(copy)) as db:
        assert mode_of(db) == "wal"


def test_a_log_that_another_has_open_stays_until_it_is_closed(toy, monkeypatch):
    """Invariant: SQLite cannot end it then; the store opens at once all the same, and the next opening ends it."""
    toy.db.close()
    monkeypatch.setattr(filesystem, "shared", lambda path: True)
    with closing(store.open_to_read(toy.path)) as reader:
        reader.execute("SELECT count(*) FROM unit").fetchone()
        waited: list[float] = []
        monkeypatch.setattr(journal.time, "sleep", waited.append)
        with closing(store.open_to_write(toy.path)) as db:
            assert mode_of(db) == "wal" and waited == []
    with closing(store.open_to_write(toy.path)) as db:
        assert mode_of(db) == "delete"
