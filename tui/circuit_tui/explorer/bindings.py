"""Every key of the explorer, once: footer, `?` help and command palette are made from this list.

A key means the same everywhere. `where` says which screens, or panes of the first screen, have it; an entry without is
on every screen. No key is bound that does nothing, and none that terminals cannot tell from Enter, Tab, Backspace or
newline.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType

from circuit_tui.explorer.screen_names import PANES, SCREENS

SCREEN_KEYS = tuple(f"screen.{name}" for name in SCREENS)
"""Their ids."""
_EXPLORE = ("screen.explore",)
_LISTS = ("models", "checkpoints")
_OPENS = ("models", "checkpoints", "heads", "screen.study")
_MARKS = ("heads", "circuit")
_PLOT = ("history",)
_PLOTS = ("history", "screen.study")
_ZOOMED = (*_EXPLORE, "screen.study", "screen.circuit")
_TREE = ("circuit",)
_CIRCUIT = ("screen.circuit",)
_CURSOR = ("models", "checkpoints", "heads", "circuit", "screen.study", "screen.jobs", *_CIRCUIT)
_JOBS = ("screen.jobs",)


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
    """Panes by their names, screens by the ids of the keys that go to them; nothing: every screen."""
    footer: bool = False
    pair: Binding.Group | None = None
    """The footer shows a pair of keys under one word."""
    first: bool = False
    """Heard before what has the focus: the next key, typed at once, finds what this one has opened."""

    @property
    def display(self) -> str:
        return " ".join(_NAMES.get(key, key.replace("ctrl+", "^")) for key in self.keys.split(","))

    @property
    def screen(self) -> str | None:
        """The first screen that has it; None for every screen."""
        places = [name.removeprefix("screen.") if name not in PANES else "explore" for name in self.where]
        return next(iter(places), None)

    @property
    def places(self) -> str:
        """Where it works, in words."""
        return ", ".join(name.removeprefix("screen.") + (" screen" if "." in name else "") for name in self.where)

    def binding(self) -> Binding:
        shown = self.display.split()[0]
        return Binding(
            self.keys, self.action, self.label, self.footer, shown, self.first, self.tip, self.id, group=self.pair
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
    *(
        Key(SCREEN_KEYS[number - 1], str(number), f"app.screen('{name}')", name.capitalize(), tip, "Screens")
        for number, (name, tip) in enumerate(SCREENS.items(), 1)
    ),
    Key("part.next", "tab", "next_part(1)", "Next part", "Go to the next part of the screen", "Screens"),
    Key("part.previous", "shift+tab", "next_part(-1)", "Previous part", "Go to the previous part", "Screens"),
    Key("jump", "ctrl+o", "app.jump", "Jump", "Go to a part of the screen by its letter", "Screens", first=True),
    Key("zoom.in", "plus", "zoom(True)", "Zoom", "Give the whole screen to this pane", "Screens", _ZOOMED),
    Key("zoom.out", "underscore", "zoom(False)", "Unzoom", "Show all panes again", "Screens", _ZOOMED),
    Key("back", "escape,backspace", "back", "Back", "Clear the filter, leave the zoom, close the screen", "Screens"),
    Key("trail.back", "left_square_bracket", "history(-1)", "Before", "Back to what was shown before", "Screens"),
    Key("trail.on", "right_square_bracket", "history(1)", "After", "Forward to what was left by [", "Screens"),
    Key("step.previous", "comma", "step(-1)", "Back", "Previous checkpoint, all follow", "Training", (), True, _STEP),
    Key("step.next", "full_stop", "step(1)", "On", "Next checkpoint, all follow", "Training", (), True, _STEP),
    Key("step.back", "less_than_sign", "step(-10)", "Ten back", "Ten checkpoints back", "Training"),
    Key("step.on", "greater_than_sign", "step(10)", "Ten on", "Ten checkpoints on", "Training"),
    Key("play", "p", "play", "Play", "Play or pause training as a time-lapse", "Training"),
    Key(
        "trends",
        "W",
        "app.page('trends')",
        "When",
        "When tasks and roles come and go, and which heads hand them on",
        "Training",
    ),
    Key("event.next", "f", "event(1)", "Event", "Next event: a task or role comes, goes or is handed on", "Training"),
    Key("event.previous", "F", "event(-1)", "Last event", "The event before this checkpoint", "Training"),
    Key(
        "role",
        "m",
        "app.roles",
        "Role",
        "Choose a role of the heads; m again is the next",
        "Look",
        footer=True,
        first=True,
    ),
    Key("role.previous", "M", "role(-1)", "Previous role", "Previous role of the heads", "Look"),
    Key("model.next", "o", "model(1)", "Model", "Next model", "Look"),
    Key("model.previous", "O", "model(-1)", "Previous model", "Previous model", "Look"),
    Key("task.next", "T", "task", "Task", "Next task of circuit and behaviour", "Look"),
    Key(
        "algorithm",
        "A",
        "app.page('algorithm')",
        "Algorithm",
        "How the model does the task: stages of IOI, years of greater-than",
        "Look",
    ),
    Key("attention", "a", "app.page('attention')", "Attention", "Where the head looks from the answer", "Look"),
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
    Key("left", "h,left", "move('left')", "Left", "One head to the left", "Move", ("heads", *_CIRCUIT)),
    Key("right", "l,right", "move('right')", "Right", "One head to the right", "Move", ("heads", *_CIRCUIT)),
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
    Key(
        "marks",
        "asterisk",
        "marks",
        "Marks",
        "Clear all marks; if there are none, mark the strongest heads",
        "Look",
        _EXPLORE,
    ),
    Key("history.back", "h,left", "screen.step(-1)", "Left", "Previous checkpoint", "Plot", _PLOTS),
    Key("history.on", "l,right", "screen.step(1)", "Right", "Next checkpoint", "Plot", _PLOTS),
    Key("axis", "X", "axis", "Log axis", "Logarithmic or linear axis of training", "Plot", _PLOTS, True),
    Key("behaviour", "B", "behaviour", "Behaviour", "Plot the task's metric, or heads again", "Plot", _PLOT, True),
    Key(
        "series",
        "d",
        "series",
        "Series",
        "What the series are: models, sizes over their seeds, or tasks",
        "Plot",
        ("screen.study",),
        True,
    ),
    Key("plot.closer", "z", "closer", "More", "Halve the span around the checkpoint", "Plot", _PLOTS),
    Key("plot.wider", "Z", "wider", "Less", "Double the span shown", "Plot", _PLOTS),
    Key("plot.reset", "0", "reset", "Reset", "Show all of training", "Plot", _PLOTS),
    Key("expand", "enter", "expand", "Open", "Show what the node reads", "Tree", _TREE, True),
    Key("expand.right", "l,right", "expand", "Right", "Show what the node reads", "Tree", _TREE),
    Key("fold", "h,left", "fold", "Left", "Fold the node, or go to its parent", "Tree", _TREE),
    Key("sibling.next", "J", "sibling(1)", "Next sibling", "Next node on this level", "Tree", _TREE),
    Key("sibling.previous", "K", "sibling(-1)", "Previous sibling", "Previous node on this level", "Tree", _TREE),
    Key(
        "floor.lower",
        "left_curly_bracket",
        "threshold(-1)",
        "Weaker",
        "Show weaker edges",
        "Tree",
        (*_TREE, *_CIRCUIT),
        True,
        _FLOOR,
    ),
    Key(
        "floor.raise",
        "right_curly_bracket",
        "threshold(1)",
        "Stronger",
        "Stronger only",
        "Tree",
        (*_TREE, *_CIRCUIT),
        True,
        _FLOOR,
    ),
    Key("expand.all", "z", "expand_all", "More", "Open every node once, down to the threshold", "Tree", _TREE),
    Key("fold.all", "Z", "fold_all", "Less", "Fold the whole tree", "Tree", _TREE),
    Key("tree.reset", "0", "reset", "Reset", "Fold the tree and show all edges", "Tree", _TREE),
    Key("floor.reset", "0", "reset", "Reset", "As many edges as there is room for", "Tree", _CIRCUIT),
    Key("node.open", "enter", "open", "Open", "Select the head under the cursor", "Tree", _CIRCUIT, True),
    Key("jobs.cancel", "ctrl+x", "cancel", "Cancel", "Cancel the run; asks first", "Jobs", _JOBS, True),
    Key("jobs.retry", "R", "retry", "Retry", "Go on with the run, failed units included", "Jobs", _JOBS, True),
    Key("jobs.log", "L", "log", "Log", "The end of the run's log, as it grows", "Jobs", _JOBS, True),
    Key("jobs.pause", "p", "pause", "Play", "Stop or go on looking at the queue; the run goes on", "Jobs", _JOBS, True),
    Key(
        "jobs.open", "enter", "open", "Open", "From the run to its units, from a unit to its checkpoint", "Jobs", _JOBS
    ),
    Key("jobs.other", "tab", "other", "Next part", "To the units, or back to the runs", "Jobs", _JOBS),
    Key("jobs.other.back", "shift+tab", "other", "Previous part", "To the runs, or back to the units", "Jobs", _JOBS),
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


def of(place: str | None = None) -> list[BindingType]:
    """The bindings of a screen or a pane, or those that are everywhere."""
    return [key.binding() for key in KEYS if (place in key.where if place else not key.where)]


def named(*ids: str, shown: bool = False) -> list[BindingType]:
    """The bindings of some keys, for a page that has them too; `shown` in its footer."""
    return [replace(key, footer=shown).binding() for key in KEYS if key.id in ids]


def matching(words: str) -> Iterable[Key]:
    """Keys whose text holds each of the words."""
    wanted = words.lower().split()
    for key in KEYS:
        text = f"{key.display} {key.label} {key.tip} {key.group} {key.places}".lower()
        if all(word in text for word in wanted):
            yield key
