"""Copy-suppression heads by CSPA (METHODS e.5, after McDougall et al.).

How much of a head's effect on the predictions is left if it does nothing but lower tokens that are predicted already
and stand in the context. With mu the head's mean output at a position over other text, at destination d and source s:

1. lens[d, s] = logit of token s at d from the residual stream before the head. Sources after d and function words are
   out; kept are those among the largest ceil((d + 1) / 20) distinct tokens, with all their occurrences.
2. u_s = unit unembedding of token s; c[d, s] = A[d, s] (v_s W_O - mu) . u_s is what the head adds along it.
3. The head's output becomes mu + sum over kept s of min(c, 0) u_s, or mu alone (mean ablation). Only its direct effect
   is taken: later layers and the final norm's scale stay.
4. CSPA = 1 - KL(model || kept) / KL(model || mean ablated), each the mean over rows and positions.

1 means that copy suppression explains the head, 0 no more than its mean does; it may be negative. NaN means not
computed: layers before `FIRST`, or a head whose ablation changes no prediction.

How it is computed: on raw weights; unembedding columns are centred over the vocabulary, which no prediction sees. With
p the model's predictions and x the change of logits, KL = log E_p[exp(x - E_p x)], exponents cut at 80. The head's
deviation from mu lies in its own d_head dimensions and the kept part in the span of the row's tokens, so both products
over the vocabulary are small; a few heads at a time.

The preset `paper-code` begins at layer 2.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from circuit_core.forward.batches import Footprint, fitting, mean_of
from circuit_core.forward.residual_stream import Weights
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.unembedding import Unembedding, head_chunks
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import rounding

FIRST = {"default": 1, "paper-code": 2}
"""The first layer that is scored."""
ONE_IN = 20
"""One in so many distinct tokens is kept."""
LEAST_DIVERGENCE = 1e-10
"""Nats; a mean ablation that changes less is none."""


@torch.no_grad()
def copy_suppression(
    model: LoadedModel,
    tokens: Int[Tensor, "row pos"],
    mean_tokens: Int[Tensor, "reference pos"],
    function_words: Int[Tensor, " word"],
    preset: str = "default",
) -> RoleScores:
    """Score the heads from layer `FIRST` on.

    Args:
        tokens: text on which predictions are compared.
        mean_tokens: other text, over which mu is taken, position by position.
        function_words: tokens at which no suppression is looked for.
    """
    bridge, graph = model.bridge, model.graph
    footprint, unembedding = Footprint(bridge, tokens.shape[1]), Unembedding(bridge)

    def mean_z(rows: slice) -> Float[Tensor, "layer pos head d_head"]:
        return torch.stack(_Run(model, mean_tokens[rows], reduce=lambda z: z.mean(0)).z)

    means = mean_of(len(mean_tokens), fitting(len(mean_tokens), footprint.run, tokens.device), mean_z)

    def divergences(rows: slice) -> Float[Tensor, "two layer head"]:
        """KL(model || mean ablated) and KL(model || kept), from layer `FIRST` on; NaN before."""
        some = tokens[rows]
        run = _Run(model, some)
        predicted, content = _Predictions(unembedding, run.final, some), ~torch.isin(some, function_words)
        found = torch.full((2, graph.n_layers, graph.n_heads), torch.nan, device=some.device)
        for layer in range(FIRST[preset], graph.n_layers):
            keep, weights = kept(predicted.lens(run.stream[layer]), some, content), Weights(bridge, layer)
            bound = torch.inf if weights.bound is None else weights.bound
            z, v = run.z[layer], run.v[layer].clamp(-bound, bound)
            found[:, layer] = _layer(predicted, weights.out, z, v, run.pattern[layer], means[layer], keep)
        return found

    most, left = mean_of(len(tokens), fitting(len(tokens), footprint.suppression, tokens.device), divergences)
    return RoleScores("copy_suppression", torch.where(most > LEAST_DIVERGENCE, 1 - left / most, torch.nan))


def reasons(scores: RoleScores, preset: str = "default") -> dict[tuple[int, int], str]:
    """Why a head (layer, head) has no value."""
    early = f"copy suppression is not looked for before layer {FIRST[preset]}"
    none = "mean-ablating the head changes no prediction, or activations are not finite"
    missing = scores.value.isnan().nonzero().tolist()
    return {(i, h): early if i < FIRST[preset] else none for i, h in missing}


class _Run:
    """One forward pass and what CSPA reads of it, by layer; `reduce` is applied to z as it comes."""

    def __init__(self, model: LoadedModel, tokens: Tensor, reduce: Any = None) -> None:
        self.z: list[Tensor] = []
        self.v: list[Float[Tensor, "row pos head d_head"]] = []
        self.pattern: list[Float[Tensor, "row head pos pos"]] = []
        self.stream: list[Float[Tensor, "row pos d_model"]] = []
        finals: list[Float[Tensor, "row pos d_model"]] = []
        hooks: list[Any] = [("unembed.hook_in", lambda tensor, hook: tensor[:, -1:])]
        for i in range(model.graph.n_layers):
            hooks.append((f"blocks.{i}.attn.hook_z", _keep(self.z, reduce)))
            if reduce is None:
                hooks.append((f"blocks.{i}.attn.hook_v", _keep(self.v)))
                hooks.append((f"blocks.{i}.attn.hook_pattern", _keep(self.pattern)))
                hooks.append((f"blocks.{i}.ln1.hook_in", _keep(self.stream)))
        with model.bridge.hooks(fwd_hooks=[*hooks, ("ln_final.hook_in", _keep(finals))]):
            model.bridge(tokens)
        self.final = finals[0]


def _keep(into: list[Tensor], reduce: Any = None):
    def hook(tensor: Tensor, hook: Any) -> None:
        into.append(tensor.clone() if reduce is None else reduce(tensor))

    return hook


class _Predictions:
    """The model's predictions on the rows, and the unembedding directions of the rows' tokens."""

    def __init__(self, unembedding: Unembedding, final: Float[Tensor, "row pos d_model"], tokens: Tensor) -> None:
        self.weight = unembedding.weight - unembedding.weight.mean(1, keepdim=True)
        self.scale = unembedding.scale(final)
        self.p = (final * self.scale @ self.weight + unembedding.bias).softmax(-1)
        self.column: Float[Tensor, "row pos d_model"] = self.weight.T[tokens]
        self.unit = normalize(self.column, dim=-1)
        self.logits_of_unit: Float[Tensor, "row pos vocab"] = self.unit @ self.weight

    def lens(self, stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos source"]:
        """Logit of each of the row's tokens at each position."""
        return (stream * self.scale) @ self.column.mT

    def divergence(self, change: Float[Tensor, "head row pos vocab"]) -> Float[Tensor, " head"]:
        """Mean KL(model || model with its logits changed), in nats; overwrites `change`."""
        change -= (change * self.p).sum(-1, keepdim=True)
        return change.clamp_(max=80).expm1_().mul_(self.p).sum(-1).log1p().mean((1, 2))


