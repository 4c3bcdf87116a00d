"""How numbers are written, and where a checkpoint lies on the axis of training."""

import pytest

from circuit_store.display_text import lasting
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.heat_map import figure
from circuit_tui.explorer.widgets.notation import bar, digits_for, plain, short, signed


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (512, "512"),
        (1000, "1k"),
        (2048, "2.0k"),
        (9_990, "10k"),
        (999_999, "1.0M"),
        (3e11, "300B"),
    ],
)
def test_short(number, text):
    assert short(number) == text


def test_signed_has_a_true_minus_and_no_number_is_a_dash():
    assert signed(-0.25, 2) == "−0.25" and signed(None, 2) == signed(float("nan"), 2) == "–"
    assert signed(-0.004, 2) == "0.00"
    assert [digits_for(x) for x in (0, 123.0, 2.5, 0.031)] == [2, 0, 2, 4]


def test_a_bar_grows_by_eighths_and_shows_the_smallest_score():
    assert bar(0, 2) == "  " and bar(1e-9, 2) == "▏ " and bar(0.5, 1) == "▌" and bar(7, 2) == "██"


def test_plain_is_one_harmless_line():
    assert plain("a\n\x1b[1m\u202eb") == "a��[1m�b" and len(plain("x" * 9999)) == 200


def test_lasting():
    assert [lasting(s) for s in (12.3, 90, 7200)] == ["12 s", "1.5 min", "2 h"]


def test_figures_of_cells():
    assert [figure(v, 5) for v in (None, 0.0, 0.931, 1.0, -0.25)] == ["∅", "·", ".93", "1.0", "−.25"]
    assert [figure(v, 5) for v in (0.996, 0.994, 1.96, 0.004)] == ["1.0", ".99", "2.0", "·"]
    assert [figure(v, 2) for v in (None, 0.04, 0.931, 0.96, 1.0, 1.6)] == ["∅", "·", ".9", "1", "1", "2"]
    assert [figure(v, 1) for v in (None, 0.04, 0.931, 0.96, 1.0)] == ["∅", "·", "9", "X", "X"]


@pytest.mark.parametrize("width", range(1, 13))
@pytest.mark.parametrize("signs", [0, 1])
def test_a_figure_says_what_the_score_rounds_to_and_has_room(width, signs):
    """Invariant: read back, it is the score to the decimals that it shows; it never takes more than the cell."""
    below = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₓ", "0123456789X")
    for hundredths in range(-100 if signs else 0, 101):
        value = hundredths / 100
        text = figure(value, width, signs)
        assert len(text) <= width
        if text == "·":
            assert abs(value) < 0.05
            continue
        assert (value < 0) == (text != text.translate(below) or text[0] == "−")
        digits = text.translate(below).removeprefix("−")
        read = 10 if digits == "X" else int(digits) if width == 1 else float(digits) * 10
        half = 0.05 if width - signs >= 5 and "." in digits and abs(value) < 0.995 else 0.5
        assert abs(read - abs(value) * 10) <= half + 1e-9, (value, text)


def test_step_zero_lies_left_of_the_first_decade():
    axis = Axis([(0, 0), (1, 1000), (10, 10_000), (100, 100_000)])
    assert [round(axis.at(step), 2) for step in (0, 1, 10, 100)] == [0.0, 0.08, 0.54, 1.0]
    assert [label for _, label in axis.ticks()] == ["0", "1k", "10k", "100k"]
    assert [label for _, label in axis.ticks(0.4, 0.65)] == ["10k"]
    near = Axis([(0, 0), *((step, step * 1000) for step in (2, 3, 40, 41, 60, 90))])
    assert [label for _, label in near.ticks(0.75, 1.0)] == ["40k", "60k", "90k"]


def test_steps_stand_in_for_tokens_and_the_axis_may_be_linear():
    axis = Axis([(0, None), (50, None), (100, None)], log=False)
    assert axis.unit == "steps" and axis.at(50) == 0.5
    assert [label for _, label in axis.ticks()][:2] == ["0", "20"]


def test_one_checkpoint_or_none():
    assert Axis([(0, 0)]).at(0) == 0.0 and Axis([]).ticks() and Axis([(7, 7)]).at(7) == 1.0
    assert Axis([(0, None)]).ticks() == [(0.0, "0")] and Axis([(500, None)], log=False).ticks() == [(1.0, "500")]
