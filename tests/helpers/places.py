"""Where test data lies."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLE = Path(__file__).parents[2] / "sample_data" / "sample-0.1m"
