"""Keys that copy or export: a value or a row to the clipboard, a view to a file, and where a number comes from."""

from collections.abc import Callable
from functools import partial
from os import environ
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from circuit_core.errors import CircuitError
from circuit_store import output_files, queries
from circuit_store.errors import StoreError
from circuit_tui import command_output, paths
from circuit_tui.explorer import state
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.explorer import ExplorerScreen, in_turn
from circuit_tui.explorer.screens.text import TextScreen
from circuit_tui.explorer.widgets.list_pane import Listing
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.terminal.driver import copy_sequence

_TAKING = "what is taken away"


class CopyingScreen(ExplorerScreen):
    @property
    def program(self) -> str:
        """How a command about this store begins."""
        return paths.program(self.store)

    def action_provenance(self) -> None:
        self.explain(self.pane.analysis)

    @in_turn
    def explain(self, analysis: str | None) -> None:
        """Show where the numbers of an analysis come from, at the checkpoint that is shown."""
        at = self.look and self.look.at
        if not analysis:
            return self.say("No number of one result is here: ask where one is, in a pane of the first screen.")
        if not self.look or not at or not at.model or at.step is None:
            return self.say("There is no number here yet.")
        role = at.role if analysis == "heads" else None
        ask = partial(queries.provenance, model=at.model, step=at.step, analysis=analysis, role=role, task=at.task)
        self.reader.ask(_TAKING, ask, partial(self._show_provenance, f"no {analysis} at step {at.step}"))

    def _show_provenance(self, lacking: str, found: queries.ResultOrigin | None) -> None:
        if found is None:
            return self.say(f"Nothing is computed here: {lacking}.")
        self.app.push_screen(TextScreen("Where this number comes from", exports.provenance(found, self.program)))

    @in_turn
    def action_copy(self, row: bool) -> None:
        filters, narrowed = self.pane.filters(), self.pane.row()
        if not row:
            self.copy(self.pane.value())
        elif filters is None or narrowed is None or not self.look:
            self.copy("")
        else:
            self.reader.ask(_TAKING, partial(_row, view=self.pane.view, filters=filters | narrowed), self.copy)

    def copy(self, text: str) -> None:
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

    @in_turn
    def action_export(self) -> None:
        filters = self.pane.filters()
        if not self.look or filters is None:
            return self.say("There is nothing to export here yet.")
        if isinstance(self.pane, Listing) and not self.pane.rows:
            return self.say("There is nothing to export here: no row is listed.")
        self.export({self.pane.view: filters}, self.pane.listed())

    def export(
        self,
        views: dict[str, dict[str, Any]],
        listed: Callable[[Connection], dict[str, Any]] = lambda db: {},
    ) -> None:
        """Write views as files, and say by what command each is printed; one export does not take another's place.

        Args:
            views: view -> how it is narrowed.
            listed: finds the options of `export` that keep and order the rows.
        """
        taken = command_output.taken(self.store)
        write = partial(_export, views=views, listed=listed, program=self.program, taken=taken)
        asker = object()
        self.reader.ask(asker, write, partial(self._exported, asker))

    def _exported(self, asker: object, told: list[str]) -> None:
        self.reader.leave(asker)
        for one in told:
            self.say(one)


def _row(db: Connection, view: str, filters: dict[str, Any]) -> str:
    """The row under the cursor without a header, tab-separated; an empty cell is NULL."""
    found = queries.rows(db, queries.view(view), filters)
    return "\n".join("\t".join("" if cell is None else plain(cell) for cell in row.values()) for row in found)


def _export(
    db: Connection,
    views: dict[str, dict[str, Any]],
    listed: Callable[[Connection], dict[str, Any]],
    program: str,
    taken: output_files.Taken,
) -> list[str]:
    """Write the files. Returns what to tell the user."""
    told = []
    for view, filters in views.items():
        try:
            options = listed(db)
            path = exports.write(exports.csv(db, view, filters, options), view, filters, Path.cwd(), taken)
            command = exports.command(view, filters, program, options)
            told.append(f"{path.name} written to {path.parent}\n{command}")
        except (OSError, StoreError, CircuitError) as error:
            told.append(f"No file could be written: {error}")
    return told
