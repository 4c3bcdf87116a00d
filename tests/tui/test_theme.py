"""Both themes can be read, and a ramp rises evenly, so that it survives the loss of its colours."""

import pytest
from waiting import until

from circuit_tui.explorer import role_display, theme

READABLE = 4.5
"""WCAG 2, level AA."""
SEEN = 3
"""The same of what is no text."""


@pytest.mark.parametrize("of", [theme.DARK, theme.LIGHT], ids=lambda of: of.name)
def test_text_stands_out(of):
    for colour in (of.foreground, of.secondary, of.accent, of.warning, of.error, of.success):
        for ground in (of.background, of.panel):
            assert theme.contrast(colour, ground) >= READABLE, (colour, ground)


@pytest.mark.parametrize("dark", [True, False])
def test_figures_stand_out_on_every_step_of_the_ramps(dark):
    colours = theme.palette(dark)
    assert len(colours.ramp) <= 8
    for step in (*colours.ramp, *colours.negative):
        assert theme.contrast(theme.ink(step), step) >= READABLE
    assert theme.contrast(colours.muted, colours.ground) >= READABLE


@pytest.mark.parametrize("dark", [True, False])
def test_ramps_leave_the_ground_step_by_step(dark):
    colours = theme.palette(dark)
    for ramp in (colours.ramp, colours.negative):
        rising = [theme.luminance(step) for step in ramp]
        assert rising == sorted(rising, reverse=not dark) and len(set(rising)) == len(ramp)


def test_every_role_has_a_badge_and_a_colour_of_its_own():
    held = {name: role for name, role in theme.ROLES.items() if role_display.is_role(name)}
    assert len(held) == len({role.colour for role in held.values()}) == 8
    assert len({role.badge for role in theme.ROLES.values()}) == len(theme.ROLES) == 14
    assert all(theme.contrast(theme.ink(role.colour), role.colour) >= READABLE for role in theme.ROLES.values())
    assert theme.role("my_role").badge == "my"


@pytest.mark.parametrize("dark", [True, False])
def test_marks_of_roles_and_series_stand_out_on_the_ground_and_stay_apart(dark):
    colours = theme.palette(dark)
    of_roles = {colours.mark(role.colour) for name, role in theme.ROLES.items() if role_display.is_role(name)}
    series = {colours.mark(colour) for colour in theme.SERIES}
    assert len(of_roles) == len(series) == 8
    for colour in (*of_roles, *series, colours.helps, colours.hurts, colours.muted, colours.accent):
        assert theme.contrast(colour, colours.ground) >= SEEN, colour
    assert colours.mark(colours.muted) == colours.muted, "what stands out already stays as it is"


async def test_a_theme_recolours_all_that_is_shown(explore, path):
    """Whether by key or by name: of the dark theme's colours of data none is left, on the panes and on the queue."""

    def colours(app) -> set[str]:
        strips = app.screen._compositor.render_strips()
        return {part.style.color.name for strip in strips for part in strip if part.style and part.style.color}

    accent = theme.palette(True).accent.lower()
    async with explore() as (app, pilot):
        for page in ("1", "7"):
            await pilot.press(page)
            await until(pilot, lambda: accent in colours(app))
            await app.workers.wait_for_complete()
            await pilot.pause()
            dark = colours(app)
            app.theme = theme.LIGHT.name
            await until(pilot, lambda: accent not in colours(app))
            app.theme = theme.DARK.name
            await until(pilot, lambda dark=dark: colours(app) == dark)
