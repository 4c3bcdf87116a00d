"""Curves over training: gaps, intervals, the line that moves over them, and marks that can be told from the ground."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_tui.explorer import theme
from circuit_tui.explorer.study.drawing import Drawing, Ink, reach
from circuit_tui.explorer.study.series import kept
from circuit_tui.explorer.study.training import Training
from circuit_tui.explorer.widgets.axis import spread
from circuit_tui.explorer.widgets.braille import Canvas
from circuit_tui.explorer.widgets.curve import Curve, Point, Scale
from circuit_tui.role_colours import ROLES, SERIES

STATUSES = {4: "unreadable", 8: None, 16: "duplicate_of", 64: "known_bad"}


def checkpoints(tokens: int | None = 1000) -> list[dict[str, Any]]:
    return [
        {"model": "m", "step": step, "tokens": tokens and step * tokens, "status": STATUSES.get(step, "ok")}
        for step in (0, 1, 2, 4, 8, 16, 32, 64, 128)
    ]


def values(time: Training, undefined: int | None = None) -> list[list[int]]:
    """The steps of each part of a curve with a value everywhere but at one checkpoint."""
    rows = [row | {"value": None if row["step"] == undefined else 1.0} for row in checkpoints()]
    parts = time.parts(rows, lambda row: (row["value"], None, None))
    return [[point.row["step"] for point in part] for part in parts]


def test_a_curve_has_gaps_at_bad_checkpoints_and_where_it_is_undefined_but_not_at_duplicates():
    time = Training(checkpoints(), True)
    assert values(time) == [[0, 1, 2], [8, 32], [128]]
    assert values(time, 1) == [[0], [2], [8, 32], [128]]


def test_a_checkpoint_without_a_result_is_no_gap_and_a_bad_one_is_even_so():
    time = Training(checkpoints(), True)
    parts = time.parts([{"model": "m", "step": s, "tokens": 1000 * s} for s in (1, 8, 32)], lambda _: (1.0, None, None))
    assert [[point.at for point in part] for part in parts] == [[1000], [8000, 32000]]


def test_the_axis_is_of_steps_if_the_tokens_of_one_model_are_not_known():
    known, unknown = checkpoints(), [row | {"model": "n", "tokens": None} for row in checkpoints()]
    assert Training(known, True).unit == "tokens" and Training(known + unknown, True).unit == "step"
    time = Training(known + unknown, True)
    assert time.place("m", 128) == time.place("n", 128) == 1.0


def test_models_lie_on_one_axis_by_their_tokens():
    """Not by their steps: half the batch, twice the steps."""
    half = [row | {"model": "n", "tokens": row["step"] * 500} for row in checkpoints()]
    time = Training([*checkpoints(), *half], True)
    assert time.place("m", 32) == time.place("n", 64) and time.place("m", 128) == 1.0 > time.place("n", 128)


def drawn(canvas: Canvas) -> list[str]:
    return ["".join(character for character, _ in canvas.cells(row)) for row in range(canvas.height)]


def test_a_line_goes_from_corner_to_corner_and_its_mark_stands_over_it():
    canvas = Canvas(4, 2)
    canvas.line([(0, 0), (1, 1)], "red")
    canvas.mark(0, 0, "●", "blue")
    assert drawn(canvas)[0][-1] != " " and drawn(canvas)[1][0] == "●"
    assert next(iter(canvas.cells(1))) == ("●", "blue") and list(canvas.cells(0))[3][1] == "red"


def test_a_band_is_seen_where_no_line_is():
    canvas = Canvas(6, 3)
    canvas.band([(0, 0, 1), (1, 0, 1)], "faint")
    canvas.line([(0, 0.5), (1, 0.5)], "red")
    assert {colour for _, colour in canvas.cells(0)} == {"faint"} and {c for _, c in canvas.cells(1)} == {"red"}


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), max_size=6), st.integers(1, 9), st.integers(1, 5))
def test_what_lies_outside_is_not_drawn(points, width, height):
    canvas = Canvas(width, height)
    canvas.line(points, "red")
    canvas.band([(x, min(x, y), max(x, y)) for x, y in points], "faint")
    for x, y in points:
        canvas.mark(x, y, "●", "red")
    assert all(len(line) == width for line in drawn(canvas))
    assert all(0 <= row < height and 0 <= column < width for row, column in canvas.marks)


def test_labels_have_room_beside_each_other_and_within_the_width():
    assert spread([(0, "0"), (4, "1M"), (5, "2M"), (9, "10M")], 10) == "0   1M 10M"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_round_values_lie_within_the_scale_and_are_said_apart(low, reach, most):
    labels = Scale((0, 1), (), (low, low + reach)).labels(most)
    assert len(labels) <= most + 1
    assert all(low - 1e-6 * reach <= value <= low + reach * (1 + 1e-6) for value, _ in labels)


CURVE = Curve("one", "red", "●", [[Point(0.0, 1.0, 0.5, 1.5, 0), Point(0.5, 2.0, at=500)], [Point(1.0, 3.0, at=1000)]])


def test_a_legend_says_the_value_at_the_checkpoint_or_the_last_before_with_its_tokens():
    drawing = Drawing((), curves=[CURVE])
    said = [drawing.said(place, Ink(True))[0].plain for place in (0.0, 0.5, 0.7, 1.0, -0.1)]
    assert said == ["● one 1.00", "● one 2.00", "● one 2.00 at 500", "● one 3.00", "● one –"]
    assert reach([CURVE]) == (0.5, 3.0) and reach([]) == (0.0, 1.0)


def test_of_many_models_the_largest_are_kept_and_the_one_that_is_looked_at():
    names = [f"m{i}" for i in range(12)]
    assert (
        kept(names, "m7") == names[4:] and kept(names, "m1") == ["m1", *names[5:]] and kept(names[:3], "x") == names[:3]
    )


@pytest.mark.parametrize("dark", [True, False])
def test_what_lies_below_a_line_is_fainter_and_can_be_told_from_the_ground(dark):
    palette = theme.palette(dark)
    for colour in (*SERIES, *(role.colour for role in ROLES.values())):
        assert theme.contrast(palette.faint(colour), palette.ground) >= 3
        assert theme.contrast(palette.faint(colour), palette.ground) <= theme.contrast(
            palette.mark(colour), palette.ground
        )
