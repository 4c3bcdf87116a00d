"""A float32 matrix as a blob: bytes shuffled (all first bytes, then all second bytes, ...), then zlib.

Shuffling brings the exponents together, which is what compresses; nothing is rounded.
"""

import zlib
from typing import Any

import numpy as np

_LAYOUT = (
    "float32 [source, port], bytes shuffled, zlib; with H heads a layer, source 0 is input, 1 + l(H+1) + h head h of"
    " layer l, 1 + l(H+1) + H its MLP; port l(3H+1) + cH + h is q, k, v (c = 0, 1, 2) of a head, l(3H+1) + 3H the"
    " MLP, the last the logits; zero where there is no edge"
)


def pack(matrix: np.ndarray) -> bytes:
    planes = np.ascontiguousarray(matrix, dtype="<f4").view(np.uint8).reshape(-1, 4).T
    return zlib.compress(planes.tobytes(), 6)


def unpack(blob: bytes, shape: tuple[int, int]) -> np.ndarray:
    return matrix(planes(blob), shape)


def planes(blob: bytes) -> np.ndarray:
    """uint8 [byte of a number, number]: as they are kept."""
    return np.frombuffer(zlib.decompress(blob), np.uint8).reshape(4, -1)


def matrix(of: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Of planes."""
    return np.ascontiguousarray(of.T).view("<f4").reshape(shape)


def values(of: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Some of the numbers of planes, row by row counted."""
    return np.ascontiguousarray(of[:, places].T).view("<f4").reshape(-1)


def edge_scores(scores: np.ndarray | None, shape: tuple[int, ...]) -> dict[str, Any]:
    """The columns of `circuit` with the scores of every edge of a model [source, port]; None where it has none."""
    sources, ports = shape
    blob = None if scores is None else pack(scores)
    about = {"scores_dtype": "float32", "scores_sources": sources, "scores_ports": ports, "scores_layout": _LAYOUT}
    return {"scores": blob, **about}
