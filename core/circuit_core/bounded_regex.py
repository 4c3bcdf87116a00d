"""Regular expressions that a user gives, matched within bounds of time and memory.

Some take exponentially long, as `(a+)+$` does on many an `a` with something behind them. The package `regex`, which
reads the syntax of `re`, can be told to stop; it is imported only where there is an expression. What would take
memory without end is refused: recursion, and repeats of repeats that come to more than `MOST_REPEATS`.
"""

import re
import time
import warnings
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from circuit_core.errors import BadPattern

LONGEST = 1000
"""Characters."""
MOST_REPEATS = 100_000
SECONDS, EACH = 2.0, 1e-4
"""CPU seconds that matching may take: at all, and more for each text. An ordinary one takes a microsecond a text."""
_COUNT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_RECURSION = re.compile(r"\(\?(?:R|[-+]?\d|&|P>)")


class Pattern:
    """A compiled expression.

    Args:
        option: where it was given, for messages.
        seconds: of CPU time that matching may take at all; `SECONDS` by default.

    Raises:
        BadPattern: it is not a regular expression, or one that is out of bounds; from `search` and `fullmatch` too.
    """

    def __init__(self, text: str, option: str, seconds: float | None = None) -> None:
        self.given = f"{option} {text if len(text) <= 80 else text[:80] + '...'}"
        self.left = SECONDS if seconds is None else seconds
        self._compiled = self._compile(text)

    @property
    def groups(self) -> Mapping[str, int]:
        """Its named groups."""
        return self._compiled.groupindex

    def search(self, text: str) -> Any:
        return self._bounded(self._compiled.search, text)

    def fullmatch(self, text: str) -> Any:
        return self._bounded(self._compiled.fullmatch, text)

    def _compile(self, text: str) -> Any:
        import regex

        if len(text) > LONGEST:
            raise BadPattern(f"{self.given}: it has {len(text):,} characters, {LONGEST:,} at most are possible.")
        repeats = prod(int(count[2] or count[1] or 1) or 1 for count in _COUNT.finditer(text))
        if _RECURSION.search(text) or repeats > MOST_REPEATS:  # as if all counts were within each other
            raise BadPattern(f"{self.given}: recursion and more than {MOST_REPEATS:,} repeats are not possible.")
        try:
            with warnings.catch_warnings(action="ignore"):
                return regex.compile(text)
        except (regex.error, ValueError, OverflowError) as error:
            raise BadPattern(f"{self.given}: not a regular expression ({error}).") from None
        except RecursionError:
            raise BadPattern(f"{self.given}: its brackets are nested too deeply.") from None

    def _bounded(self, match: Callable[..., Any], text: str) -> Any:
        """CPU time counts, so that the load of the machine decides nothing."""
        began = time.thread_time()
        try:
            return match(text, timeout=max(self.left, EACH))
        except (TimeoutError, MemoryError):
            raise BadPattern(f"{self.given}: matching takes too long, write it without repeats of repeats.") from None
        finally:
            self.left += EACH - (time.thread_time() - began)
