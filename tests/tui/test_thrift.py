"""What is left out of the output stands on the terminal already, and nothing is drawn or read that nobody sees."""

import gc
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._compositor import Compositor
from textual._styles_cache import StylesCache
from textual.css.stylesheet import Stylesheet
from textual.geometry import Size
from textual.strip import Strip
from waiting import until

from circuit_tui.explorer.screens.help import Help
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.terminal.screen_diff import ScreenDiff, WrittenScreen

WIDTH, HEIGHT = 12, 2
STYLES = [None, Style(bold=True), Style(color="red")]
TEXTS = st.lists(st.tuples(st.text("ab日", min_size=1, max_size=3), st.sampled_from(STYLES)), min_size=1, max_size=3)


def cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """Each cell's character and style; a wide character fills its second cell with nothing."""
    found = []
    for text, style, _ in strip:
        for character in text:
            found += [(character, style)] + [("", style)] * (character == "日")
    return found


def paint(grid: dict, pieces) -> None:
    for x, y, strip in pieces:
        grid.update({(x + i, y): cell for i, cell in enumerate(cells(strip))})


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, HEIGHT - 1), TEXTS), max_size=4), max_size=6))
def test_changes_alone_paint_the_same_screen(updates):
    """Invariant: after each update the screen is the one that writing everything gives."""
    written, whole, spared = WrittenScreen(), {}, {}
    for update in updates:
        pieces = [(3 * x, y, Strip([Segment(*part) for part in parts])) for x, y, parts in update]
        paint(whole, pieces)
        paint(spared, written.changes(iter(pieces)))
        assert spared == whole


def test_what_looks_the_same_is_not_written_again_until_the_terminal_changes():
    written, piece = WrittenScreen(), (0, 0, Strip([Segment("heads")]))
    written.fit(Size(80, 24))
    assert list(written.changes(iter([piece]))) == [piece]
    assert list(written.changes(iter([piece]))) == []
    assert list(written.changes(iter([(0, 0, Strip([Segment("he")]))]))) == []
    written.fit(Size(81, 24))
    assert list(written.changes(iter([piece]))) == [piece]


def test_of_a_line_only_what_lies_between_the_changes_is_written():
    written = WrittenScreen()
    list(written.changes(iter([(4, 0, Strip([Segment("step 1250 ")]))])))
    after = Strip([Segment("step "), Segment("1500 ")])
    assert list(written.changes(iter([(4, 0, after)]))) == [(9, 0, Strip([Segment("1500")]))]
    assert list(written.changes(iter([(4, 0, Strip([Segment("step 1500 ")]))]))) == []


@pytest.fixture
def output(monkeypatch) -> list[str]:
    """What a terminal would be given."""
    given = []

    def display(app, screen, renderable) -> None:
        if isinstance(renderable, ScreenDiff):
            given.append(renderable.render_segments(app.console))

    monkeypatch.setattr("textual.app.App._display", display)
    return given


@pytest.mark.parametrize(
    ("keys", "titles"),
    [([], ("Models", "Circuit")), (["7"], ("Runs ·", "Units of run 2")), (["7", "L"], ("Log of",))],
)
async def test_r_and_a_resize_to_the_same_size_write_the_whole_screen(explore, db, output, screen_text, keys, titles):
    """Text of another program, or a terminal that was another size for a moment, does not stay."""
    async with explore() as (app, pilot):
        await pilot.press(*keys)
        await app.workers.wait_for_complete()
        await until(pilot, lambda: all(title in screen_text(app) for title in titles))
        for cause in (events.Key("r", "r"), events.Resize(app.size, app.size)):
            output.clear()
            app.post_message(cause)
            await until(pilot, lambda: all(title in "".join(output) for title in titles))


@pytest.fixture
def calls(monkeypatch):
    """How often methods are called from now on, by name."""
    counts: Counter[str] = Counter()

    def count(owner: type, name: str) -> None:
        counted = getattr(owner, name)

        def noted(*given, **how):
            counts[name] += 1
            return counted(*given, **how)

        monkeypatch.setattr(owner, name, noted)

    count(Compositor, "render_full_update")
    count(Stylesheet, "apply")
    return counts


async def test_another_pane_has_the_focus_without_a_new_widget_or_a_whole_screen(explore, db, calls, screen_text):
    async with explore() as (app, pilot):
        before = set(app.main.query("*"))
        for key, word in (("tab", "Sort"), ("tab", "Mark"), ("shift+tab", "Sort")):
            calls.clear()
            await pilot.press(key)
            assert word in screen_text(app).splitlines()[-1]
            assert set(app.main.query("*")) == before and not calls["render_full_update"]
            assert calls["apply"] < len(before)


