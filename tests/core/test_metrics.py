"""Metrics are float32 of each example, whatever the precision of the model (METHODS d.5)."""

import pytest
import torch


def test_logits_of_half_precision_are_subtracted_in_float32():
    """256 - 1.5 is no number of eight binary digits."""
    from circuit_core.tasks.metrics import LogitDifference

    metric = LogitDifference(torch.tensor([0, 1]), torch.tensor([1, 0]))
    values = metric(torch.tensor([[256.0, 1.5], [256.0, 1.5]], dtype=torch.bfloat16))
    assert values.dtype == torch.float32 and values.tolist() == [254.5, -254.5]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_difference_from_the_stream_is_that_of_the_models_own_numbers(fresh_parallel, dtype):
    """Two roads: from the model's normed stream and unembedding, all taken to float64 before anything is added."""
    from circuit_core.forward.readout import Readout

    bridge, metric = fresh_parallel.bridge.to(dtype), fresh_parallel.prompts.metric
    streams = torch.randn(
        2, len(fresh_parallel.prompts), bridge.cfg.d_model, generator=torch.Generator().manual_seed(0)
    ).to(dtype)
    with torch.no_grad():
        found, normed = Readout(bridge, metric)(streams), bridge.ln_final(streams).double()
        columns = bridge.W_U.double()[:, metric.correct] - bridge.W_U.double()[:, metric.wrong]
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), (normed * columns.T).sum(-1), rtol=1e-5, atol=1e-6)
