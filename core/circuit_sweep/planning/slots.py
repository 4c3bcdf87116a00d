"""Where a runner computes: one slot a worker. A GPU is one slot, or `per_gpu`; the CPU is `workers` slots.

Threads are decided here as well: the slots of a CPU share its cores. Light: nothing here asks torch for devices.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuit_sweep.planning.options import numbers_of_bytes, option
from circuit_sweep.planning.request import Request


@dataclass(frozen=True)
class Slot:
    """A place for one worker."""

    name: str
    device: str
    """As the user names it."""
    cores: int

    @property
    def visible(self) -> str | None:
        """The one GPU that the worker sees (`CUDA_VISIBLE_DEVICES`), of those that the runner itself may see.

        It stands for `cuda:N`; None for what the runner sees.
        """
        _, colon, number = self.device.partition("cuda:")
        if not (colon and number.isdigit()):
            return None
        given = os.environ.get("CUDA_VISIBLE_DEVICES")
        listed = None if given is None else given.split(",")
        return number if listed is None else listed[int(number)] if int(number) < len(listed) else "-1"

    @property
    def on_gpu(self) -> bool:
        return _gpu(self.device)


@dataclass(frozen=True)
class Slots:
    """What was asked for."""

    device: str = Request.device
    """One or several, separated by commas; the request names them."""
    workers: int = option(
        1,
        "Workers on the CPU; they share its cores.",
        least=1,
        most=256,
        hint="processes on the CPU, which share its cores",
    )
    per_gpu: int = option(1, "Workers on each GPU, for small models.", least=1, most=64)
    engine: str = option("local", "ray: workers on several boxes.", ("local", "ray"))
    disk: int | None = option(
        None,
        "Most that a sweep leaves in the hub's cache, such as 200GB; what was there before stays.",
        metavar="SIZE",
        read=numbers_of_bytes,
        hint="a size such as 200GB, or nothing",
    )
    """Bytes."""
    address: str | None = option(
        None, "Address of the Ray cluster; auto finds the one that runs here.", flag="--ray-address"
    )

    @staticmethod
    def read(data: dict[str, Any]) -> "Slots":
        """From a run's record in the store."""
        return Slots(**{k: v for k, v in data.items() if k in Slots.__annotations__})

    def slots(self) -> list[Slot]:
        places = list(self._places())
        on_cpu = max(1, sum(not _gpu(device) for device in places))
        cores = max(1, (os.cpu_count() or 1) // on_cpu)
        return [Slot(f"{i}:{device}", device, cores) for i, device in enumerate(places)]

    def _places(self) -> Iterator[str]:
        for device in dict.fromkeys(part.strip() for part in self.device.split(",") if part.strip()):
            yield from [device] * (self.per_gpu if _gpu(device) else self.workers)


def _gpu(device: str) -> bool:
    """Whether a device is a GPU; `auto` is one where the driver shows any."""
    if device == "auto":
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        return not hidden and any(Path("/dev").glob("nvidia[0-9]*"))
    return device.startswith("cuda")
