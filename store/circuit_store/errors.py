"""What can be wrong with a store. Each message says what was given, what is possible and what to do.

StoreError
├── StoreUnusable      cannot be opened, made or read
│   ├── StoreDamaged   is there and is not a store, or not any more
│   └── StoreFailed    is there and cannot be used now: locked, no space left
├── StoreMoved         was deleted, moved or replaced while it was in use
├── StoreTooOld        made by a version before the first that was released
├── StoreTooNew        written by a later version of the program
├── UnknownName        a model, step, task, role or view that the store does not hold
├── OutputRefused      a file that is not to be written, or cannot be
└── OutputUnwritten    a file that could not be written to its end
"""


class StoreError(Exception):
    """Base of the family; its text is one sentence for the user."""


class StoreUnusable(StoreError):
    pass


class StoreDamaged(StoreUnusable):
    pass


class StoreFailed(StoreUnusable):
    pass


class StoreMoved(StoreError):
    def __init__(self, path: object) -> None:
        super().__init__(
            f"The store {path} was deleted, moved or replaced while it was in use: what lies there now is left as it "
            "is, and what was computed stays in the file that lay there; bring it back, and the same command goes on."
        )


class StoreTooOld(StoreError):
    pass


class StoreTooNew(StoreError):
    pass


class UnknownName(StoreError):
    pass


class OutputRefused(StoreError):
    pass


class OutputUnwritten(StoreError):
    pass
