"""A checkpoint becomes a model: Hugging Face weights behind TransformerLens's raw bridge.

Raw means that logits equal Hugging Face's eager ones; no layer norm is folded, nothing is centred. Parameters are
frozen. Models whose residual stream is no plain sum of what heads and MLPs write are refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources import build_bridge_from_module
from transformers import AutoModelForCausalLM

from circuit_core import untrusted_files
from circuit_core.errors import CheckpointError, CircuitError, UnreadableFile, UnsupportedModel, first_line
from circuit_core.forward import batches
from circuit_core.graph import Graph
from circuit_core.loading import hookable, logit_guard
from circuit_core.models import checkpoints, families, weights
from circuit_core.models.tokenizers import tokenizer

_in_parity: set[tuple[bytes, torch.dtype, str]] = set()
"""config.json, precision and kind of device of what this process has found to agree with Hugging Face."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to compute with."""

    bridge: TransformerBridge
    graph: Graph
    tokenizer: Any | None
    """Hugging Face tokenizer, or None if the checkpoint brings none."""
    fingerprint: str

    @property
    def n_vocab(self) -> int:
        return self.bridge.cfg.d_vocab

    @property
    def device(self) -> torch.device:
        return self.bridge.W_E.device


def load(folder: Path | str, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedModel:
    """Load a checkpoint folder.

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
        return _loaded(folder, device, dtype)
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


def _loaded(folder: Path, device: str, dtype: torch.dtype) -> LoadedModel:
    """Raises: CheckpointError, UnsupportedModel, and whatever a config leads to that no model can have."""
    read: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, output_loading_info=True, local_files_only=True, trust_remote_code=False
    )
    model, report = read
    if absent := sorted(report["missing_keys"]) or sorted(map(str, report.get("mismatched_keys", ()))):
        raise CheckpointError(f"{folder}: the weights do not fit config.json, {absent[0]} is amiss.", "mismatch")
    if getattr(model, "_hf_peft_config_loaded", False):
        raise CheckpointError(f"{folder} has an adapter beside its weights, and it was applied: move it away.")
    model = model.to(device).eval()
    asked = (folder / "config.json").read_bytes(), dtype, torch.device(device).type
    kept = None if asked in _in_parity else logit_guard.reference(model)
    bridge = as_bridge(model)
    graph = graph_of(bridge)
    if kept and logit_guard.check(bridge, graph, kept):
        _in_parity.add(asked)
    return LoadedModel(bridge, graph, tokenizer(folder), weights.fingerprint(folder))


def wrap(model: Any, tokenizer: Any = None) -> LoadedModel:
    """A Hugging Face model in memory as one that can be computed with; it is changed in place, frozen and eager.

    Raises:
        UnsupportedModel: as `load`.
    """
    kept = logit_guard.reference(model.eval())
    bridge = as_bridge(model)
    graph = graph_of(bridge)
    logit_guard.check(bridge, graph, kept)
    return LoadedModel(bridge, graph, tokenizer, fingerprint="in memory")


def as_bridge(model: Any) -> TransformerBridge:
    """Wrap a Hugging Face model in place, frozen, eager and in evaluation mode. Raises: UnsupportedModel."""
    config: Any = model.config
    if reason := families.refusal(config.to_dict()):
        raise UnsupportedModel(reason)
    model.set_attn_implementation("eager")
    equal = hookable.hookable(model.eval())
    name = families.FAMILIES[equal.config.model_type]
    bridge = build_bridge_from_module(equal, name, hf_config=equal.config, post_adapter_hook=hookable.name_parts)
    return bridge.requires_grad_(False)


def graph_of(bridge: TransformerBridge) -> Graph:
    cfg: Any = bridge.cfg
    return Graph(cfg.n_layers, cfg.n_heads, bool(cfg.parallel_attn_mlp))
