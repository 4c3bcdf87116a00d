"""Which file systems several hosts share, read from the text of a mount table."""

from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import filesystem, store

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


def test_without_a_mount_table_nothing_is_claimed():
    """Invariant: an empty table gives no kind, and so no shared file system."""
    assert filesystem.kind(Path("/x"), "") is None and not filesystem.shared(Path("/x"), "")


def test_a_store_on_a_shared_file_system_keeps_no_log_ahead(path, monkeypatch):
    """Invariant: there SQLite's rollback journal is used, which needs no memory shared between hosts."""
    modes = []
    for shared in (False, True):
        monkeypatch.setattr(filesystem, "shared", lambda path, shared=shared: shared)
        with closing(store.open_to_write(path.with_suffix(f".{shared}"))) as db:
            modes.append(db.execute("PRAGMA journal_mode").fetchone()[0])
    assert modes == ["wal", "delete"]
