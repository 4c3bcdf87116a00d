"""Where workers run: what the runner asks of an engine, and which one it gets."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from circuit_core.errors import CircuitError
from circuit_sweep.planning.slots import Slot, Slots
from circuit_sweep.worker.messages import Message, WorkOrder


@runtime_checkable
class Engine(Protocol):
    """Where workers run."""

    def free(self) -> list[Slot]: ...
    def begin(self, slot: Slot, order: WorkOrder) -> None: ...
    def messages(self, timeout: float) -> Iterator[Message]: ...
    def stop(self, unit: int) -> None: ...
    def kill(self, unit: int) -> None: ...
    def close(self) -> None: ...


def engine_of(slots: Slots) -> Engine:
    """Raises: CircuitError, if there can be no workers."""
    if slots.engine == "ray":
        try:
            from circuit_sweep.engines.ray_cluster import RayEngine
        except ImportError as error:
            raise CircuitError(f"Ray cannot be used here ({error}): pip install 'circuit-tui[ray]'.") from None
        return RayEngine(slots)
    from circuit_sweep.engines.local import LocalEngine

    return LocalEngine(slots.slots())
