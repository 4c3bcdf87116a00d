"""Which kind of file system a path lies on. On one that several hosts share, SQLite's write-ahead log is unsafe."""

import os
import re
from pathlib import Path

SHARED = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "afs", "9p"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.beegfs", "orangefs", "panfs", "wekafs"),
}


def kind(path: Path, mountinfo: str | None = None) -> str | None:
    """Type of the file system, by the mount that is nearest above the path; None where it is not known.

    Args:
        mountinfo: text of /proc/self/mountinfo; None to read it.
    """
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        except OSError:  # there is none but on Linux
            return None
    path, found = Path(os.path.realpath(path)), (-1, "")  # also of a loop of links
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))  # spaces and such
        if path.is_relative_to(mount) and len(mount.parts) >= found[0]:
            found = (len(mount.parts), after.split()[0])
    return found[1] or None


def shared(path: Path, mountinfo: str | None = None) -> bool:
    """Whether other hosts may have the path's file system mounted as well."""
    return kind(path, mountinfo) in SHARED
