"""Name-mover heads and their negatives, by copy score (METHODS e.3, after Wang et al.).

For every IOI prompt and each of the names IO, S1 and S2: x is the residual stream after block 0 at the name, in
context. The head's OV circuit maps it to o = (LN(x) W_V + b_V) W_O, with the head's own layer norm; o is read as logits
through the final norm. A hit is when fewer than five other tokens have a logit above that of the name's own token minus
a margin, 1e-4 of the largest |logit| (in bfloat16 the rounding of one number, 7.8e-3), and the head writes something: o
has more than 1e-5 of the norm of LN(x) (METHODS l.1). The score is hits / (3 N), from 0 to 1; by chance
5 / vocabulary. The negative score reads -o. Both say what a head would write if it attended to a name, not whether it
does.

The preset `paper-code` normalises neither x nor o; gains, shifts and biases stay, as in weights with folded norms.

How it is computed: W_O times the unembedding is formed once a head and serves all names and both signs.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.forward.residual_stream import Weights
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.unembedding import Unembedding, head_chunks
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import largest, margin, writes
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import IOI_POSITIONS

TOP = 5


@torch.no_grad()
def copy_scores(model: LoadedModel, prompts: PromptSet, preset: str = "default") -> tuple[RoleScores, RoleScores]:
    """Scores of all heads as `name_mover` and as `negative_name_mover`; NaN where activations are not finite.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    bridge, graph = model.bridge, model.graph
    unembedding, normalised = Unembedding(bridge), preset == "default"
    if missing := [who for who in IOI_POSITIONS if who not in prompts.positions]:
        raise TaskError(
            f"copy scores need the positions of {', '.join(IOI_POSITIONS)}; {prompts.name} lacks {missing[0]}."
        )

    def work(part: slice) -> Float[Tensor, "sign layer head some"]:
        some = prompts[part]
        kept: list[Tensor] = []
        keep = ("blocks.0.hook_resid_post", lambda tensor, hook: kept.append(tensor))
        last = ("unembed.hook_in", lambda tensor, hook: tensor[:, -1:])
        with bridge.hooks(fwd_hooks=[keep, last]):
            bridge(some.clean)
        # The names' tokens, and the residual streams after block 0 at every name.
        rows = torch.arange(len(some), device=some.clean.device)
        places = [some.positions[who] for who in IOI_POSITIONS]
        names, x = (torch.cat([of[rows, place] for place in places]) for of in (some.clean, kept[0]))
        layers = [_layer(Weights(bridge, i), unembedding, x, names, normalised) for i in range(graph.n_layers)]
        return torch.stack(layers, 1)

    size = fitting(
        len(prompts), Footprint(bridge, prompts.clean.shape[1]).copying(len(IOI_POSITIONS)), prompts.clean.device
    )
    hits = torch.cat(list(in_batches(len(prompts), size, work)), -1)
    positive, negative = (hits.sum(-1) / (len(IOI_POSITIONS) * len(prompts))).float()
    of_names, of_negatives = (hits / len(IOI_POSITIONS)).float()
    return (
        RoleScores("name_mover", positive, by_prompt=of_names).over(of_names, prompts.strata),
        RoleScores("negative_name_mover", negative, by_prompt=of_negatives).over(of_negatives, prompts.strata),
    )


def _layer(
    weights: Weights,
    unembedding: Unembedding,
    x: Float[Tensor, "name d_model"],
    names: Int[Tensor, " name"],
    normalised: bool,
) -> Float[Tensor, "sign head some"]:
    """How many of a prompt's names a layer's heads copy, and copy negatively; whole numbers, so any sum is exact."""
    read = weights.norm.normalise(x) if normalised else x
    values = torch.einsum("nd,hde->hne", read, weights.folded["v"]) + weights.offset["v"][:, None]
    hits = []
    for some in head_chunks(len(values), len(names) * len(unembedding.bias)):
        out = weights.out[some]
        written = unembedding.norm.seen(values[some] @ out)
        scale = unembedding.norm.inverse_scale(written) if normalised else 1
        projected, signed = (scale * values[some]) @ (out @ unembedding.weight), []
        for sign in (1, -1):
            logits = (sign * projected).add_(unembedding.bias)
            own, most = logits.gather(2, names.expand(len(logits), -1)[..., None]), largest(logits)
            first = (logits >= own - margin(logits.dtype) * most[..., None]).sum(2) <= TOP
            signed.append(((writes(written, read) & first) + 0 * most).double())  # NaN where logits are not finite
        hits.append(torch.stack(signed))
    return torch.cat(hits, 1).unflatten(-1, (len(IOI_POSITIONS), -1)).sum(-2)
