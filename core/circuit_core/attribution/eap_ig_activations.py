"""EAP-IG over activations: each group of sources is interpolated in turn (METHODS b.4).

A group is the input, the heads of one layer, or one MLP. Its writes move from the corrupted (0) to the clean ones (1),
all before it stays clean and all after it follows. The gradients at the points k/m, k = 1..m, score the edges that
leave this group, and no others: EAP-IG's code credits every edge at every pass. So each group's scores add up to the
loss of corrupting the whole group, as m grows.

The point 1 is the clean run for every group, so there are 1 + (m - 1)(2 layers + 1) forward and backward passes; the
backward ones end at the group.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.attribution.passes import Passes, products
from circuit_core.attribution.score_sum import ScoreSum
from circuit_core.forward.residual_stream import Writes, by_head
from circuit_core.graph import Graph


def scores(passes: Passes, steps: int) -> ScoreSum:
    """Scores of all edges, summed over the points."""
    corrupted, at_clean, recorder = passes.writes(passes.prompts.corrupted), passes.gradients(1), passes.recorder()
    passes.backward("hook_embed", passes.embedded(passes.prompts.clean), at_clean, recorder.hooks)
    clean = recorder.writes
    total = passes.all_scores(clean, corrupted, at_clean)
    if steps > 1:
        for name, sources, here, changed in groups(clean, corrupted, passes.graph):
            total.add(_between(passes, name, sources, here, changed, steps), slice(None), sources.start)
    return total


def _between(
    passes: Passes, name: str, sources: slice, clean: Tensor, corrupted: Tensor, steps: int
) -> Float[Tensor, "batch src port"]:
    """Scores of one group, summed over the points but for the clean end."""
    gradients, change = passes.gradients(steps - 1, sources.start), corrupted - clean
    for k in range(1, steps):
        passes.backward(name, torch.lerp(corrupted, clean, k / steps), gradients)
    layer = (sources.start - 1) // (passes.graph.n_heads + 1)
    differences = by_head(change, passes.weights[layer]) if name.endswith("hook_z") else change[None]
    return products(differences, gradients, slice(None), sources.start)


def groups(clean: Writes, corrupted: Writes, graph: Graph) -> Iterator[tuple[str, slice, Tensor, Tensor]]:
    """Hook, source indices, clean and corrupted writes of each group."""
    yield "hook_embed", slice(0, 1), clean.embed, corrupted.embed
    for i in range(graph.n_layers):
        heads, mlp = slice(graph.head(i, 0), graph.mlp(i)), slice(graph.mlp(i), graph.mlp(i) + 1)
        yield f"blocks.{i}.attn.hook_z", heads, clean.z[i], corrupted.z[i]
        yield f"blocks.{i}.hook_mlp_out", mlp, clean.mlp[i], corrupted.mlp[i]