def kept(
    lens: Float[Tensor, "row pos source"], tokens: Int[Tensor, "row pos"], content: Bool[Tensor, "row pos"]
) -> Bool[Tensor, "row pos source"]:
    """Which sources hold a token that is among the most predicted at a position (step 1)."""
    n = tokens.shape[1]
    same = tokens[:, :, None] == tokens[:, None, :]
    first = same.byte().argmax(2)  # the token's first occurrence, by which all others are ranked
    allowed = content[:, None, :] & torch.ones(n, n, dtype=torch.bool, device=tokens.device).tril()
    distinct = allowed & (first == torch.arange(n, device=tokens.device))[:, None, :]
    count = torch.minimum((torch.arange(n, device=tokens.device) + ONE_IN) // ONE_IN, distinct.sum(2))
    ranked = lens.masked_fill(~distinct, -torch.inf).sort(2, descending=True).values
    least = ranked.gather(2, (count - 1).clamp(min=0)[..., None])
    least = least - rounding(lens.dtype) * lens.abs().amax(2, keepdim=True)  # of equal ones all are kept
    return allowed & (lens.gather(2, first[:, None].expand_as(lens)) >= least)


def _layer(
    predicted: _Predictions,
    out: Float[Tensor, "head d_head d_model"],
    z: Float[Tensor, "row pos head d_head"],
    v: Float[Tensor, "row pos head d_head"],
    pattern: Float[Tensor, "row head pos pos"],
    mean: Float[Tensor, "pos head d_head"],
    keep: Bool[Tensor, "row pos source"],
) -> Float[Tensor, "two head"]:
    """The two divergences of a layer's heads (steps 2 to 4)."""
    along = torch.einsum("hed,nsd->nshe", out, predicted.unit)
    moved = (v * along).sum(-1).permute(0, 2, 1)[:, :, None] - torch.einsum("phe,nshe->nhps", mean, along)
    lowered = (pattern * moved).clamp(max=0) * keep[:, None]
    lowered = (lowered * predicted.scale[:, None]).transpose(0, 1)
    away = ((mean - z) * predicted.scale[..., None]).permute(2, 0, 1, 3)
    found = []
    for some in head_chunks(len(out), predicted.p.numel()):
        ablated = torch.einsum("hnpe,hev->hnpv", away[some], out[some] @ predicted.weight)
        suppressing = torch.einsum("hnps,nsv->hnpv", lowered[some], predicted.logits_of_unit).add_(ablated)
        found.append(torch.stack([predicted.divergence(ablated), predicted.divergence(suppressing)]))
    return torch.cat(found, 1)
