"""Equal weights are found by a hash over names, shapes and samples of the tensors that are loaded (METHODS l.16).

It is the same for a `.bin` and a `.safetensors` of the same numbers, and does not see weights that are tied and saved
twice. The same weights in two precisions differ.
"""

import hashlib
from pathlib import Path

from circuit_core.errors import CheckpointError
from circuit_core.models.weights.files import repeated, tensors


def fingerprint(folder: Path) -> str:
    """32 hexadecimal digits. Raises: CheckpointError."""
    found = tensors(folder)
    try:
        tied = repeated(found)
        digest = hashlib.sha256()
        for name in sorted(found.keys() - {tied}):
            digest.update(f"{name} {found[name].dtype} {found[name].shape}\0".encode())
            digest.update(found[name].sample())
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a row needs more memory than there is"
        raise CheckpointError(f"The weights in {folder} cannot be read ({reason}): fetch them again.") from None
    return digest.hexdigest()[:32]
