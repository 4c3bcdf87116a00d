"""The models of the store and how far each is computed."""

from typing import Any

from rich.text import Text

from circuit_tui.explorer import bindings
from circuit_tui.explorer.state import Selection, ViewState
from circuit_tui.explorer.widgets.list_pane import Listing, Row
from circuit_tui.explorer.widgets.notation import bar, plain, short


class Models(Listing):
    NAME = "models"
    ABOUT = (
        "Models and how far they are computed: ctrl+r asks for a run; in a shell, `circuit-tui demo` brings the sample "
        "suite, `run MODEL` your own."
    )
    SORTS = ("model", "params", "computed")
    BINDINGS = bindings.of("models")

    @property
    def analysis(self) -> None:
        return None

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return ()

    def follow(self, look: ViewState) -> None:
        """All of it is known already."""
        before, self.look, self.all = self.all, look, look.held.models
        if self._loaded and before == self.all:
            self.point()
        else:
            self._loaded = (True,)
            self.draw()

    def line(self, row: Row, width: int) -> Text:
        done, total = row["computed"], row["checkpoints"]
        count = f"{done}/{total}"
        size = f"{short(row['params']):>5} " if width >= 28 else ""
        meter = bar(done / total if total else 0, 4)
        name = Text(plain(row["model"]), no_wrap=True)
        name.truncate(max(4, width - len(size) - 5 - 8), overflow="ellipsis", pad=True)
        return name + self.dim(f" {size}{count:>7} ") + Text(meter, self.colours.accent)

    def words(self, row: Row) -> str:
        return f"{row['model']} {row['suite']} {row['source']}"

    def chosen(self, row: Row) -> bool:
        return row["model"] == self.at.model

    def choose(self, row: Row) -> None:
        self.wish(model=row["model"])

    def note(self, row: Row | None) -> str:
        if row is None:
            return ""
        return f"{row['n_layers'] or '?'} layers × {row['n_heads'] or '?'} heads · {plain(row['suite'])}"

    def filters(self) -> dict[str, Any]:
        return {}

    def row(self) -> dict[str, Any] | None:
        return {"model": self.at.model} if self.at.model else None

    def value(self) -> str:
        return self.at.model or ""
