"""Memory and utilisation of the GPUs of this host, where NVML answers: `pip install 'circuit-tui[gpu]'`.

The explorer asks the driver, never torch. Without the package, a driver or a GPU there is nothing to show.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from circuit_tui.explorer.widgets.notation import plain


@dataclass(frozen=True)
class Gpu:
    name: str
    used: int
    """Bytes of its memory, by all processes."""
    total: int
    utilisation: int | None
    """Percent of the time in which it computed; None where the driver does not say."""

    def line(self, index: int) -> str:
        """`GPU 0 NVIDIA H100   61 %   12.3 of 80.0 GB`."""
        busy = "–" if self.utilisation is None else str(self.utilisation)
        return f"GPU {index} {plain(self.name)}   {busy:>3} %   {self.used / 1e9:5.1f} of {self.total / 1e9:.1f} GB"


def read() -> list[Gpu]:
    """All GPUs, in the driver's order; empty where nothing answers."""
    nvml = _nvml()
    if nvml is None:
        return []
    try:
        return [_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(i)) for i in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return []


@cache
def _nvml() -> Any:
    """The library, ready; None where it is not."""
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _gpu(nvml: Any, handle: Any) -> Gpu:
    name, memory = nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    except nvml.NVMLError:
        busy = None
    return Gpu(name.decode() if isinstance(name, bytes) else name, memory.used, memory.total, busy)
