"""A loaded model is the Hugging Face model: same logits, frozen, nothing folded; unsuitable ones are refused."""

import json
import shutil
from typing import Any

import pytest
import torch
from places import GOLDEN, SAMPLE


@pytest.mark.parametrize(
    ("folder", "apart"),
    [(GOLDEN / "neox_parallel/model", 0), (SAMPLE / "step0", 0), (GOLDEN / "gpt2_sequential/model", 1e-5)],
)
def test_logits_are_hugging_faces(folder, apart):
    """Bit for bit for GPT-NeoX; for GPT-2, whose q, k and v are one product there and three here, to rounding."""
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    tokens = torch.randint(60, (3, 12), generator=torch.Generator().manual_seed(0))
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")(tokens).logits
    loaded = loading.load(folder)
    assert (loaded.bridge(tokens) - theirs).abs().max() <= apart
    assert not any(p.requires_grad for p in loaded.bridge.parameters())


def test_half_precision_files_compute_in_single(sample):
    assert sample[0].bridge.W_E.dtype == torch.float32


def test_parallel_is_read_from_the_config(golden):
    parallel = golden.prompts.name == "neox_parallel"
    assert golden.graph.parallel is parallel


def test_weights_that_do_not_fit_the_config_are_a_mismatch(tmp_path):
    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(CheckpointError, match="do not fit config.json") as caught:
        loading.load(folder)
    assert caught.value.status == "mismatch"


def test_a_pickle_is_loaded_as_weights_only(tmp_path):
    """`pytorch_model.bin` is read without running what it holds."""
    from safetensors.torch import load_file

    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    tokens = torch.arange(10)[None]
    assert torch.equal(loading.load(folder).bridge(tokens), loading.load(SAMPLE / "step0").bridge(tokens))

    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"x": Harm()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        loading.load(folder)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("family", ["grouped", "post-norm"])
def test_models_whose_stream_is_no_plain_sum_are_refused(family):
    from transformers import LlamaConfig, LlamaForCausalLM, Olmo2Config, Olmo2ForCausalLM

    from circuit_core import loading
    from circuit_core.errors import UnsupportedModel

    sizes: dict[str, Any] = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4}
    if family == "grouped":
        model = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2, intermediate_size=8))
    else:
        model = Olmo2ForCausalLM(Olmo2Config(**sizes, intermediate_size=8, pad_token_id=0))
    with pytest.raises(UnsupportedModel, match="shares keys|no plain sum"):
        loading.as_bridge(model)


def test_an_rms_norm_model_is_exact_too():
    """Llama-like: one path for every architecture. Full circuit = clean, empty = corrupted, node sums hold."""
    import numpy as np
    from transformers import LlamaConfig, LlamaForCausalLM

    from circuit_core import loading
    from circuit_core.circuits.attribution import attribute
    from circuit_core.circuits.interchange import Interchange
    from circuit_core.tasks.metrics import Metric
    from circuit_core.tasks.prompts import PromptSet

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    config = LlamaConfig(**sizes, num_key_value_heads=3, intermediate_size=32)
    model = LlamaForCausalLM(config)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3 if p.dim() > 1 else 1.0)
    bridge = loading.as_bridge(model)
    graph = loading.graph_of(bridge)
    clean, corrupted = torch.randint(30, (2, 6, 9))
    prompts = PromptSet("x", clean, corrupted, torch.full((6,), 8), Metric(clean[:, 0], corrupted[:, 0]))
    run = Interchange(bridge, graph, prompts)
    full, empty = run.metrics(np.stack([graph.real, np.zeros_like(graph.real)]))
    assert torch.allclose(full, run.clean, atol=1e-4) and torch.allclose(empty, run.corrupted, atol=1e-4)
    total = attribute(bridge, graph, prompts, 300, "midpoint").scores[0].sum()
    assert total == pytest.approx((run.clean - run.corrupted).mean().item(), rel=0.01)
