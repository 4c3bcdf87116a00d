"""The rooms of each package form no circle, and docs/architecture.md names each of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest
from places import ROOT

PACKAGES = {name: ROOT / floor / name for floor, name in (
    ("core", "circuit_core"), ("core", "circuit_sweep"), ("store", "circuit_store"), ("tui", "circuit_tui"),
)}  # fmt: skip
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def rooms(package: Path) -> set[str]:
    """Folders and files directly in a package."""
    parts = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    return parts - {"__init__", "__main__"}


def imported(package: Path) -> Iterator[tuple[str, str]]:
    """Room and the room of the same package that it imports."""
    for file in package.rglob("*.py"):
        here = file.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package.name:
                parts = node.module.split(".")[1:]
                for there in parts[:1] or [alias.name for alias in node.names]:
                    yield here, there


@pytest.mark.parametrize("name", PACKAGES)
def test_rooms_form_no_circle(name):
    package = PACKAGES[name]
    known = rooms(package)
    graph = nx.DiGraph((a, b) for a, b in imported(package) if a != b and {a, b} <= known)
    assert graph.number_of_edges() > 5
    assert not (circles := list(nx.simple_cycles(graph))), circles


@pytest.mark.parametrize("name", ["circuit_core", "circuit_sweep"])
def test_every_room_is_in_the_page(name):
    assert {room for room in rooms(PACKAGES[name]) if f"`{room}`" not in PAGE} == set()
