"""The GPUs beside the queue."""

from circuit_tui.explorer import gpus


def test_without_nvml_there_is_no_gpu_to_show():
    """The library is not among what tests install."""
    gpus._nvml.cache_clear()
    assert gpus.read() == []


def test_a_gpu_is_one_line():
    assert gpus.Gpu("H100", 12_300_000_000, 80_000_000_000, 61).line(0) == ("GPU 0 H100    61 %    12.3 of 80.0 GB")
    assert "– %" in gpus.Gpu("H100", 0, 1, None).line(1)
