"""A second account: what is done with the rights of `nobody`, where the tests run as root."""

import os
import pwd
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = pwd.getpwnam("nobody")
needed = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for a second account")


def with_rights_of_nobody(do: Callable[[], None]) -> None:
    """Do something in a process of its own, which must not raise."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            do()
        except BaseException:
            os.write(theirs, traceback.format_exc().encode()[-60_000:])
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(theirs)
    with open(ours) as told:
        said = told.read()
    os.waitpid(child, 0)
    assert not said, said


@pytest.fixture
def office() -> Iterator[Path]:
    """A folder that every account reaches."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
