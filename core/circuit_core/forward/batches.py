"""Work in batches that fit in memory: one that does not is halved, and what is done already stands.

A first size is guessed from the bytes that one item takes (`fitting`), and those of a prompt from what is done with it
(`Footprint`): counted are numbers that grow with the prompts, as measured on models of several shapes. What is held a
part at a time (a few senders, circuits or heads abreast) counts once, as if there was room for no more.

Where the guess is too large, an allocation fails, the attempt is dropped, and the batch begins anew with half as many
items. Where no allocation fails and the process is killed instead, the next one begins with half as many (`SHARE`),
unless they are few bytes.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.errors import CircuitError
from circuit_core.forward import IN_MAIN_MEMORY

T = TypeVar("T")
M = TypeVar("M")
HARMLESS = 2**27
"""Bytes of a batch for want of which no worker dies: it stays whole, and its numbers the same to the last bit."""
SHARE: ContextVar[float] = ContextVar("share", default=1.0)
"""The share that a first batch has of the items that it would have, if it is larger than `HARMLESS`."""
LISTENER: ContextVar[Callable[[int, int], None] | None] = ContextVar("listener", default=None)
"""Is told how many of how many items are done, after every batch but one that holds them all; not of batches within a
batch."""


@contextmanager
def within(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Within the block `SHARE` or `LISTENER` has this value."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def in_batches(n: int, size: int, work: Callable[[slice], T], of: str = "prompt") -> Iterator[T]:
    """`work` of items 0..n-1, at most `size` at a time, in order; fewer from the first time that memory runs out.

    Raises:
        CircuitError: even one item does not fit.
    """
    first, listener = 0, LISTENER.get()
    while first < n:
        rows = slice(first, min(first + size, n))
        with within(LISTENER, None):
            done = _attempt(work, rows, of)
        if done is None:
            gc.collect()
            size = (rows.stop - first) // 2
            continue
        if listener and rows != slice(0, n):
            listener(rows.stop, n)
        yield done
        first = rows.stop


def mean_of(n: int, size: int, work: Callable[[slice], Tensor]) -> Tensor:
    """The mean over items 0..n-1, from `work`'s mean over some. Raises: CircuitError, if one item does not fit."""
    parts = in_batches(n, size, lambda rows: work(rows) * ((rows.stop - rows.start) / n))
    return torch.stack(list(parts)).sum(0)


class BatchCache(Generic[M]):
    """What is made of items and used again: of at most `size`, of fewer from the first time that memory runs out."""

    def __init__(self, n: int, size: int, make: Callable[[slice], M]) -> None:
        self._n, self._size, self._make = n, size, make
        self._held: tuple[slice, M] | None = None

    def each(self, work: Callable[[M, slice], T]) -> list[T]:
        """`work` on what is made of each batch, in order. Raises: CircuitError, if one item does not fit."""
        sizes: list[int] = []

        def one(rows: slice) -> T:
            done = work(self._of(rows), rows)
            sizes.append(rows.stop - rows.start)
            return done

        found = list(in_batches(self._n, self._size, one))
        self._size = min(sizes[:-1] or sizes)
        return found

    def _of(self, rows: slice) -> M:
        """The one before is given up first: there may be no room for both."""
        if self._held is None or self._held[0] != rows:
            self._held = None
            self._held = rows, self._make(rows)
        return self._held[1]


def _attempt(work: Callable[[slice], T], rows: slice, of: str) -> T | None:
    """What `work` gives, or None if memory ran out. Raises: CircuitError."""
    try:
        return work(rows)
    except (RuntimeError, MemoryError, CircuitError) as error:
        if not ran_out(error):
            raise
        if rows.stop - rows.start == 1:
            raise CircuitError(
                f"Memory does not suffice for a single {of}: choose shorter prompts, a smaller model, half precision "
                "or a device with more memory."
            ) from error
    return None


def ran_out(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a failed allocation."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error):
        return True
    return isinstance(error, CircuitError) and ran_out(error.__cause__)


def fitting(n: int, bytes_each: int, device: torch.device) -> int:
    """How many of `n` items make a first batch: half of what is free on a GPU, else 4 GiB; at least one."""
    size = max(1, min(n, _room(device) // bytes_each))
    return size if size * bytes_each <= HARMLESS else max(1, int(SHARE.get() * size))


def _room(device: torch.device) -> int:
    if device.type != "cuda":
        return IN_MAIN_MEMORY
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return (torch.cuda.mem_get_info(device)[0] + unused) // 2


class Footprint:
    """What one prompt of `pos` tokens takes in one model, about, by what is done with it; all in bytes."""

    def __init__(self, bridge: TransformerBridge, pos: int) -> None:
        cfg: Any = bridge.cfg
        self.layers, self.heads, self.vocab = cfg.n_layers, cfg.n_heads, cfg.d_vocab
        self.sources = 1 + self.layers * (self.heads + 1)
        self.pos, self.stream, self.hidden = pos, pos * cfg.d_model, pos * cfg.d_mlp
        self.pattern, self.number = self.heads * pos**2, bridge.W_E.element_size()

    @property
    def run(self) -> int:
        """A run without gradients: keys, values and patterns of all layers, the widest layer, rows of logits."""
        kept = self.layers * (2 * self.stream + self.pattern)
        return self.number * (kept + 7 * self.stream + 2 * self.hidden + 2 * self.pattern + 3 * self.vocab)

    def attribution(self, steps: int) -> int:
        """What a backward pass keeps, the gradients of all points, and three rows of logits."""
        return self.number * (self.layers * ((20 + steps) * self.stream + 3 * self.pattern) + 3 * self.vocab)

    @property
    def evaluation(self) -> int:
        """Both runs side by side, the changes of all sources, and the logits of both."""
        layer = 16 * self.stream + 3 * self.pattern
        rest = self.sources * self.stream + 4 * self.hidden + 6 * self.vocab
        return self.number * (self.layers * layer + rest)

    @property
    def exact(self) -> int:
        """One circuit: the changes of all sources, the ports of a layer, and the logits."""
        return self.number * (self.stream * (self.sources + 6 * self.heads + 10) + self.vocab)

    @property
    def patching(self) -> int:
        """What sources write in two runs, the streams of one, the senders' changes, and a run."""
        return self.run + self.number * 7 * self.layers * self.stream

    def copying(self, names: int) -> int:
        """A run, and the logits of what one head writes at so many names."""
        return self.run + self.number * 6 * names * self.vocab

    @property
    def suppression(self) -> int:
        """A run of which all layers are kept, predictions, and the logits that one head changes at every position."""
        layer = 4 * self.stream + self.pattern
        return self.run + self.number * (self.layers * layer + 6 * self.pos * self.vocab)
