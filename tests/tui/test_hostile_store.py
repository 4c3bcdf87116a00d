"""A store in which every name is an attack, opened in the real explorer and printed by real commands."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from contextlib import suppress

import hostile
import pytest
import recorded
from attended import LEFT, PATIENCE, Attended
from waiting import until

from circuit_store import models, results
from circuit_store.queue import requests, units
from circuit_store.task_files import TaskFile, add_task_file

pytestmark = pytest.mark.processes

ESCAPE = f"\x1b]0;{hostile.MARK}\x07"
NAMES = [
    *(f"{ESCAPE}{place} seen" for place in range(3)),
    *("[bold]b[/bold] seen", "[/] seen", "[@click=app.quit]q[/] seen", "[red seen", "\\[ seen", "$text seen"),
    *("=1+1 seen", "a\nb seen", "a\r\nb\tc seen", "\x00 seen", "\x9b31m seen", "\x90q seen"),
    *("\u202e seen", "\u2066 seen", "%s {0} seen", "|seen|", "<b>seen</b>", "a/../b seen"),
    *("模型 seen", "🏳️\u200d🌈 seen", "seen " * 2048),
]  # fmt: skip
PAIR = '{"clean_ids": [1, 2], "corrupted_ids": [1, 3], "correct_ids": 5, "wrong_ids": 6}'


@pytest.fixture
def attacked(maker, tmp_path):
    """A model for each name, in which the task, the role, the reasons and the error bear it too."""
    db = maker.db
    for place, name in enumerate(NAMES):
        model = models.Model(f"m{place}", name, name, 100, 2, 2, 48, True, tokens_per_step=1)
        ids = models.add_model(db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in (1, 2)])
        run = requests.add_run(db, {"models": [name]}, list(ids.values()))
        for checkpoint in ids.values():
            fill(db, name, run, checkpoint)
        unit = units.take_unit(db)
        assert unit
        unit.finish("failed", 0.1, f"reason {name}")
        models.checkpoint_loaded(db, ids[1], "unreadable", detail=f"detail {name}")
        db.execute("UPDATE model SET name = ? WHERE name = ?", (name, f"m{place}"))
        add_task_file(db, TaskFile(name, f"hash {name}", "jsonl", PAIR))
    db.execute("UPDATE unit SET state = 'interrupted' WHERE state = 'queued'")
    return tmp_path / "store.db"


def fill(db, name: str, run: int, checkpoint: int) -> None:
    task = results.TaskRecord(name, f"hash {name}", name, False)

    def write(analysis: str, found: results.Record, **more) -> None:
        of = results.Provenance(
            f"{checkpoint} {analysis} {more}",
            run,
            checkpoint,
            analysis,
            {"method": name},
            name,
            name,
            name,
            0.5,
            **more,
        )
        results.write(db, of, found)

    write("behaviour", recorded.behaviour(1.0, 0.1, 0.9, 1.1, 64, 0.7), task=task)
    write("heads", recorded.head_scores([(i, j, 0.6, 0.7, 0.1) for i in range(2) for j in range(2)]), role=name)
    write("heads", results.Undefined(f"reason {name}"), role=f"undefined {name}")
    write("circuit", recorded.circuit({}, 9, [(0, 1, 1.0)], (0, 0), imported_from=name, reason=name), task=task)
    stage = recorded.stage(name, 50.0, 40.0, 60.0, {name: [name]}, name, True, f"reason {name}")
    write("algorithm", recorded.algorithm([stage]), task=task)
    write("attention", recorded.attention([[name, "END"]], [[[9000, 1000]] * 4]), task=task)


async def test_every_page_shows_hostile_names_as_text(explore, attacked, screen_text):
    """Invariant: with any name chosen, every pane and page stands, shows the name as text, and steers nothing."""
    async with explore(size=(100, 30)) as (app, pilot):
        for name in NAMES[::2]:
            app.main.choose(model=name, step=2, role=name, task=name)
            await pilot.pause()
            text = screen_text(app)
            assert app.main.look.at.task == name and hostile.harmless(text, 30), ascii(name)
            assert "seen" in text.split("\n")[0] and hostile.MARK in text.split("\n")[0] or hostile.MARK not in name
        for key in "i escape W escape A escape a escape ctrl+o g z e y ctrl+o f B ctrl+o s colon b o l d".split():
            await pilot.press(key)
            assert hostile.harmless(screen_text(app), 30), key
        await until(pilot, lambda: "[bold]b[/bold]" in screen_text(app))
        assert hostile.harmless(screen_text(app), 30)


COMMANDS = [
    *(("show", "models"), ("show", "behaviour"), ("show", "circuit"), ("export", "heads", "--format", "markdown")),
    *(("show", "units"), ("jobs",), ("jobs", "show", "5"), ("show", "models", "--json"), ("export", "units")),
    *(("tasks",), ("show", "models", ESCAPE), ("show", ESCAPE), ("jobs", "logs", "5"), ("models",)),
]
SEVERAL = """
import json, sys
from circuit_tui.cli import main
for args in json.loads(sys.argv[1]):
    try:
        main(args)
    except SystemExit as end:
        print("ended", end.code, flush=True)
"""


def test_commands_on_a_terminal_print_hostile_names_as_text(attacked, apart):
    """Invariant: on a terminal no command writes an escape, a control or a turned direction; names are there as text.

    Even CSV, whose bytes are exact in a file and in a pipe.
    """
    env = {**os.environ, "CIRCUIT_TUI_STORE": str(attacked), "PYTHONPATH": os.pathsep.join(sys.path)}
    ours, theirs = pty.openpty()
    asked = json.dumps(COMMANDS)
    process = subprocess.Popen([sys.executable, "-P", "-c", SEVERAL, asked], env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told = read(ours, lambda found: process.poll() is not None)
    assert told.count("ended") == len(COMMANDS) and told.count("ended 0") == len(COMMANDS) - 2, told[-2000:]
    assert hostile.harmless(told.replace("\r\n", "\n"), told.count("\n"))
    assert "Traceback" not in told and told.count(hostile.MARK) > 3 * len(COMMANDS)
    assert all(plain in told for plain in ("[bold]b[/bold] seen", "[@click=app.quit]q[/]", "%s {0} seen"))


def test_the_explorer_lets_no_name_steer_its_terminal(attacked):
    """Invariant: in the bytes that the explorer writes there is no sequence but its own, whichever name is chosen."""
    explorer = Attended(attacked, size=(160, 50))
    try:
        told = explorer.read_until(b"seen")
        for key in b"j" * len(NAMES) + b"2354B":
            explorer.press(bytes([key]))
            told += explorer.read_until(b"never", 0.1)
        explorer.press(b"q")
        told += explorer.read_until(LEFT)
        assert LEFT in told and explorer.status() == 0
    finally:
        explorer.close()
    assert told.count(hostile.MARK.encode()) > 3
    assert hostile.FORBIDDEN.findall(OWN.sub("", told.decode()).replace("\r", "")) == []


OWN = re.compile("\x1b(?:\\[[0-9;?<>=$ ]*[A-Za-z]|[78=>]|]22;[a-z]*\x07)")
"""Colours, places, modes and questions; the shape of the pointer."""


def read(screen: int, done, seconds: float = PATIENCE) -> str:
    """What is written to a terminal until a condition holds and it is silent."""
    found, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([screen], [], [], 0.1)[0]:
            with suppress(OSError):
                found += os.read(screen, 65536)
                continue
        if done(found):
            break
    return found.decode(errors="replace")
