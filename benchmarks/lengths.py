"""How long files and functions are, and which functions nothing but one line needs.

    python benchmarks/lengths.py [REVISION]      (else: the files as they lie)

By package: files, the median and 90th percentile of their lines, the longest; functions likewise; and module-level
functions, private or not, that are named once in the whole tree outside tests and exports. Docstrings count.
"""

import ast
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = ("core", "store", "tui")
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def sources(revision: str | None) -> Iterator[tuple[str, str]]:
    """Path and text of each file of the program."""
    if revision is None:
        for floor in FLOORS:
            yield from ((str(p.relative_to(ROOT)), p.read_text()) for p in sorted((ROOT / floor).rglob("*.py")))
        return
    listed = ["git", "ls-tree", "-r", "--name-only", revision, "--", *FLOORS]
    for path in _said(listed).splitlines():
        if path.endswith(".py"):
            yield path, _said(["git", "show", f"{revision}:{path}"])


def _said(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def named(tree: ast.Module) -> Iterator[str]:
    """Every name that the code uses, as a name, an attribute or an import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname)


def row(title: str, files: list[int], functions: list[int]) -> str:
    shares = [
        f"{statistics.median(lengths):4.0f} {statistics.quantiles(lengths, n=10)[-1]:4.0f} {max(lengths):4d}"
        for lengths in (files, functions)
    ]
    return f"{title:16} {len(files):5d}  {shares[0]}  {len(functions):6d}  {shares[1]}"


def main() -> None:
    trees = {path: (ast.parse(text), text) for path, text in sources(*sys.argv[1:2] or [None])}
    used = Counter(name for tree, _ in trees.values() for name in named(tree))
    packages: dict[str, tuple[list[int], list[int]]] = {}
    top: list[str] = []
    for path, (tree, text) in trees.items():
        files, functions = packages.setdefault(path.split("/")[1], ([], []))
        files.append(text.count("\n"))
        functions += [
            n.end_lineno - n.lineno + 1 for n in ast.walk(tree) if isinstance(n, FUNCTION) and n.end_lineno is not None
        ]
        top += [n.name for n in tree.body if isinstance(n, FUNCTION)]
    print(f"{'package':16} files  median p90 max  functions  median p90 max")
    for package, (files, functions) in packages.items():
        print(row(package, files, functions))
    print(row("all", *([n for both in packages.values() for n in both[i]] for i in (0, 1))))
    once = [name for name in top if used[name] == 1]
    private = [name for name in once if name.startswith("_")]
    print(f"\nmodule-level functions: {len(top)}, named once: {len(once)} ({len(once) / len(top):.0%}), "
          f"of them private: {len(private)}")  # fmt: skip


if __name__ == "__main__":
    main()
