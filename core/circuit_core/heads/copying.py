"""Name-mover heads by their copy score (METHODS e.3, after Wang et al.).

For every IOI prompt and each of the names IO, S1 and S2: x is the residual stream after block 0 at the name, in
context. The head's OV circuit maps it to o = (LN(x) W_V + b_V) W_O, with the head's own layer norm; o is read as logits
through the final norm. A hit is when the name's own token is among the five largest, ties counting against it. The
score is hits / (3 N), from 0 to 1; by chance 5 / vocabulary. It says what a head would write if it attended to a name,
not whether it does.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits.residual import Norm, Weights
from circuit_core.graph import Graph
from circuit_core.heads.attention import RoleScores
from circuit_core.tasks.prompts import PromptSet

TOP = 5


@torch.no_grad()
def name_mover(bridge: TransformerBridge, graph: Graph, prompts: PromptSet) -> RoleScores:
    x, names = _names_in_context(bridge, prompts)
    rows = [_copy_score(bridge, Weights(bridge, layer), x, names) for layer in range(graph.n_layers)]
    return RoleScores("name_mover", torch.stack(rows))


def _names_in_context(
    bridge: TransformerBridge, prompts: PromptSet
) -> tuple[Float[Tensor, "name d_model"], Int[Tensor, " name"]]:
    """Residual streams after block 0 at every name, and the names' tokens."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor, hook: Any) -> None:
        kept.append(tensor)

    last = ("unembed.hook_in", lambda tensor, hook: tensor[:, -1:])
    with bridge.hooks(fwd_hooks=[("blocks.0.hook_resid_post", keep), last]):
        bridge(prompts.clean)
    rows = torch.arange(len(prompts), device=prompts.clean.device)
    places = [prompts.positions[who] for who in ("IO", "S1", "S2")]
    return torch.cat([kept[0][rows, p] for p in places]), torch.cat([prompts.clean[rows, p] for p in places])


def _copy_score(
    bridge: TransformerBridge, weights: Weights, x: Float[Tensor, "name d_model"], names: Int[Tensor, " name"]
) -> Float[Tensor, " head"]:
    n_heads = weights.out.shape[0]
    values = weights.project(x[:, None].expand(-1, n_heads, -1), "v")
    written = torch.einsum("nhe,hed->hnd", values, weights.out)
    final, b_u = Norm.of(bridge, bridge.ln_final), getattr(bridge, "b_U", None)
    hits = []
    for head in written:
        logits = final(head) @ bridge.W_U + (0 if b_u is None else b_u)
        own = logits.gather(1, names[:, None])
        hits.append(((logits >= own).sum(1) <= TOP).float().mean())
    return torch.stack(hits)
