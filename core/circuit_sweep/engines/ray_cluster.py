"""The engine for several boxes: each unit is a Ray task that asks for a GPU, or for cores, and runs the same worker.

Results come back to the runner through an actor, as they are ready. Ray places tasks where there is room and starts
none twice by itself: a task whose node or process is lost is reported as `WorkerDied`, so that the runner decides.
Checkpoints must lie under the same path on every box.
"""

import socket
import time
from collections.abc import Iterator
from typing import Any

import ray  # pyright: ignore[reportMissingImports]
from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]
from ray.util.queue import Empty, Queue  # pyright: ignore[reportMissingImports]

from circuit_core.errors import CircuitError
from circuit_sweep.planning.slots import Slot, Slots
from circuit_sweep.worker.messages import Message, UnitEnd, UnitFailed, WorkerDied, WorkOrder

PATIENCE = 5.0
"""Seconds in which a cluster must answer."""
_QUIET: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "configure_logging": False}


def _serve(order: WorkOrder, told: Queue, stops: Any) -> None:
    """What a task does: the worker's messages, one after another."""
    from circuit_sweep.worker.checkpoint import work

    if not order.folder.is_dir():
        why = (
            f"{socket.gethostname()} has no {order.folder}: only the runner's box fetches; give all boxes that path on "
            "a shared disk (HF_HOME for models of the hub), or use one store per box and `merge`."
        )
        return told.put(UnitFailed(order.unit, why))
    for message in work(order, lambda: ray.get(stops.has.remote(order.unit))):
        told.put(message)


class _Stops:
    """Units that are to end after the analysis under way."""

    def __init__(self) -> None:
        self.units: set[int] = set()

    def add(self, unit: int) -> None:
        self.units.add(unit)

    def drop(self, unit: int) -> None:
        self.units.discard(unit)

    def has(self, unit: int) -> bool:
        return unit in self.units


class RayEngine:
    """All workers of a cluster; of this box alone if no address is given.

    Raises:
        CircuitError: no cluster answers at the address.
    """

    def __init__(self, slots: Slots) -> None:
        host, colon, port = (slots.address or "").rpartition(":")
        try:
            if colon and "://" not in str(slots.address):  # Ray itself tries for minutes
                socket.create_connection((host, int(port)), PATIENCE).close()
            ray.init(slots.address, num_cpus=None if slots.address else slots.workers, **_QUIET)
        except (OSError, RayError, ValueError) as error:
            raise CircuitError(
                f"No Ray cluster answers at {slots.address} ({error}): start one with `ray start --head`."
            ) from None
        self.told, self.stops = Queue(), ray.remote(num_cpus=0)(_Stops).remote()
        self.share = 1 / slots.per_gpu
        self.slots = self._slots(slots)
        self.at: dict[int, tuple[Slot, Any]] = {}

    def _slots(self, slots: Slots) -> list[Slot]:
        """One for each GPU of the cluster, or `per_gpu`; without GPUs `workers` a box, which share its cores.

        Boxes may differ, and Ray chooses among them: so a slot takes no more cores than any box can give.
        """
        boxes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        gpus = 0 if slots.device == "cpu" else int(sum(box.get("GPU", 0) for box in boxes))
        device, n = ("cuda", gpus * slots.per_gpu) if gpus else ("cpu", len(boxes) * slots.workers)
        cores = 1 if gpus else max(1, int(min(box["CPU"] for box in boxes)) // slots.workers)
        return [Slot(f"{i}:ray", device, cores) for i in range(n)]

    def free(self) -> list[Slot]:
        busy = {slot.name for slot, _ in self.at.values()}
        return [slot for slot in self.slots if slot.name not in busy]

    def begin(self, slot: Slot, order: WorkOrder) -> None:
        ray.get(self.stops.drop.remote(order.unit))
        gpus = self.share if slot.device != "cpu" else 0
        task = ray.remote(num_cpus=slot.cores, num_gpus=gpus, max_retries=0)(_serve)
        self.at[order.unit] = slot, task.remote(order, self.told, self.stops)

    def messages(self, timeout: float) -> Iterator[Message]:
        """What workers say within a time, and which of them are gone."""
        until = time.monotonic() + timeout
        while (message := self._next(until)) is not None:
            if isinstance(message, UnitEnd):
                self.at.pop(message.unit, None)
            yield message
        yield from self._gone()

    def _next(self, until: float) -> Message | None:
        try:
            return self.told.get(timeout=max(0.01, until - time.monotonic()))
        except Empty:
            return None

    def _gone(self) -> Iterator[Message]:
        """Tasks that have ended without a last message, asked for after the queue was found empty."""
        ended = [unit for unit, (_, task) in self.at.items() if ray.wait([task], timeout=0)[0]]
        for unit in ended if self.told.empty() else ():
            _, task = self.at.pop(unit)
            why = "the task ended without a result"
            try:
                ray.get(task)
            except RayError as error:
                why = f"the task was lost: {str(error).splitlines()[0]}"
            yield WorkerDied(unit, why)

    def stop(self, unit: int) -> None:
        self.stops.add.remote(unit)

    def kill(self, unit: int) -> None:
        slot, task = self.at.pop(unit)
        ray.cancel(task, force=True)

    def close(self) -> None:
        for unit in list(self.at):
            self.kill(unit)
        ray.shutdown()
