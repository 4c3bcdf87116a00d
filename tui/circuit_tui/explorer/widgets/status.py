"""The lines above and below the panes: the selection, and the progress of the sweep."""

from pathlib import Path

from rich.text import Text

from circuit_store.display_text import lasting
from circuit_store.queue import runs
from circuit_store.queue.places import said
from circuit_sweep.runner import launch
from circuit_tui.explorer import theme
from circuit_tui.explorer.state import ViewState
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import bar, head_name, plain


class Crumbs(Note):
    """Model > step > role > head, and the task; marks at the end."""

    DEFAULT_CSS = "Crumbs { height: 1; }"

    def follow(self, look: ViewState | None, pane: str, single: bool) -> None:
        at = look.at if look else None
        if at is None or at.model is None:
            self.say(Text("circuit-tui"))
            return
        accent = theme.palette(self.app.current_theme.dark).accent
        place = look.held.places.get(at.step) if look and at.step is not None else None
        step = f"step {at.step}" if place is None else f"step {at.step} {said(place)}"
        parts = [plain(at.model), step, plain(at.role or ""), head_name(at.head) if at.head else ""]
        line = Text(" › ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis")
        if at.task:
            line.append(f"   task {plain(at.task)}")
        if at.marks:
            line.append(f"   {len(at.marks)} marked")
        if single:
            line.append("   ").append(f"[{pane}]", f"bold {accent}")
        self.say(line)


_PATIENCE = 6
"""Looks in a row without a runner before a sweep is said to have stopped: one that starts takes a moment."""


class Status(Note):
    """How the open runs go; without any, which store this is."""

    DEFAULT_CSS = "Status { height: 1; }"
    _progress: runs.Progress | None = None
    _waiting = False
    _store = Path()
    _playing = False
    _alone = 0
    """Looks in a row that found units to compute and nobody who does."""

    def follow(self, progress: runs.Progress | None, store: Path, playing: bool) -> None:
        self._progress, self._store, self._playing = progress, store, playing
        self._draw()

    def wait(self, waiting: bool) -> None:
        """`waiting`: something takes long to read."""
        if waiting != self._waiting:
            self._waiting = waiting
            self._draw()

    def look_after(self) -> None:
        """See whether someone still computes: a runner that died has changed nothing in the store."""
        alive = self._progress is None or launch.alive(self._store)
        self._alone = 0 if alive else self._alone + 1
        self._draw()

    @property
    def stopped(self) -> bool:
        """Something waits to be computed, and nobody does it."""
        return self._progress is not None and self._alone >= _PATIENCE

    def _draw(self) -> None:
        line = Text(no_wrap=True, overflow="ellipsis")
        if self._playing:
            line.append("playing, p pauses   ", "bold")
        if self._waiting:
            line.append("reading, esc stops   ", "bold")
        if self._progress is None:
            line.append(f"store {plain(self._store)}")
        elif self.stopped:
            settled = self._progress.done + self._progress.failed
            line.append(f"the sweep stopped at {settled}/{self._progress.total}: the same command goes on")
        else:
            self._sweep(line, self._progress)
        self.say(line)

    def _sweep(self, line: Text, progress: runs.Progress) -> None:
        settled = progress.done + progress.failed
        accent = theme.palette(self.app.current_theme.dark).accent
        line.append("sweep ").append(bar((settled + progress.fraction) / progress.total, 10).replace(" ", "░"), accent)
        line.append(f" {settled}/{progress.total}")
        line.append(f", {progress.failed} failed" if progress.failed else "")
        line.append(f" · {plain(progress.current)}" if progress.current else " · waiting for the runner")
        if (left := progress.seconds_left) is not None:
            line.append(f" · about {lasting(left)} left")
