"""What can be wrong with what the user gave. Each message says what was given, what is possible and what to do.

CircuitError
├── UnknownModel        no such model, folder or step
├── CheckpointError     a checkpoint that cannot be loaded; `status` is missing, unreadable or mismatch
│   └── HubError        one that cannot be had from the hub; `passing` if it may be had another time
├── FetchStopped        a download that was told to stop; what has come is kept
├── UnsupportedModel    an architecture whose residual stream is not a plain sum
├── TaskError           a task that cannot be expressed: unknown, or words that the tokenizer lacks
├── BrokenTask          a task file with an error; names the line
├── FormatError         a circuit file that is damaged or of another model; names the item
├── BadPattern          a text that is not a regular expression, or one that takes too long
└── UnreadableFile      any other file that cannot be read, or is not of its kind; names the file
    └── MissingFile     it is not there
"""

import reprlib
from typing import Any

_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = _shown.maxlong = 40


def brief(value: Any) -> str:
    """A value that a file gives, for a message: its beginning and end, however long or deep it is."""
    return _shown.repr(value)


def first_line(error: BaseException) -> str:
    """Of an error's text, which may be long, the beginning; the error's kind if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class CircuitError(Exception):
    """Base of the family; its text is one sentence for the user."""


class UnknownModel(CircuitError):
    pass


class CheckpointError(CircuitError):
    def __init__(self, message: str, status: str = "unreadable") -> None:
        super().__init__(message)
        self.status = status


class HubError(CheckpointError):
    def __init__(self, message: str, status: str = "missing", passing: bool = False) -> None:
        super().__init__(message, status)
        self.passing = passing


class FetchStopped(CircuitError):
    pass


class UnsupportedModel(CircuitError):
    pass


class TaskError(CircuitError):
    pass


class BrokenTask(CircuitError):
    pass


class FormatError(CircuitError):
    pass


class BadPattern(CircuitError):
    pass


class UnreadableFile(CircuitError):
    pass


class MissingFile(UnreadableFile):
    pass
