"""The way that led here: selections that were left, to go back to and forward again."""

from dataclasses import replace

from circuit_tui.explorer.state import Selection

_LONGEST = 100


class Trail:
    """Marks are no part of the way: they are the model's, wherever one goes."""

    def __init__(self) -> None:
        self._past: list[Selection] = []
        self._future: list[Selection] = []

    def leave(self, here: Selection, there: Selection) -> None:
        """Something else was chosen."""
        if replace(here, marks=()) != replace(there, marks=()):
            self._past = [*self._past, here][-_LONGEST:]
            self._future = []

    def back(self, here: Selection) -> Selection | None:
        return self._go(here, self._past, self._future)

    def forward(self, here: Selection) -> Selection | None:
        return self._go(here, self._future, self._past)

    def _go(self, here: Selection, there: list[Selection], behind: list[Selection]) -> Selection | None:
        if not there:
            return None
        behind.append(here)
        return there.pop()
