"""A checkpoint becomes a model: Hugging Face weights behind TransformerLens's raw bridge.

Raw means that logits equal Hugging Face's eager ones; no layer norm is folded, nothing is centred. Parameters are
frozen. Models whose residual stream is no plain sum of what heads and MLPs write are refused.
"""

from pathlib import Path
from typing import Any

import torch
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoModelForCausalLM, PreTrainedModel

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, CircuitError, UnreadableFile, UnsupportedModel, first_line
from circuit_core.forward import batches
from circuit_core.graph import Graph
from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import hookable, logit_guard
from circuit_core.loading.standing_model import Asked, Built, Layout, StandingModel
from circuit_core.models import checkpoints, families, weights
from circuit_core.models.tokenizers import tokenizer

_in_parity: set[tuple[bytes, torch.dtype, str]] = set()
"""config.json, precision and kind of device of what this process has found to agree with Hugging Face."""


def load(
    folder: Path | str,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    standing: StandingModel | None = None,
) -> LoadedModel:
    """Load a checkpoint folder.

    Args:
        standing: holds the model of the checkpoint before, which may become this one. None builds a model of its own.

    Raises:
        CheckpointError: missing, unreadable, or weights that do not fit the config.
        UnsupportedModel: another architecture than `FAMILIES`, or an option for which the wrapped model has other
            logits than Hugging Face's (see `logit_guard`).
        MemoryError, torch.OutOfMemoryError: there is no room for it.
    """
    folder = Path(folder)
    if reason := families.refusal(checkpoints.config(folder)):
        raise UnsupportedModel(reason)
    checkpoints.shape(folder)
    try:
        untrusted_files.check_folder(folder)
        return _loaded(folder, torch.device(device), dtype, standing)
    except UnreadableFile as error:
        raise CheckpointError(str(error)) from None
    except CircuitError:
        raise
    except Exception as error:
        if batches.ran_out(error):
            raise
        raise CheckpointError(
            untrusted_files.fault(folder) or f"{folder} cannot be loaded ({first_line(error)})."
        ) from error


def _loaded(folder: Path, device: torch.device, dtype: torch.dtype, standing: StandingModel | None) -> LoadedModel:
    """Raises: CheckpointError, UnsupportedModel, and whatever a config leads to that no model can have."""
    config = (folder / "config.json").read_bytes()
    known = (config, dtype, device.type) in _in_parity
    bridge = standing.take((config, dtype, device), folder, known) if standing else None
    bridge = bridge or _built(folder, (config, dtype, device), standing)
    words = standing.tokenizer(folder, config) if standing else tokenizer(folder)
    return LoadedModel(bridge, graph_of(bridge), words, weights.fingerprint(folder))


def _built(folder: Path, asked: Asked, standing: StandingModel | None) -> TransformerBridge:
    """Raises: as `_loaded`."""
    config, dtype, device = asked
    read: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, output_loading_info=True, local_files_only=True, trust_remote_code=False
    )
    model, report = read
    if absent := sorted(report["missing_keys"]) or sorted(map(str, report.get("mismatched_keys", ()))):
        raise CheckpointError(f"{folder}: the weights do not fit config.json, {absent[0]} is amiss.", "mismatch")
    if getattr(model, "_hf_peft_config_loaded", False):
        raise CheckpointError(f"{folder} has an adapter beside its weights, and it was applied: move it away.")
    model = model.to(device).eval()
    if device.type == "cpu":
        # What is a part of a mapped file lies at any address, on which rounding rests, and changes with the file.
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    alike = config, dtype, device.type
    kept = None if alike in _in_parity else logit_guard.reference(model)
    layout = Layout.of(model, folder) if standing else None
    equal = _hookable(model)
    held = dict(equal.named_parameters(remove_duplicate=False))
    bridge = hookable.wrapped(equal)
    if kept and logit_guard.check(LoadedModel(bridge, graph_of(bridge)), kept):
        _in_parity.add(alike)
    if standing:
        standing.stand(Built(asked, bridge, held, layout))
    return bridge


def wrap(model: Any, tokenizer: Any = None) -> LoadedModel:
    """A Hugging Face model in memory as one that can be computed with; it is changed in place, frozen and eager.

    Raises:
        UnsupportedModel: as `load`.
    """
    kept = logit_guard.reference(model.eval())
    bridge = as_bridge(model)
    loaded = LoadedModel(bridge, graph_of(bridge), tokenizer)
    logit_guard.check(loaded, kept)
    return loaded


def as_bridge(model: Any) -> TransformerBridge:
    """Wrap a Hugging Face model in place, frozen, eager and in evaluation mode. Raises: UnsupportedModel."""
    return hookable.wrapped(_hookable(model))


def _hookable(model: PreTrainedModel) -> PreTrainedModel:
    """Raises: UnsupportedModel."""
    if reason := families.refusal(model.config.to_dict()):
        raise UnsupportedModel(reason)
    model.set_attn_implementation("eager")
    return hookable.hookable(model.eval())


def graph_of(bridge: TransformerBridge) -> Graph:
    cfg: Any = bridge.cfg
    return Graph(cfg.n_layers, cfg.n_heads, bool(cfg.parallel_attn_mlp))
