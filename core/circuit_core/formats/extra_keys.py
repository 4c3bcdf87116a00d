"""Further keys of a circuit's file, as JSON holds them: tensors as lists, null for numbers that are not finite."""

from math import isfinite
from typing import Any

from circuit_core.errors import FormatError

VALUES, NUMBERS = 10**6, 10**7
"""How many values further keys may hold, and numbers in tensors: a small file can name one of them many times over."""
_DIGITS = 2**12
"""Binary digits of a whole number."""


def plain(extra: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Raises: FormatError, if JSON cannot hold them, or they are too many."""
    walk = _Walk()
    return {where: {key: walk.named(key, value) for key, value in keys.items()} for where, keys in extra.items()}


class _Walk:
    def __init__(self) -> None:
        self.values, self.numbers = VALUES, NUMBERS

    def named(self, key: Any, value: Any) -> Any:
        """The value of a key that stands in the file; errors name it."""
        try:
            return self._value(value)
        except TypeError as error:
            raise FormatError(f"The further key {str(key)[:40]!r} holds {error}, which JSON cannot.") from None
        except RecursionError:
            raise FormatError(f"The further key {str(key)[:40]!r} is nested too deeply for JSON.") from None

    def _value(self, value: Any) -> Any:
        self.values -= 1
        if self.values < 0:
            raise FormatError(f"The further keys hold more than {VALUES:,} values.")
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) and value.bit_length() <= _DIGITS:
            return value
        if isinstance(value, float):
            return value if isfinite(value) else None
        if isinstance(value, dict):
            return {self._key(key): self._value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(item) for item in value]
        return self._tensor(value)

    def _key(self, key: Any) -> Any:
        if isinstance(key, str | bool | int):
            return key
        raise TypeError(f"a key of type {type(key).__name__}")

    def _tensor(self, tensor: Any) -> Any:
        import torch

        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.is_complex():
            raise TypeError(f"a value of type {type(tensor).__name__}")
        self.numbers -= tensor.numel()
        if self.numbers < 0:
            raise FormatError(f"The tensors of further keys hold more than {NUMBERS:,} numbers.")
        numbers = tensor.detach().tolist()
        return numbers if tensor.isfinite().all() else _finite(numbers)


def _finite(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_finite(number) for number in numbers]
    return numbers if isfinite(numbers) else None
