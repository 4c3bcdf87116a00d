"""How it looks at each size, and that no key is undocumented."""

import pytest
from waiting import drawn, until

from circuit_tui.explorer import bindings
from circuit_tui.explorer.app import Explorer
from circuit_tui.explorer.widgets.pane import Pane

pytestmark = [pytest.mark.usefixtures("path"), pytest.mark.long]
SIZES = [(80, 24), (120, 40), (200, 60)]


def shown(app) -> list[str]:
    return sorted(pane.NAME for pane in app.main.query(Pane) if pane.region.area)


async def test_panes_share_the_screen_where_there_is_room(explore):
    async with explore(size=(120, 40)) as (app, pilot):
        assert shown(app) == sorted(bindings.PANES)
        await pilot.press("ctrl+o", "g", "plus")
        await pilot.pause()
        assert shown(app) == ["circuit"]
        await pilot.press("escape")
        await pilot.pause()
        assert shown(app) == sorted(bindings.PANES)


async def test_one_pane_at_a_time_where_there_is_not(explore, screen_text):
    async with explore(size=(80, 24)) as (app, pilot):
        for letter, name in zip("asdfg", bindings.PANES, strict=True):
            await pilot.press("ctrl+o", letter)
            await pilot.pause()
            assert shown(app) == [name] and f"[{name}]" in screen_text(app)
            assert app.main.focused is app.main.pane.body
        await pilot.press("tab", "enter", "enter", "shift+tab")
        await pilot.pause()
        assert shown(app) == ["checkpoints"]


async def test_nothing_is_wider_than_the_screen(explore, screen_text):
    for size in SIZES:
        async with explore(size=size) as (app, pilot):
            for letter in "asdfg":
                await pilot.press("ctrl+o", letter)
                assert not any(w.show_horizontal_scrollbar for w in app.main.query("*"))
            await until(pilot, lambda app=app: {"Help", "Quit"} <= set(screen_text(app).splitlines()[-1].split()))


async def test_too_small_says_so_and_growing_brings_it_back(explore, screen_text):
    async with explore(size=(120, 40)) as (app, pilot):
        for size in ((59, 30), (100, 14), (20, 5), (1, 1)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert not shown(app) and "Heads" not in screen_text(app)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert len(shown(app)) == 1
        for width, height in ((61, 16), (250, 15), (99, 80), (100, 23), (160, 24), (120, 40)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        assert shown(app) == sorted(bindings.PANES)


async def test_every_key_is_in_the_help_and_in_the_palette(explore):
    async with explore() as (app, pilot):
        titles = [command.title for command in app.get_system_commands(app.main)]
        await pilot.press("question_mark")
        text = app.screen.text("").plain
        for key in bindings.KEYS:
            assert key.tip in text and key.display in text and key.tip in titles
        await pilot.press(*"lapse")
        assert "time-lapse" in app.screen.text("lapse").plain and "Leave" not in app.screen.text("lapse").plain
        await pilot.press("escape")
        assert app.screen is app.main


async def test_the_tips_of_the_help_stand_below_each_other(explore, screen_text):
    groups = {key.group for key in bindings.KEYS}
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        for _ in range(6):
            await pilot.pause()
            lines = [line[6:72].rstrip() for line in screen_text(app).splitlines()[4:-3]]
            assert all(line in groups or line.startswith("  ") for line in lines if line), lines
            await pilot.press("pagedown")


async def test_every_key_has_an_action_and_no_two_collide(explore):
    async with explore() as (app, _):
        for pane in (None, *bindings.PANES):
            keys = [key for key in bindings.KEYS if (pane in key.where if pane else not key.where)]
            held = [name for key in keys for name in key.keys.split(",")]
            assert len(held) == len(set(held))
            for key in keys:
                *namespace, name = key.action.split("(")[0].split(".")
                here = app.main.of(pane) if pane else app.main
                owner = {"app": app, "screen": app.main}[namespace[0]] if namespace else here
                assert hasattr(owner, f"action_{name}"), key.id
        assert len({key.id for key in bindings.KEYS}) == len(bindings.KEYS)
        assert not {"ctrl+m", "ctrl+h", "ctrl+i", "ctrl+j"} & {k for key in bindings.KEYS for k in key.keys.split(",")}


async def test_the_palette_runs_a_key_of_another_pane_and_choices(explore):
    async with explore() as (app, pilot):
        commands = {command.title: command.callback for command in app.get_system_commands(app.main)}
        await commands["Plot the task's metric, or heads again"]()
        assert app.main.of("history").of_task and app.main.pane_name == "history"
        commands["step 64"]()
        await pilot.pause()
        assert app.main.look.at.step == 64
        commands["role successor"]()
        await pilot.pause()
        assert app.main.look.at.role == "successor"


async def test_without_colour_the_values_can_be_read(explore, monkeypatch, screen_text):
    monkeypatch.setenv("NO_COLOR", "1")
    async with explore() as (app, _):
        assert app.no_color and "│   .89    │" in screen_text(app) and "›▾ logits" in screen_text(app)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_snapshot(snap_compare, tmp_path, monkeypatch, size):
    assert snap_compare(_at(tmp_path), terminal_size=size, run_before=_pressed("ctrl+o", "d", "comma", "asterisk"))


def test_snapshot_circuit(snap_compare, tmp_path):
    pressed = _pressed("t", "ctrl+o", "g", "z", "right_curly_bracket", "j", "j")
    assert snap_compare(_at(tmp_path), terminal_size=(80, 24), run_before=pressed)


def _at(tmp_path) -> Explorer:
    """The store's path is on the screen: it must be the same everywhere."""
    app = Explorer(tmp_path / "store.db")
    app.main.store = type(tmp_path)("store.db")
    return app


def _pressed(*keys: str):
    """Press the keys where the plot is there, each once all that the one before began is on the screen."""

    async def press(pilot) -> None:
        main = pilot.app.main
        await until(pilot, lambda: main.query("#history") and main.of("history").plot)
        await _settled(pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(pilot)

    return press


async def _settled(pilot) -> None:
    """Until what is drawn once no query is under way looks like what was there before."""
    before = ""
    while (now := pilot.app.export_screenshot()) != before:
        before = now
        await pilot.app.workers.wait_for_complete()
        await drawn(pilot)
