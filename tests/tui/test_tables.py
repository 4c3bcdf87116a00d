"""The tables screen: views of the store read page by page, sorted, filtered, counted, exported; and SELECTs."""

import pytest

pytestmark = pytest.mark.long


async def test_a_view_is_shown(explore, db, screen_text, said):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press(
            "slash",
            *"value>0.5 role=induction".replace(" ", "\n").split("\n")[0],
            "space",
            *["r", "o", "l", "e", "equals_sign"],
            *"induction",
            "enter",
        )
        await pilot.pause()
        await pilot.press(*"lllllllS")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("e")
        await pilot.pause()
        await pilot.press("h", "h", "c")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("0", "C", "space", "j", "J")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("enter", "x", "u")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("u")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("colon", *"sql select name, scores from task ", "backspace")
        await pilot.pause(0.5)
        print(screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("Q")
        app.screen.line.value = "select * from circuit, model"
        await pilot.press("enter")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("Q")
        app.screen.line.value = "delete from model"
        await pilot.press("enter")
        await pilot.pause()
        print(screen_text(app))
        await pilot.press("Q")
        app.screen.line.value = "select * from pragma_table_info('model')"
        await pilot.press("enter")
        await pilot.pause()
        print(screen_text(app))
        print(said)
        assert 0
