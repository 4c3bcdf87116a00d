"""Keys that copy or export: a value or a row to the clipboard, a view to a file, and where a number comes from."""

from os import environ
from pathlib import Path
from typing import Any

from circuit_core.errors import CircuitError
from circuit_store import output_files, queries
from circuit_store.errors import StoreError
from circuit_tui import command_output, paths
from circuit_tui.explorer import state
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.explorer import ExplorerScreen
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.state import ViewState
from circuit_tui.explorer.widgets.listing import Listing
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.terminal.driver import copy_sequence


class CopyingScreen(ExplorerScreen):
    @property
    def program(self) -> str:
        """How a command about this store begins."""
        return paths.program(self.store)

    def action_provenance(self) -> None:
        at, analysis = self.look and self.look.at, self.pane.analysis
        if not analysis:
            return self.say("A model has no number of its own: ask in one of the other panes.")
        if not self.look or not at or not at.model or at.step is None:
            return self.say("There is no number here yet.")
        role = at.role if analysis == "heads" else None
        found = queries.provenance(self.look.db, at.model, at.step, analysis, role, at.task)
        if found is None:
            return self.say(f"Nothing is computed here: no {analysis} at step {at.step}.")
        self.app.push_screen(TextScreen("Where this number comes from", exports.provenance(found, self.program)))

    def action_copy(self, row: bool) -> None:
        text = self._row() if row else self.pane.value()
        if not text:
            return self.say("There is nothing to copy here yet.")
        self.app.copy_to_clipboard(text)
        if copy_sequence(text, environ):
            self.say(f"sent to the terminal ({len(text.encode())} bytes)")
        else:
            self._write_copy(text)

    def _write_copy(self, text: str) -> None:
        path = state.folder() / "copied.txt"
        try:
            with output_files.replacing(path, command_output.taken(self.store), 0o600) as file:
                file.write(text.encode())
            self.say(f"too long for the terminal's clipboard: written to {path}")
        except (OSError, StoreError) as error:
            self.say(f"too long for the terminal's clipboard, and no file could be written: {error}")

    def _row(self) -> str:
        """The row under the cursor without a header, tab-separated; an empty cell is NULL."""
        filters, row = self.pane.filters(), self.pane.row()
        if not self.look or filters is None or row is None:
            return ""
        found = queries.rows(self.look.db, queries.view(self.pane.view), filters | row)
        return "\n".join("\t".join("" if cell is None else plain(cell) for cell in row.values()) for row in found)

    def action_export(self) -> None:
        filters = self.pane.filters()
        if not self.look or filters is None:
            return self.say("There is nothing to export here yet.")
        if isinstance(self.pane, Listing) and not self.pane.rows:
            return self.say("There is nothing to export here: no row is listed.")
        self.export(self.look, self.pane.view, filters, self.pane.listed(self.look.db))

    def export(
        self, look: ViewState, view: str, filters: dict[str, Any], listed: dict[str, list[str]] | None = None
    ) -> None:
        """Write a view as a file, and say by what command it is printed.

        Args:
            listed: the options of `export` that keep and order its rows.
        """
        try:
            lines = exports.csv(look.db, view, filters, listed)
            path = exports.write(lines, view, filters, Path.cwd(), command_output.taken(self.store))
        except (OSError, StoreError, CircuitError) as error:
            return self.say(f"No file could be written: {error}")
        self.say(f"{path.name} written to {path.parent}\n{exports.command(view, filters, self.program, listed)}")

    def say(self, text: str) -> None:
        self.app.notify(text, markup=False)
