"""What the screens over the panes know of them: what is looked at, of which store, and how to choose something else."""

from pathlib import Path
from typing import Any, Protocol

from circuit_tui.explorer.state import ViewState


class Panes(Protocol):
    store: Path
    look: ViewState | None

    @property
    def program(self) -> str:
        """The command with the store, as it is typed."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether something waits to be computed that nobody computes."""
        ...

    def export(self, look: ViewState, view: str, filters: dict[str, Any]) -> None: ...
    def choose(self, **changes: Any) -> None: ...
    def action_step(self, by: int) -> None: ...
    def say(self, text: str) -> None: ...
