"""Any view of the store as a table, read page by page: sorted, filtered, counted; and SELECTs of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from sqlite3 import Connection
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from circuit_store.queries.tables import Extent
from circuit_store.views import VIEWS
from circuit_tui.explorer import table_request
from circuit_tui.explorer.screens import table_words
from circuit_tui.explorer.screens.full_screen import FullScreen, Part
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.table_request import PAGE, PAGES, Refused, Request, Window
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.table_grid import Grid, Header
from circuit_tui.explorer.widgets.view_list import ViewList

BREADTHS = ("model", "step", "store")
_LONG = 0.4
"""Seconds after which it is said that rows are read."""


class Line(Input):
    """Gives the focus back at once, so that no key typed after Enter is lost in it."""

    async def action_submit(self) -> None:
        screen = self.screen
        assert isinstance(screen, TableScreen)
        screen.took(self.value)


@dataclass(frozen=True)
class Wish:
    """What the user wants to see."""

    view: str = "heads"
    sql: str = ""
    line: str = ""
    sort: str = ""
    by: str = ""


class TableScreen(FullScreen):
    """What is shown and read; the keys are in `tables_keys`."""

    NAME = "tables"
    DEFAULT_CSS = """
    TableScreen #parts { layout: horizontal; }
    TableScreen #views { display: none; }
    TableScreen.-choosing #views { display: block; width: 1fr; }
    TableScreen.-choosing #rows { display: none; }
    TableScreen.-wide #views { display: block; width: 60; margin-right: 1; }
    TableScreen.-wide #rows { display: block; }
    TableScreen #line { border: none; height: 1; padding: 0 1; background: $panel; display: none; }
    TableScreen #cell { height: 2; display: block; }
    TableScreen.-narrow #cell { height: 3; }
    """

    def __init__(self, main: Any):
        super().__init__(main)
        self.wish, self.breadth = Wish(), "model"
        self.before: list[Wish] = []
        """What was shown before values were counted, or a statement was given."""
        self.columns: dict[str, list[str]] = {}
        """View or statement -> the columns that are shown; all where it is not held."""
        self.filtered: dict[str, Wish] = {}
        """View -> how it was left."""
        self._drawn: Any = None
        self._wanted: int | None = None
        self._extent: Extent | None = None
        self._to_end = False
        self._counting, self._paging = f"{self.NAME}: how many", f"{self.NAME}: a page"

    def compose_parts(self) -> ComposeResult:
        with Part(id="views"):
            yield ViewList()
        with Part(id="rows"):
            yield Header()
            yield Grid(self._moved, self._want, self._say)
            yield Note(id="cell")
            yield Line(id="line", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one("#views", Part).title("Views", str(len(VIEWS)))
        self.views_list.show_view(self.wish.view)
        self.set_focus(self.grid)

    @property
    def askers(self) -> tuple[Any, ...]:
        """Under which the store is asked: for the first rows, for their number, and for further rows."""
        return self, self._counting, self._paging

    def on_screen_suspend(self) -> None:
        """A read that takes long is not gone on with for nobody; it begins anew when the screen is seen again."""
        if any(map(self.main.reader.asks, self.askers)):
            self.drop()

    def drop(self) -> None:
        """Read nothing more of what is being read."""
        for asker in self.askers:
            self.main.reader.drop(asker)
        self._asked, self._wanted = (), None

    def on_unmount(self) -> None:
        for asker in (self._counting, self._paging):
            self.main.reader.leave(asker)

    @property
    def grid(self) -> Grid:
        return self.query_one(Grid)

    @property
    def views_list(self) -> ViewList:
        return self.query_one(ViewList)

    @property
    def line(self) -> Line:
        return self.query_one(Line)

    def request(self, at: Selection) -> Request:
        """What is wished for, narrowed to the selection."""
        wish = self.wish
        filters = () if wish.sql else tuple(self.filters(at).items())
        return Request(wish.view, wish.sql, filters, wish.line, "" if wish.by else wish.sort, wish.by)

    def filters(self, at: Selection) -> dict[str, Any]:
        """By the model, or by the model and its checkpoint, as far as the view is addressed by them."""
        takes = VIEWS[self.wish.view].filters
        wanted = {"model": at.model, "step": at.step}
        names = {"store": (), "model": ("model",), "step": ("model", "step")}[self.breadth]
        return {name: wanted[name] for name in names if name in takes and wanted[name] is not None}

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (self.request(at),)

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        for asker in (self._counting, self._paging):
            self.main.reader.drop(asker)
        self._wanted, self._extent = None, None
        request = self.request(at)
        same = isinstance(self._drawn, Window) and self._drawn.request == request
        start = self.grid.cursor // PAGE * PAGE if same else 0
        self.set_timer(_LONG, self._say)
        return partial(table_request.window, request=request, start=start)

    def show(self, at: Selection, found: Window | Refused) -> None:
        if found is not self._drawn:
            before, self._drawn = self._drawn, found
            if isinstance(found, Refused):
                self.grid.refuse(found.why)
            else:
                same = isinstance(before, Window) and before.request == found.request
                self.grid.open(found, self.columns.get(self.table, []) if not found.request.by else [], same)
                self._count(found)
        else:
            self.grid.fit()
        self._say()

    @property
    def table(self) -> str:
        return self.wish.sql or self.wish.view

    def _count(self, found: Window) -> None:
        """Ask how many rows there are, unless that is seen."""
        if not found.start and len(found.rows) < PAGE:
            return self._counted(Extent(len(found.rows)))
        question = partial(table_request.extent, request=found.request)
        self.main.reader.ask(self._counting, question, self._counted)

    def _counted(self, extent: Extent | Refused) -> None:
        if isinstance(extent, Refused):
            return self.main.say(extent.why)
        self._extent = extent
        self.grid.end(extent.total)
        if not extent.total and isinstance(self._drawn, Window):
            self.grid.show(0, 0, table_words.why_empty(self._drawn.request))
        if self._to_end:
            self._to_end = False
            self.grid.move("last")
        self._say()

    def _want(self, start: int) -> None:
        """A page that is looked at is not there: it is asked for once what is seen is drawn."""
        if self._wanted is None:
            self._wanted = start
            self.call_later(self._ask_page)

    def _ask_page(self) -> None:
        """That of the cursor before others: only one is read at a time."""
        if self._wanted is None or not isinstance(self._drawn, Window):
            return
        here = self.grid.cursor // PAGE * PAGE
        start = here if here // PAGE not in self.grid.pages else self._wanted
        request, extent = self._drawn.request, self._extent
        most = PAGE * (1 if extent and extent.results else PAGES)
        question = partial(table_request.window, request=request, start=start, extent=extent, most=most)
        self.main.reader.ask(self._paging, question, self._paged)
        self.set_timer(_LONG, self._say)

    def _paged(self, found: Window | Refused) -> None:
        self._wanted = None
        if isinstance(found, Refused):
            return self.main.say(found.why)
        self.grid.add(found)
        self._say()

    def _moved(self) -> None:
        self._say()
        self._ahead()

    def _ahead(self) -> None:
        """Have the next page read before it is looked at."""
        page, place = divmod(self.grid.cursor, PAGE)
        after = page + (1 if place > PAGE // 2 else -1)
        more = self.grid.total is None or after * PAGE < self.grid.total
        if after >= 0 and more and after not in self.grid.pages and page in self.grid.pages:
            self._want(after * PAGE)

    def _say(self) -> None:
        """Title, names of the columns, and the cell under the cursor."""
        look = self.main.look
        if look is None or not self.stands:
            return
        request = self._drawn.request if isinstance(self._drawn, Window) else self.request(look.at)
        self.query_one("#rows", Part).title(*table_words.title(self.grid, request, self.reading))
        self.query_one(Header).say(self.grid.header())
        self.query_one("#cell", Note).say(table_words.of_cell(self.grid, request, self.colours))

    @property
    def reading(self) -> bool:
        """Whether rows are waited for longer than one does without wondering."""
        return self.main.reader.long and any(map(self.main.reader.asks, (self, self._paging)))

    def vacant(self, reason: str) -> None:
        if reason:
            self._drawn = None
        super().vacant(reason)

    def change(self, **changes: Any) -> None:
        """Show something else."""
        self.wish = replace(self.wish, **changes)
        self.filtered[self.table] = self.wish
        self.follow()

    def took(self, line: str) -> None:
        """What was typed ends."""
        raise NotImplementedError

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {self.wish.view: self.filters(at)}

    @on(Input.Changed, "#line")
    def _typed(self, event: Input.Changed) -> None:
        self.typed(event.value)

    def typed(self, line: str) -> None:
        """While it is typed."""
        raise NotImplementedError
