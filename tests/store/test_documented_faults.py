"""docs/faults.md: every fault names the tests that show what the program does, and they are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = [
    line.strip("| ").split(" | ")
    for line in (TESTS.parent / "docs" / "faults.md").read_text().splitlines()
    if line.startswith("| ")
]


def test_every_fault_names_tests_that_exist():
    """Invariant: each row has four cells, the last of which are names of tests, as pytest would be given them."""
    head, *rows = ROWS
    assert head[-1] == "test" and len(rows) > 20
    for row in rows:
        assert len(row) == len(head), row[0]
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row[-1])
        assert named and row[-1] == ", ".join(f"`{file}::{test}`" for file, test in named), row[0]
        for file, test in named:
            assert re.search(rf"^(async )?def {test}\(", (TESTS / file).read_text(), re.MULTILINE), (row[0], test)
