"""A circuit as a tree that opens upstream from the logits.

A circuit is a graph: a node that many read would be opened under each of them. It has one place of its own, the one
nearest to the logits; elsewhere it is marked, and opens there only when asked.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from circuit_store.queries import CircuitEdge

Into = Mapping[str, list[CircuitEdge]]
Path = tuple[str, ...]
ROOT: Path = ("logits",)


@dataclass(frozen=True)
class Branch:
    """One row of the tree: a node, and the edge by which its parent reads it."""

    path: Path
    node: str
    edge: CircuitEdge | None
    opens: bool
    """It reads something that is shown."""
    open: bool
    again: bool = False
    """It has its own place elsewhere."""

    @property
    def depth(self) -> int:
        return len(self.path) - 1


def step_of(edge: CircuitEdge) -> str:
    """The edge as a step of a path: the node, and the reader's port."""
    return f"{edge.src}<{edge.port}>" if edge.port else edge.src


def shown(into: Into, node: str, floor: float) -> list[CircuitEdge]:
    """What the node reads, without edges weaker than `floor`, as those without a score are."""
    return [edge for edge in into.get(node, ()) if abs(edge.score or 0) >= floor]


def branches(into: Into, opened: set[Path], floor: float) -> list[Branch]:
    """The rows of the tree from top to bottom."""
    found = list(_walk(into, opened, floor, ROOT, "logits", None))
    own: dict[str, Branch] = {}
    for branch in sorted(found, key=lambda b: b.depth):
        own.setdefault(branch.node, branch)
    return [replace(b, again=b.opens and own[b.node] is not b) for b in found]


def _walk(
    into: Into, opened: set[Path], floor: float, path: Path, node: str, edge: CircuitEdge | None
) -> Iterator[Branch]:
    below = shown(into, node, floor)
    yield Branch(path, node, edge, bool(below), path in opened)
    if path in opened:
        for edge in below:
            yield from _walk(into, opened, floor, (*path, step_of(edge)), edge.src, edge)


def everything(into: Into, floor: float) -> set[Path]:
    """The paths that open every node once, each at its own place."""
    opened: set[Path] = set()
    seen = set()
    waiting = deque([(ROOT, "logits")])
    while waiting:
        path, node = waiting.popleft()
        below = shown(into, node, floor)
        if node in seen or not below:
            continue
        seen.add(node)
        opened.add(path)
        waiting.extend(((*path, step_of(edge)), edge.src) for edge in below)
    return opened
