"""A question before something is ended: `y` does it, everything else leaves it."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class Confirm(ModalScreen[bool]):
    """True if the user says yes."""

    BINDINGS = [("y", "dismiss(True)", "Yes"), ("n,escape,q,backspace,enter", "dismiss(False)", "No")]
    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical {
        width: 90%; max-width: 72; height: auto; background: $panel; padding: 1 2;
        border-top: solid $warning; border-title-color: $warning;
    }
    """

    def __init__(self, title: str, question: str):
        super().__init__()
        self.question, self._title = question, title

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield Static(Text(f"{self.question}\n\ny yes   n no"))
