"""A float32 matrix as a blob: bytes shuffled (all first bytes, then all second bytes, ...), then zlib.

Shuffling brings the exponents together, which is what compresses; nothing is rounded.
"""

import zlib

import numpy as np


def pack(matrix: np.ndarray) -> bytes:
    planes = np.ascontiguousarray(matrix, dtype="<f4").view(np.uint8).reshape(-1, 4).T
    return zlib.compress(planes.tobytes(), 6)


def unpack(blob: bytes, shape: tuple[int, int]) -> np.ndarray:
    planes = np.frombuffer(zlib.decompress(blob), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").reshape(shape)
