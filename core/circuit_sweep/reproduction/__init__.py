"""Does a store agree with what the paper and later ones found? Each finding is a row of numbers, each with a verdict.

`findings.toml` holds the findings, with their sources and tolerances; `measures` the numbers, from the store's views;
`verdicts` puts the two side by side.
"""

from circuit_sweep.reproduction.verdicts import COLUMNS, VERDICTS, reproduced

__all__ = ["COLUMNS", "VERDICTS", "reproduced"]
