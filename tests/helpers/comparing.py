"""Two records side by side: all their numbers."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def numbers(part: Any) -> list[float]:
    """Every number of a record, however deep."""
    if isinstance(part, np.ndarray | torch.Tensor):
        return numbers(part.tolist())
    if isinstance(part, dict):
        return numbers(list(part.values()))
    if isinstance(part, list | tuple):
        return [number for one in part for number in numbers(one)]
    if isinstance(part, int | float):
        return [float(part)]
    if isinstance(part, str) and part.startswith("["):
        return numbers(json.loads(part))
    return numbers(vars(part)) if hasattr(part, "__dict__") else []


def unlike(found: Mapping[str, Any], expected: Mapping[str, Any], within: float = 1e-5) -> dict[str, float]:
    """Records of which a number differs by more than a share of the record's largest, and by how much."""
    assert found.keys() == expected.keys()
    differences = {title: _difference(numbers(found[title]), numbers(expected[title])) for title in expected}
    return {title: difference for title, difference in differences.items() if not difference <= within}


def _difference(found: list[float], expected: list[float]) -> float:
    if len(found) != len(expected) or (np.isnan(found) != np.isnan(expected)).any():
        return np.inf
    largest = np.nanmax(np.abs(expected), initial=0)
    return float(np.nanmax(np.abs(np.subtract(found, expected)), initial=0) / (largest or 1))
