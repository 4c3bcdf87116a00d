"""The weights of a checkpoint as they lie on disk: which files are loaded, which tensors they hold, samples of them.

Nothing here needs torch, so that planning a sweep does not wait for it.
"""

from circuit_core.models.weights.files import begun, embedding_of, files, parameters, tensors
from circuit_core.models.weights.fingerprint import fingerprint
from circuit_core.models.weights.tensor import Tensor

__all__ = ["Tensor", "begun", "embedding_of", "files", "fingerprint", "parameters", "tensors"]
