"""What is left out of the output stands on the terminal already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip
from waiting import until

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
    [([], ("1 Models", "5 Circuit")), (["7"], ("Runs ·", "Units of run 2")), (["7", "L"], ("Log of",))],
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
