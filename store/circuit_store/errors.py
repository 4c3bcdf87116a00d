"""What can be wrong with a store. Each message says what was given, what is possible and what to do.

StoreError
├── StoreUnusable      cannot be opened, made or read
├── StoreTooNew        written by a later version of the program
├── UnknownName        a model, step, task, role or view that the store does not hold
├── OutputRefused      a file that is not to be written, or cannot be
└── OutputUnwritten    a file that could not be written to its end
"""


class StoreError(Exception):
    """Base of the family; its text is one sentence for the user."""


class StoreUnusable(StoreError):
    pass


class StoreTooNew(StoreError):
    pass


class UnknownName(StoreError):
    pass


class OutputRefused(StoreError):
    pass


class OutputUnwritten(StoreError):
    pass
