"""Every key of the explorer, once: footer, `?` help and command palette are made from this list.

A key means the same in every pane. `where` says which panes have it; an entry without is everywhere. No key is bound
that does nothing, and none that terminals cannot tell from Enter, Tab, Backspace or newline.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType

PANES = ("models", "checkpoints", "heads", "history", "circuit")
_LISTS = ("models", "checkpoints")
_OPENS = ("models", "checkpoints", "heads")
_MARKS = ("heads", "circuit")
_PLOT = ("history",)
_TREE = ("circuit",)
_CURSOR = ("models", "checkpoints", "heads", "circuit", "jobs")
_JOBS = ("jobs",)
"""The page of the queue, which is not a pane."""


@dataclass(frozen=True)
class Key:
    id: str
    keys: str
    """As Textual names them, separated by commas."""
    action: str
    label: str
    tip: str
    group: str
    where: tuple[str, ...] = ()
    footer: bool = False
    pair: Binding.Group | None = None
    """The footer shows a pair of keys under one word."""

    @property
    def display(self) -> str:
        return " ".join(_NAMES.get(key, key.replace("ctrl+", "^")) for key in self.keys.split(","))

    def binding(self) -> Binding:
        shown = self.display.split()[0]
        return Binding(
            self.keys, self.action, self.label, self.footer, shown, tooltip=self.tip, id=self.id, group=self.pair
        )


_NAMES = {
    "question_mark": "?",
    "f1": "F1",
    "colon": ":",
    "comma": ",",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "underscore": "_",
    "slash": "/",
    "asterisk": "*",
    "escape": "esc",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "shift+tab": "⇧tab",
}

_STEP, _FLOOR = Binding.Group("Step", compact=True), Binding.Group("Threshold", compact=True)

KEYS: tuple[Key, ...] = (
    Key("help", "question_mark,f1", "app.help", "Help", "All keys, to be searched", "Program", footer=True),
    Key("pane.models", "1", "pane('models')", "Models", "Go to the models", "Panes"),
    Key("pane.checkpoints", "2", "pane('checkpoints')", "Checkpoints", "Go to the checkpoints", "Panes"),
    Key("pane.heads", "3", "pane('heads')", "Heads", "Go to the heat map of the heads", "Panes"),
    Key("pane.history", "4", "pane('history')", "History", "Go to the plot over training", "Panes"),
    Key("pane.circuit", "5", "pane('circuit')", "Circuit", "Go to the circuit tree", "Panes"),
    Key("jobs", "7", "app.jobs", "Jobs", "The queue: runs, their units, log, cancel and retry", "Panes"),
    Key("pane.next", "tab", "next_pane(1)", "Next pane", "Go to the next pane", "Panes"),
    Key("pane.previous", "shift+tab", "next_pane(-1)", "Previous pane", "Go to the previous pane", "Panes"),
    Key("zoom.in", "plus", "zoom(True)", "Zoom", "Give the whole screen to this pane", "Panes"),
    Key("zoom.out", "underscore", "zoom(False)", "Unzoom", "Show all panes again", "Panes"),
    Key("back", "escape,backspace", "back", "Back", "Clear the filter, leave the zoom, go one pane back", "Panes"),
    Key("trail.back", "left_square_bracket", "history(-1)", "Before", "Back to what was shown before", "Panes"),
    Key("trail.on", "right_square_bracket", "history(1)", "After", "Forward to what was left by [", "Panes"),
    Key("step.previous", "comma", "step(-1)", "Back", "Previous checkpoint, all follow", "Training", (), True, _STEP),
    Key("step.next", "full_stop", "step(1)", "On", "Next checkpoint, all follow", "Training", (), True, _STEP),
    Key("step.back", "less_than_sign", "step(-10)", "Ten back", "Ten checkpoints back", "Training"),
    Key("step.on", "greater_than_sign", "step(10)", "Ten on", "Ten checkpoints on", "Training"),
    Key("play", "p", "play", "Play", "Play or pause training as a time-lapse", "Training"),
    Key("trends", "W", "trends", "When", "When tasks and roles come and go, and which heads hand them on", "Training"),
    Key("role.next", "m", "role(1)", "Role", "Next role of the heads", "Look", footer=True),
    Key("role.previous", "M", "role(-1)", "Previous role", "Previous role of the heads", "Look"),
    Key("task.next", "T", "task", "Task", "Next task of circuit and behaviour", "Look"),
    Key(
        "algorithm",
        "A",
        "algorithm",
        "Algorithm",
        "How the model does the task: stages of IOI, years of greater-than",
        "Look",
    ),
    Key("attention", "a", "attention", "Attention", "Where the head looks from the answer position", "Look"),
    Key(
        "patch",
        "P",
        "screen.patch",
        "Path patch",
        "The heads that act on this one's q, k, v, and on the logits",
        "Look",
        _MARKS,
    ),
    Key("down", "j,down", "move('down')", "Down", "One down", "Move", _CURSOR),
    Key("up", "k,up", "move('up')", "Up", "One up", "Move", _CURSOR),
    Key("left", "h,left", "move('left')", "Left", "One head to the left", "Move", ("heads",)),
    Key("right", "l,right", "move('right')", "Right", "One head to the right", "Move", ("heads",)),
    Key("first", "g,home", "move('first')", "First", "To the first", "Move", _CURSOR),
    Key("last", "G,end", "move('last')", "Last", "To the last", "Move", _CURSOR),
    Key("page.down", "ctrl+d,pagedown", "move('page_down')", "Page down", "Half a page down", "Move", _CURSOR),
    Key("page.up", "ctrl+u,pageup", "move('page_up')", "Page up", "Half a page up", "Move", _CURSOR),
    Key("open", "enter", "screen.open", "Open", "Choose it and go on to the next pane", "Move", _OPENS),
    Key(
        "filter",
        "slash",
        "screen.filter",
        "Filter",
        "Filter by a regular expression; ! inverts, -f is fuzzy",
        "Lists",
        _LISTS,
        True,
    ),
    Key("match.next", "n", "screen.match(1)", "Next match", "Next row that the filter left", "Lists", _LISTS),
    Key("match.previous", "N", "screen.match(-1)", "Previous match", "Previous row of the filter", "Lists", _LISTS),
    Key("sort", "s", "sort", "Sort", "Sort by the next column", "Lists", _LISTS, True),
    Key("sort.reverse", "S", "reverse", "Reverse", "Reverse the order", "Lists", _LISTS),
    Key("mark", "space", "screen.mark", "Mark", "Mark the head: marked heads are plotted", "Look", _MARKS, True),
    Key("range", "v", "screen.range", "Range", "Mark from the last mark to the cursor, row by row", "Look", _MARKS),
    Key("marks", "asterisk", "marks", "Marks", "Clear all marks; if there are none, mark the strongest heads", "Look"),
    Key("history.back", "h,left", "screen.step(-1)", "Back", "Previous checkpoint", "Plot", _PLOT),
    Key("history.on", "l,right", "screen.step(1)", "On", "Next checkpoint", "Plot", _PLOT),
    Key("axis", "X", "axis", "Log axis", "Logarithmic or linear axis of training", "Plot", _PLOT, True),
    Key("behaviour", "B", "behaviour", "Behaviour", "Plot the task's metric, or heads again", "Plot", _PLOT, True),
    Key("plot.closer", "z", "closer", "Closer", "Halve the span around the checkpoint", "Plot", _PLOT),
    Key("plot.wider", "Z", "wider", "Wider", "Double the span shown", "Plot", _PLOT),
    Key("plot.reset", "0", "reset", "Reset", "Show all of training", "Plot", _PLOT),
    Key("expand", "enter,l,right", "expand", "Expand", "Show what the node reads", "Tree", _TREE, True),
    Key("fold", "h,left", "fold", "Fold", "Fold the node, or go to its parent", "Tree", _TREE),
    Key("sibling.next", "J", "sibling(1)", "Next sibling", "Next node on this level", "Tree", _TREE),
    Key("sibling.previous", "K", "sibling(-1)", "Previous sibling", "Previous node on this level", "Tree", _TREE),
    Key("floor.lower", "left_curly_bracket", "threshold(-1)", "Less", "Show weaker edges", "Tree", _TREE, True, _FLOOR),
    Key("floor.raise", "right_curly_bracket", "threshold(1)", "More", "Stronger only", "Tree", _TREE, True, _FLOOR),
    Key("expand.all", "z", "expand_all", "Expand all", "Open every node once, down to the threshold", "Tree", _TREE),
    Key("fold.all", "Z", "fold_all", "Fold all", "Fold the whole tree", "Tree", _TREE),
    Key("tree.reset", "0", "reset", "Reset", "Fold the tree and show all edges", "Tree", _TREE),
    Key("jobs.cancel", "ctrl+x", "cancel", "Cancel", "Cancel the run; asks first", "Jobs", _JOBS, True),
    Key("jobs.retry", "R", "retry", "Retry", "Go on with the run, failed units included", "Jobs", _JOBS, True),
    Key("jobs.log", "L", "log", "Log", "The end of the run's log, as it grows", "Jobs", _JOBS, True),
    Key("jobs.pause", "P", "pause", "Pause", "Stop looking at the queue; the run goes on", "Jobs", _JOBS, True),
    Key(
        "jobs.open", "enter", "open", "Open", "From the run to its units, from a unit to its checkpoint", "Jobs", _JOBS
    ),
    Key("jobs.other", "tab,shift+tab", "other", "Other list", "To the units, or back to the runs", "Jobs", _JOBS),
    Key("provenance", "i", "provenance", "Where from", "Where the number comes from, and its command", "Take away"),
    Key("copy", "y", "copy(False)", "Copy", "Send the value to the terminal's clipboard", "Take away"),
    Key("copy.row", "Y", "copy(True)", "Copy row", "Send the row, tab-separated, to the clipboard", "Take away"),
    Key("export", "e", "export", "Export", "Write the view of this pane or page as CSV", "Take away", footer=True),
    Key("run", "ctrl+r", "app.run", "Run", "Start a run: what to compute, and what that would cost", "Program"),
    Key("reload", "r", "app.reload", "Reload", "Open the store again and draw the whole screen", "Program"),
    Key("theme", "t", "app.theme", "Theme", "Dark or light", "Program"),
    Key("error", "E", "app.error", "Last error", "The last error in full", "Program"),
    Key("palette", "colon,ctrl+p", "app.command_palette", "Commands", "Search every command", "Program"),
    Key("suspend", "ctrl+z", "app.suspend_process", "Suspend", "Back to the shell; fg returns", "Program"),
    Key("quit", "q,ctrl+q", "app.quit", "Quit", "Leave; a sweep goes on", "Program", footer=True),
)


def of(pane: str | None = None) -> list[BindingType]:
    """The bindings of a pane, or those that are everywhere."""
    return [key.binding() for key in KEYS if (pane in key.where if pane else not key.where)]


def named(*ids: str, shown: bool = False) -> list[BindingType]:
    """The bindings of some keys, for a page that has them too; `shown` in its footer."""
    return [replace(key, footer=shown).binding() for key in KEYS if key.id in ids]


def matching(words: str) -> Iterable[Key]:
    """Keys whose text holds each of the words."""
    wanted = words.lower().split()
    for key in KEYS:
        text = f"{key.display} {key.label} {key.tip} {key.group} {' '.join(key.where)}".lower()
        if all(word in text for word in wanted):
            yield key
