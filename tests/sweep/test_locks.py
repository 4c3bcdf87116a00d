"""The lock beside a store: made for whom the store is, and whatever else lies in its place is named with its owner."""

import os
import pwd
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import here
import pytest
from colleague import NOBODY, needed, office, with_rights_of_nobody
from console import answer

from circuit_core.models import checkpoints, suites
from circuit_sweep.runner import exit_codes, launch

pytestmark = pytest.mark.processes
__all__ = ["office"]

STEPS = [found.step for found in checkpoints.discover(suites.sample_folder() / "sample-0.1m")][:4]
QUICK = ("--analyses", "behaviour")
RUN = ("run", "sample-0.1m", "--checkpoints", str(STEPS[0]), *QUICK)


def link(path: Path) -> None:
    path.with_name("target").touch(0o644)
    path.symlink_to(path.with_name("target"))


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


LOCKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "a folder"),
    "pipe": (os.mkfifo, "a FIFO"),
    "link": (link, "a link"),
    "dangling": (dangling, "a link"),
}


def unattended(bench, *command: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "start", lambda store, log: None)
        bench.told(*command)


@pytest.mark.parametrize("kind", LOCKS)
def test_what_is_no_lock_is_named(bench, kind):
    """Invariant: with a folder, a FIFO or a link in the lock's place, whatever would start a runner is refused in one
    sentence with lock and owner, at once and with nothing queued; nothing is followed, `jobs` says that nobody is at
    work, and a runner ends with a code of its own."""
    make, is_what = LOCKS[kind]
    unattended(bench, *RUN, "--detach")
    path = Path(f"{bench.store}.lock")
    make(path)
    before = bench.ask("SELECT * FROM run"), bench.ask("SELECT * FROM unit")
    says = f"The lock {path} is {is_what}, made by {pwd.getpwuid(os.lstat(path).st_uid).pw_name}"
    more = ("run", "sample-0.1m", "--checkpoints", "final", *QUICK)
    for command in (more, (*more, "--detach"), ("jobs", "resume")):
        out, err = bench.here(*command, code=2)
        assert (out, err.count("\n")) == ("", 1) and says in err
    assert (bench.ask("SELECT * FROM run"), bench.ask("SELECT * FROM unit")) == before
    for command in (("jobs",), ("jobs", "show", "1")):
        assert f"No runner of yours is at work: {says}" in bench.told(*command)[1]
    assert here.run(bench.store, bench.logged) == exit_codes.UNLOCKED and says in bench.log()
    assert not launch.alive(bench.store) and not path.with_name("nowhere").exists()
    if kind == "link":
        assert stat.S_IMODE(path.with_name("target").stat().st_mode) == 0o644


def test_a_lock_is_open_to_whom_the_store_is(bench):
    """Invariant: its mode is the store's without the right to execute, whatever it was before."""
    unattended(bench, *RUN, "--detach")
    for mode in (0o600, 0o664, 0o640):
        bench.store.chmod(mode)
        assert here.run(bench.store, bench.logged) == exit_codes.DONE
        assert stat.S_IMODE(os.stat(f"{bench.store}.lock").st_mode) == mode


@needed
def test_a_lock_of_another_user_is_named(bench, office):
    """Invariant: on a store that is open to a colleague, with a lock that is not, the colleague's commands name lock
    and owner, queue nothing and wait for nobody."""
    unattended(bench, *RUN, "--detach")
    bench.here("jobs", "resume")
    store = Path(shutil.copy(bench.store, office / "store.db"))
    shared(store)
    lock = office / "store.db.lock"
    lock.touch(0o600)
    env = bench.env | {"CIRCUIT_TUI_STORE": str(store), "XDG_STATE_HOME": str(office / "theirs")}

    def theirs() -> None:
        for more in ((), ("--detach",)):
            done = answer(office, env, "run", "sample-0.1m", "--checkpoints", "final", *QUICK, *more)
            assert done.exit_code == 2 and f"The lock {lock} belongs to root" in done.stderr, done.stderr
            assert f"chmod {store.stat().st_mode & 0o666:o} {lock}`" in done.stderr
        done = answer(office, env, "jobs", "resume")
        assert done.exit_code == 2 and f"The lock {lock} belongs to root" in done.stderr, done.stderr

    with_rights_of_nobody(theirs)
    lock.unlink()


def shared(store: Path) -> None:
    """As the page on jobs says."""
    for path, more in ((store.parent, 0o2070), *((file, 0o060) for file in store.parent.glob(f"{store.name}*"))):
        os.chown(path, -1, NOBODY.pw_gid)
        path.chmod(stat.S_IMODE(path.stat().st_mode) | more)


@needed
def test_a_store_is_shared_by_chmod(bench, office):
    """Invariant: in turn, two accounts compute into one store, opened to their group as the page on jobs says."""
    models = shutil.copytree(bench.copy("mine", *STEPS), office / "mine")
    for path in (models, *models.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    bench.store = office / "store.db"
    bench.env["CIRCUIT_TUI_STORE"] = str(bench.store)
    one, two, three, four = (("run", str(models), "--checkpoints", str(step), *QUICK) for step in STEPS)
    bench.here(*one)
    shared(bench.store)

    (office / "theirs").mkdir()
    (office / "theirs").chmod(0o777)

    def theirs(command: tuple[str, ...]) -> None:
        bench.folder = office
        bench.env["XDG_STATE_HOME"] = str(office / "theirs")
        assert "1 checkpoint computed" in bench.here(*command)[1]
        assert "No runner" not in bench.told("jobs")[1]

    with_rights_of_nobody(lambda: theirs(two))
    bench.here(*three)
    with_rights_of_nobody(lambda: theirs(four))
    assert [unit[0] for unit in bench.units().values()] == ["done"] * 4
