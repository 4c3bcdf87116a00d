"""The keys of the tables screen: choose a view, sort, filter, count, columns, and go to what a row is about."""

from functools import partial
from sqlite3 import Connection
from typing import Any

from circuit_store import queries
from circuit_store.display_text import said
from circuit_store.views import VIEWS
from circuit_tui.explorer import bindings, table_request
from circuit_tui.explorer.screens import exports, table_rows
from circuit_tui.explorer.screens.table_columns import Columns
from circuit_tui.explorer.screens.tables import BREADTHS, TableScreen, Wish
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.widgets.notation import plain

_FILTER = "COLUMN>VALUE, COLUMN=VALUE, or a regular expression; ! inverts, -f is fuzzy"
_ORIGIN = "tables: where a row comes from"
_START = "SELECT model, count(*) FROM checkpoint_status GROUP BY model"


class Tables(TableScreen):
    BINDINGS = [*bindings.of(), *bindings.of("screen.tables")]
    _types_sql = False

    def show_part(self, name: str) -> None:
        super().show_part(name)
        self.set_class(name == "views", "-choosing")

    def action_next_part(self, by: int) -> None:
        self.show_part("rows" if self.part == "views" else "views")

    @property
    def parts(self) -> dict[str, Any]:
        return {"views": self.views_list, "rows": self.grid}

    def action_move(self, where: str) -> None:
        if self.views_list.has_focus:
            if where not in ("left", "right"):
                self.views_list.move(where)
            return
        self._to_end = where == "last" and self.grid.total is None
        self.grid.move(where)

    def action_open(self) -> None:
        """From the list the view, from a counted value its rows, from a row what it is about."""
        if self.views_list.has_focus:
            self.open_view(str(self.views_list.row))
        elif self.wish.by:
            self._only(self.wish.by, self.grid.at(self.grid.cursor))
        elif row := self.grid.row:
            self._go(row)

    def open_view(self, name: str) -> None:
        self.before.clear()
        self.wish = self.filtered.get(name, Wish(view=name))
        self.change(sql="", by="")
        self.views_list.show_view(name)
        self.show_part("rows")

    def open_sql(self, text: str) -> None:
        """Show what a SELECT gives; esc goes back to the view."""
        if not self.wish.sql:
            self.before.append(self.wish)
        self.show_part("rows")
        self.wish = Wish(view=self.wish.view, sql=text)
        self.change()

    def _only(self, column: str, row: tuple[Any, ...] | None) -> None:
        if row is None:
            return
        value = "" if row[0] is None else said(row[0])
        if '"' in value or "\n" in value:
            return self.main.say("A filter cannot name this value: filter by a part of it.")
        before = self.before.pop()
        quoted = f'"{value}"' if not value or " " in value else value
        self.wish = before
        self.change(line=f"{before.line} {column}={quoted}".strip())

    def _go(self, row: dict[str, Any]) -> None:
        """Choose model, checkpoint, task, role and head of the row, and open the screen that shows such things."""
        place = table_rows.place(self.wish.view, row, self.grid.here)
        if not place.choice:
            return self.main.say("This row is about no model, checkpoint, task or head.")
        self.main.choose(**place.choice)
        self.app.call_later(self.app.run_action, f"app.place('{place.screen}', '{place.pane}')")

    def action_sort(self) -> None:
        """By the column under the cursor; again: in the view's own order."""
        if self._ordered():
            here = self.grid.here
            self.change(sort="" if self.wish.sort.removeprefix("-") == here else here)

    def action_reverse(self) -> None:
        """From the largest on; again: from the smallest."""
        if self._ordered():
            here = self.wish.sort or self.grid.here
            self.change(sort=here.removeprefix("-") if here.startswith("-") else f"-{here}")

    def _ordered(self) -> bool:
        if self.wish.by:
            self.main.say("Counted values stand by their number: enter shows the rows of one.")
        return bool(self.grid.here) and not self.wish.by

    def action_count(self) -> None:
        if self.wish.by:
            return self.action_back()
        if here := self.grid.here:
            self.before.append(self.wish)
            self.change(by=here)

    def action_hide(self) -> None:
        names = [self.grid.names[place] for place in self.grid.order]
        if self.wish.by or len(names) < 2:
            return self.main.say("One column stays.")
        names.remove(self.grid.here)
        self._arrange(names)

    def action_columns(self) -> None:
        names = [self.grid.names[place] for place in self.grid.order]
        if not names or self.wish.by:
            return self.main.say("There are no columns to choose.")
        of = {} if self.wish.sql else {column.name: column.meaning for column in VIEWS[self.wish.view].columns}
        self.app.push_screen(Columns({name: of.get(name, "") for name in self.grid.names}, names), self._arrange)

    def _arrange(self, names: list[str] | None) -> None:
        if names is not None:
            self.columns[self.table] = names
            self.grid.set_columns(names)
            self._say()

    def action_reset(self) -> None:
        self.columns.pop(self.table, None)
        self.grid.set_columns([])
        self.change(line="", sort="")

    def action_narrow(self) -> None:
        """The model, its checkpoint, the whole store, and so on."""
        if self.wish.sql:
            return self.main.say("A statement says itself what it is about.")
        names = [name for name in BREADTHS if name == "store" or name in VIEWS[self.wish.view].filters]
        here = names.index(self.breadth) if self.breadth in names else -1
        self.breadth = names[(here + 1) % len(names)]
        self.follow()

    def action_filter(self) -> None:
        self._type(False, self.wish.line, _FILTER)

    def action_sql(self) -> None:
        self._type(True, self.wish.sql or _START, "one SELECT; the store is only read")

    def _type(self, sql: bool, text: str, hint: str) -> None:
        self.show_part("rows")
        self._types_sql = sql
        self.line.placeholder, self.line.value = hint, text
        self.line.cursor_position = len(text)
        self.line.display = True
        self.set_focus(self.line)

    def typed(self, line: str) -> None:
        if self.line.display and not self._types_sql and line.strip() != self.wish.line:
            self.change(line=line.strip())

    def took(self, line: str) -> None:
        self._close_line()
        if self._types_sql and line.strip():
            self.open_sql(line)

    def _close_line(self) -> None:
        self.set_focus(self.grid)
        self.line.display = False

    def action_back(self) -> None:
        """Undo the nearest of a read that takes long, what is typed, counting, filter and statement."""
        reader = self.main.reader
        if any(map(reader.asks, self.askers)) and reader.long:
            return self._stop()
        if self.line.display:
            self._close_line()
            if not self._types_sql:
                self.change(line="")
        elif self.wish.line and not self.wish.by:
            self.change(line="")
        elif self.before:
            self.wish = self.before.pop()
            self.change()
        else:
            self.app.pop_screen()

    def _stop(self) -> None:
        self.drop()
        self.main.say("Reading was stopped: r reads again.")

    def action_provenance(self) -> None:
        """Of the result that the row is of."""
        asked = table_rows.origin(self.wish.view, self.grid.row) if not self.wish.sql and not self.wish.by else None
        if asked is None:
            return self.main.say("A row here is of several results, or of none.")
        self.main.reader.ask(_ORIGIN, partial(queries.provenance, **asked), self._show_origin)

    def _show_origin(self, found: queries.ResultOrigin | None) -> None:
        self.main.reader.leave(_ORIGIN)
        if found is None:
            return self.main.say("Nothing is computed here.")
        page = TextScreen("Where this row comes from", exports.provenance(found, self.main.program))
        self.app.push_screen(page)

    def copied(self, row: bool) -> str:
        if self.views_list.has_focus:
            return str(self.views_list.row)
        found = self.grid.at(self.grid.cursor)
        if found is None:
            return ""
        if not row:
            return said(self.grid.cell)
        cells = (found[place] for place in self.grid.order)
        return "\t".join("" if value is None else plain(said(value)) for value in cells)

    def action_export(self) -> None:
        """The rows as they are kept and ordered, with the columns that are shown."""
        look = self.main.look
        if not look or not self.grid.count:
            return self.main.say("There is nothing to export here yet.")
        request, columns = self.request(look.at), self.columns.get(self.table)
        if request.sql or request.by:
            return table_rows.export(self.main, request)
        self.main.export({request.view: dict(request.filters)}, partial(_listed, request=request, columns=columns))


def _listed(db: Connection, request: table_request.Request, columns: list[str] | None) -> dict[str, list[str]]:
    """The options of `export` for the rows as they are shown."""
    names = [column.name for column in VIEWS[request.view].columns]
    shown = {"columns": [",".join(columns)]} if columns and columns != names else {}
    return {**table_request.options(request, names), **shown}
