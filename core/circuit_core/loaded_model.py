"""A model ready to compute with: what `loading` gives and everything above it takes."""

from dataclasses import dataclass
from typing import Any

import torch
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.graph import Graph


@dataclass(frozen=True)
class LoadedModel:
    """A wrapped model, and the index space of its nodes and edges."""

    bridge: TransformerBridge
    graph: Graph
    tokenizer: Any | None = None
    """Hugging Face tokenizer, or None if the checkpoint brings none."""
    fingerprint: str = "in memory"

    @property
    def n_vocab(self) -> int:
        return self.bridge.cfg.d_vocab

    @property
    def device(self) -> torch.device:
        return self.bridge.W_E.device
