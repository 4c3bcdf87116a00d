"""Keys and values that heads share are repeated for each head when loaded: the same function, and scores that add up
to those of what is shared (METHODS l.8)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from families import GROUPED, random_model, random_prompts

from circuit_core.loaded_model import LoadedModel

CASES = [("Llama", "grouped, biases, wide heads"), ("StableLm", "parallel, normed, grouped, biases")]


class ByGroup(torch.nn.Module):
    """A projection of keys or values of which every group reads a residual stream of its own, before the norm."""

    def __init__(self, linear: torch.nn.Linear, norm: torch.nn.Module, groups: int) -> None:
        super().__init__()
        self.weights, self.norm = linear.weight.chunk(groups), norm
        self.biases = [None] * groups if linear.bias is None else linear.bias.chunk(groups)
        self.streams: list[torch.Tensor] = []
        norm.register_forward_pre_hook(self.split)

    def split(self, module: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        if not self.streams:
            self.streams = [given[0] + torch.zeros_like(given[0]).requires_grad_(True) for _ in self.weights]

    def forward(self, normed: torch.Tensor) -> torch.Tensor:
        parts = zip(self.streams, self.weights, self.biases, strict=True)
        return torch.cat([torch.nn.functional.linear(self.norm(x), w, b) for x, w, b in parts], -1)


@pytest.mark.parametrize(("family", "option"), CASES)
def test_scores_of_keys_and_values_add_up_to_those_of_the_group(family, option):
    """The grouped model itself, by autograd on a stream of its own for each shared key and value."""
    from circuit_core import loading
    from circuit_core.attribution.edge_scores import attribute
    from circuit_core.forward.residual_stream import Recorder, Weights, stack

    prompts, grouped = random_prompts(), random_model(family, option)
    bridge = loading.as_bridge(random_model(family, option))
    graph, writes = loading.graph_of(bridge), []
    for tokens in (prompts.corrupted, prompts.clean):
        seen = Recorder(graph.n_layers)
        with bridge.hooks(fwd_hooks=seen.hooks):
            bridge(tokens)
        writes.append(seen.writes)
    change = stack(writes[0], writes[1], [Weights(bridge, layer) for layer in range(graph.n_layers)], graph)
    shared = {}
    for i, layer in enumerate(grouped.base_model.layers):
        for port in "kv":
            name = f"{port}_proj"
            shared[i, port] = ByGroup(getattr(layer.self_attn, name), layer.input_layernorm, 2)
            setattr(layer.self_attn, name, shared[i, port])
    logits: torch.Tensor = grouped(prompts.clean).logits[torch.arange(len(prompts)), prompts.end]
    loss, found = -prompts.metric(logits).mean(), attribute(LoadedModel(bridge, graph), prompts, "eap").scores
    for (layer, port), projection in shared.items():
        gradients = torch.stack(torch.autograd.grad(loss, projection.streams, retain_graph=True))
        expected = torch.einsum("sbpd,gbpd->sg", change, gradients).detach().numpy()
        ports = graph.head_ports(layer, port)
        expected, heads = expected * graph.real[:, ports][:, ::2], found[:, ports]
        assert np.abs(heads[:, 0::2] + heads[:, 1::2] - expected).max() < 1e-5 * np.abs(expected).max()
        assert np.abs(expected).max() > 0


def test_a_folder_is_loaded_ungrouped_and_described_as_trained(tmp_path):
    """The guard holds the ungrouped model against the grouped one; its shape says what was trained."""
    from circuit_core import loading
    from circuit_core.models import checkpoints

    model = random_model("Llama", **GROUPED)
    model.save_pretrained(tmp_path)
    tokens = torch.arange(12)[None]
    with torch.no_grad():
        theirs = model(tokens).logits
    loaded = loading.load(tmp_path)
    assert (loaded.bridge(tokens) - theirs).abs().max() < 1e-6 * theirs.abs().max()
    assert loaded.graph.n_heads == 4 and loaded.bridge.blocks[0].attn.W_K.shape == (4, 32, 8)
    described = checkpoints.shape(tmp_path)
    assert (described.n_heads, described.kv_heads) == (4, 2)
    assert described.params == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (3, "says 3 heads of keys for 4 of queries: no equal groups"),
        (8, "says 8 heads of keys for 4 of queries: no equal groups"),
        (4, "says 32 for num_key_value_heads x head_dim, and keys have 16"),
        (0, "says 0 for 'num_key_value_heads': a whole number"),
        ("2", "says '2' for 'num_key_value_heads': a whole number"),
    ],
)
def test_groups_that_cannot_be_are_one_sentence(tmp_path, said, reason):
    from circuit_core.errors import CheckpointError
    from circuit_core.models import checkpoints

    random_model("Llama", **GROUPED).save_pretrained(tmp_path)
    config = Path(tmp_path / "config.json")
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_key_value_heads": said}))
    with pytest.raises(CheckpointError, match=reason):
        checkpoints.shape(tmp_path)


def test_a_family_without_groups_has_none_whatever_its_config_says(tmp_path):
    """`transformers` keeps a key that it does not know, and GPT-NeoX reads none of this name."""
    from circuit_core import loading
    from circuit_core.models import checkpoints

    model = random_model("GPTNeoX", num_key_value_heads=1)
    model.save_pretrained(tmp_path)
    tokens = torch.arange(12)[None]
    with torch.no_grad():
        theirs = model(tokens).logits
    assert (loading.load(tmp_path).bridge(tokens) - theirs).abs().max() < 1e-6 * theirs.abs().max()
    assert checkpoints.shape(tmp_path).kv_heads == 3
