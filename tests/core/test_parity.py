"""The logit guard: a wrapped model that is not Hugging Face's is refused, with the size of the difference."""

import re
from itertools import cycle

import pytest
import torch
from families import FAMILIES, random_model

from circuit_core.loaded_model import LoadedModel

WRONG = {
    "embedding": "hook_embed",
    "attention scale": "blocks.0.attn.hook_attn_scores",
    "write of an MLP": "blocks.1.hook_mlp_out",
    "logits": "unembed.hook_out",
}
PLACES = ("embedding", "layer", "logits")


def wrapped(model):
    """The model, wrapped, and what was kept of it before."""
    from circuit_core import loading
    from circuit_core.loading import logit_guard

    kept = logit_guard.reference(model)
    bridge = loading.as_bridge(model)
    return LoadedModel(bridge, loading.graph_of(bridge)), kept


def size_in(message: str) -> float:
    found = re.search(r"by ([\d.e-]+) of the largest\.$", message)
    assert found, message
    return float(found[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_passes(family):
    """Single precision does in `test_families`, with every option."""
    from circuit_core.loading import logit_guard

    logit_guard.check(*wrapped(random_model(family).bfloat16()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_wrapped_model_that_is_wrong_by_one_factor_is_refused(family):
    """1.01 on the embedding, the scores of attention, a write, or the logits: refused, and by the size that it has."""
    from circuit_core.errors import UnsupportedModel
    from circuit_core.loading import logit_guard

    loaded, kept = wrapped(random_model(family))
    for name in WRONG.values():
        factor = (name, lambda tensor, hook: 1.01 * tensor)
        with loaded.bridge.hooks(fwd_hooks=[factor]), torch.no_grad():
            logits = loaded.bridge(kept.tokens[0])[torch.arange(len(kept.end)), kept.end]
        apart = ((logits - kept.logits).abs().max() / kept.logits.abs().max()).item()
        with pytest.raises(UnsupportedModel, match="TransformerLens gives other logits") as refused:
            with loaded.bridge.hooks(fwd_hooks=[factor]):
                logit_guard.check(loaded, kept)
        assert size_in(str(refused.value)) == pytest.approx(apart, rel=0.1) and apart > 1e-4
    logit_guard.check(loaded, kept)  # as it was, it passes


@pytest.mark.parametrize(("family", "where"), zip(sorted(FAMILIES.keys() - {"GPTJ"}), cycle(PLACES)))
def test_what_transformer_lens_honours_and_the_parts_do_not_is_refused(family, where):
    """A multiplier of 1.01 inside Hugging Face's model, as other families have: the wrapped model has it too (but
    GPT-J's, which is another model)."""
    from circuit_core.errors import UnsupportedModel
    from circuit_core.loading import logit_guard

    model = random_model(family)
    layers = model.base_model.h if family == "GPT2" else model.base_model.layers
    if where == "embedding":
        layers[0].register_forward_pre_hook(lambda module, given: (1.01 * given[0], *given[1:]))
    else:
        scaled = model.lm_head if where == "logits" else layers[0]
        scaled.register_forward_hook(lambda module, given, out: 1.01 * out)
    with pytest.raises(UnsupportedModel, match="heads and MLPs add up to other logits") as refused:
        logit_guard.check(*wrapped(model))
    assert 1e-4 < size_in(str(refused.value)) < 0.1


def test_gpt_2_that_does_not_scale_its_attention_is_refused(tmp_path):
    """TransformerLens ignores `scale_attn_weights`: the size is how far its logits are from Hugging Face's."""
    from circuit_core import loading
    from circuit_core.errors import UnsupportedModel

    model = random_model("GPT2", scale_attn_weights=False)
    model.save_pretrained(tmp_path)
    loaded, kept = wrapped(model)
    with torch.no_grad():
        wrong = loaded.bridge(kept.tokens[0])[torch.arange(len(kept.end)), kept.end]
    for _ in range(2):
        with pytest.raises(UnsupportedModel, match="TransformerLens gives other logits") as refused:
            loading.load(tmp_path)
        apart = (wrong - kept.logits).abs().max() / kept.logits.abs().max()
        assert size_in(str(refused.value)) == pytest.approx(apart.item(), rel=0.1)


def test_a_config_is_settled_once_but_not_by_weights_near_zero(tmp_path, monkeypatch):
    """An untrained checkpoint hides that its attention is not scaled; the next one of this config.json is refused."""
    from circuit_core import loading
    from circuit_core.errors import UnsupportedModel
    from circuit_core.loading import checkpoint_loader, logit_guard

    asked, reference = [], logit_guard.reference
    monkeypatch.setattr(logit_guard, "reference", lambda model: asked.append(model) or reference(model))
    monkeypatch.setattr(checkpoint_loader, "_in_parity", set())
    for scaled in (True, False):
        for step, size in (("step0", 1e-3), ("step1", 1.0)):
            model = random_model("GPT2", scale_attn_weights=scaled)
            for p in model.parameters():
                p.data *= size
            model.save_pretrained(tmp_path / str(scaled) / step)
    for step, so_far in (("step0", 1), ("step0", 2), ("step1", 3), ("step0", 3)):
        loading.load(tmp_path / "True" / step)
        assert len(asked) == so_far
    loading.load(tmp_path / "False" / "step0")
    with pytest.raises(UnsupportedModel, match="other logits"):
        loading.load(tmp_path / "False" / "step1")


def test_nothing_is_said_of_logits_that_are_not_finite():
    """Such a checkpoint is loaded: each analysis says what it lacks."""
    from circuit_core.loading import logit_guard

    model = random_model("Llama")
    model.lm_head.weight.data[3] = torch.nan
    assert not logit_guard.check(*wrapped(model))