async def test_a_click_on_a_key_of_the_last_line_is_the_key(explore, db, screen_text):
    async with explore() as (app, pilot):
        line = screen_text(app).splitlines()[-1]
        await pilot.click("KeyLine", offset=(line.index("?"), 0))
        assert isinstance(app.screen, Help)


async def test_a_step_on_a_page_reads_for_the_page_alone_and_the_panes_follow_when_it_closes(
    explore, db, calls, monkeypatch, screen_text
):
    async with explore() as (app, pilot):
        await pilot.press("tab", "tab", "A")
        await until(pilot, lambda: "Algorithm" in screen_text(app))
        page, asked, ask = app.screen, [], app.reader.ask
        monkeypatch.setattr(app.reader, "ask", lambda who, *given: asked.append(who) or ask(who, *given))
        calls.clear()
        await pilot.press("comma")
        assert set(asked) - {app} == {page} and app.main.look.at.step == 128 and app.main.of("heads").at.step == 256
        assert not calls["render_full_update"]
        await pilot.press("escape")
        assert all(pane.at.step == 128 for pane in app.main.panes)


async def test_the_plot_is_drawn_once_for_a_head_and_of_a_step_only_the_line(explore, db, monkeypatch, plotted):
    """Invariant: what stands there is what a plot that is drawn from the beginning shows."""
    async with explore() as (app, pilot):
        plot = app.main.of("history").plot
        drawn, draw = [], type(plot)._render_plot
        monkeypatch.setattr(type(plot), "_render_plot", lambda plot: drawn.append(plot) or draw(plot))
        await pilot.press("ctrl+o", "f", "ctrl+o", "d")
        assert not drawn
        for key in ("comma", "less_than_sign", "full_stop"):
            before = plotted(app)
            await pilot.press(key)
            assert not drawn and (after := plotted(app)) != before
            draw(plot)
            assert plotted(app) == after
        await pilot.press("j")
        assert len(drawn) == 1


async def test_the_plot_is_not_brought_where_nothing_is_to_be_plotted(explore, tmp_path):
    async with explore(store=tmp_path / "none.db") as (app, _):
        assert app.main.of("history").plot is None


async def test_no_step_and_no_head_asks_again_what_the_store_told_of_the_model(explore, db, statements):
    """Which results are shown is decided over all checkpoints of a model: when it is chosen. A step asks for what lies
    in some of them, a head for its scores.
    """

    def asked() -> list[str]:
        found = [said for said in statements.in_threads if said.startswith(("SELECT", "WITH"))]
        statements.in_threads.clear()
        return found

    async with explore() as (_, pilot):
        await pilot.press("ctrl+o", "d", "k")
        asked()
        for key, most in (("comma", 12), ("j", 4)):
            await pilot.press(key)
            assert 0 < len(found := asked()) <= most
            assert all("result.id =" in said for said in found if "first_value" in said)


@pytest.fixture
def drawn(monkeypatch) -> Counter[Any]:
    """How many lines of each widget are drawn from now on, and how often the screen is laid out."""
    counts: Counter[Any] = Counter()
    render, reflow = StylesCache.render_widget, Compositor.reflow

    def watched(cache: StylesCache, widget, crop):
        draw = cache.render_line
        cache.render_line = lambda *given: counts.update([widget]) or draw(*given)  # type: ignore[method-assign]
        try:
            return render(cache, widget, crop)
        finally:
            del cache.render_line

    monkeypatch.setattr(StylesCache, "render_widget", watched)
    monkeypatch.setattr(Compositor, "reflow", lambda *given: counts.update(["laid out"]) or reflow(*given))
    return counts


@pytest.mark.parametrize("key", ["j", "comma"])
async def test_of_a_head_and_of_a_step_only_lines_that_change_are_drawn(explore, db, drawn, key):
    """Invariant: of every widget but short texts, and without laying out the screen."""

    def lines(app, widget) -> list[Strip]:
        region = widget.region
        strips = app.screen._compositor.render_strips()[region.y : region.bottom]
        return [strip.crop(region.x, region.right) for strip in strips]

    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "g", "l", "comma")
        before = {widget: lines(app, widget) for widget in app.main.query("*")}
        drawn.clear()
        await pilot.press(key)
        counts = drawn.copy()
        assert not counts.pop("laid out", 0) and app.main.heads.body in counts
        for widget, count in counts.items():
            changed = [one != other for one, other in zip(before[widget], lines(app, widget), strict=True)]
            assert count <= sum(changed) or isinstance(widget, Note), widget


async def test_what_is_there_after_the_start_is_not_looked_through_for_garbage(explore, db, monkeypatch):
    monkeypatch.setattr("circuit_tui.explorer.app._AT_HOME", 0.01)
    async with explore() as (_, pilot):
        await until(pilot, lambda: gc.get_freeze_count() > 10_000)
    assert not gc.get_freeze_count()
