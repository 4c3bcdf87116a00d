"""The logit guard: whether a wrapped model still is the Hugging Face model that it was made of.

Before a model is wrapped, its logits on a few random prompts are kept, each prompt by itself. Two results must agree
with them to 1e-4 of the largest |logit|:

    wrapped   the wrapped model's logits, on the prompts as they are run here: side by side, padded on the right
    parts     the logits that the parts add up to, each head and MLP computed anew from what its ports read, by the
              norms, projections, attention and unembedding of this project (`interchange`)

The first finds options of config.json that TransformerLens ignores, the second those that it honours and the methods
here would ignore: a multiplier of the embedding, of a write or of the logits, another attention. What agrees is the
same for all checkpoints of a config.json, but weights near zero, as of an untrained one, show little of it: only a
checkpoint whose attention is uneven in every layer settles it for others.

In half precision 5e-2 is allowed, and .2 for the parts, whose rounding adds up over layers (.06 seen after 24). There
the prompts are run side by side before the model is wrapped too, since products of other shapes round otherwise.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from circuit_core.errors import UnsupportedModel, first_line
from circuit_core.forward.residual_stream import end_rows
from circuit_core.heads.unembedding import Unembedding
from circuit_core.interchange.evaluation import Interchange
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.metrics import LogitDifference
from circuit_core.tasks.prompts import PromptSet

LENGTHS = (4, 9, 16)
"""Tokens of the prompts; fewer where the model takes fewer."""
APART, APART_IN_HALF, PARTS_IN_HALF = 1e-4, 5e-2, 0.2
"""Shares of the largest |logit| that a difference may have."""


@dataclass(frozen=True)
class Reference:
    """What Hugging Face's model says."""

    name: str
    tokens: Int[Tensor, "two prompt pos"]
    """The prompts, padded, and others of equal lengths: what parts are read from must differ."""
    end: Int[Tensor, " prompt"]
    logits: Float[Tensor, "prompt vocab"]
    """At the end of each prompt."""


@torch.no_grad()
def reference(model: PreTrainedModel) -> Reference:
    """Of a model that is in evaluation mode and not wrapped yet."""
    config, device = model.config, model.device
    lengths = [min(n, config.max_position_embeddings) for n in LENGTHS]
    shape, generator = (2, len(lengths), max(lengths)), torch.Generator().manual_seed(0)
    tokens = torch.randint(config.vocab_size, shape, generator=generator).to(device)
    end = torch.tensor(lengths, device=device) - 1
    if _half(model.dtype):
        logits = model(tokens[0], use_cache=False).logits[torch.arange(len(end), device=device), end]
    else:
        alone = (row[None, :n] for row, n in zip(tokens[0], lengths, strict=True))
        logits = torch.stack([model(prompt, use_cache=False).logits[0, -1] for prompt in alone])
    return Reference(type(model).__name__, tokens, end, logits)


@torch.no_grad()
def check(model: LoadedModel, kept: Reference) -> bool:
    """Compare a wrapped model with what was kept of it; nothing is said of logits that are not finite.

    Returns: whether this settles it for other weights of the same config.json.

    Raises:
        UnsupportedModel: they differ; says by how much.
    """
    if not kept.logits.isfinite().all():
        return False
    half = _half(kept.logits.dtype)
    try:
        with model.bridge.hooks(fwd_hooks=[end_rows(kept.end)]):
            logits = model.bridge(kept.tokens[0])[:, 0].float()
        _compare(logits, kept, APART_IN_HALF if half else APART, "TransformerLens gives")
        (clean, other), any_token = kept.tokens, torch.zeros_like(kept.end)
        prompts = PromptSet("parity", clean, other, kept.end, LogitDifference(any_token, any_token))
        run, unembedding = Interchange(model, prompts), Unembedding(model.bridge)
        stream = run.clean_by_parts()
        logits = (stream * unembedding.scale(stream) @ unembedding.weight + unembedding.bias).float()
        _compare(logits, kept, PARTS_IN_HALF if half else APART, "its heads and MLPs add up to")
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnsupportedModel(
            f"{kept.name} with this config.json is not supported: it cannot be taken apart ({first_line(error)})."
        ) from error
    # Whether in every layer some score reaches 1, so that some weight of the softmax is well above another.
    scores = ((of.q @ of.k.mT * of.scale).masked_fill(of.hidden, 0) for of in run.basis.attending)
    return all(of.abs().max().item() > 1 for of in scores)


def _compare(logits: Float[Tensor, "prompt vocab"], kept: Reference, allowed: float, who: str) -> None:
    """Raises: UnsupportedModel."""
    theirs = kept.logits.float()
    apart = ((logits - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)).item()
    if not apart <= allowed:
        raise UnsupportedModel(
            f"{kept.name} with this config.json is not supported: {who} other logits than Hugging Face has, by "
            f"{apart:.2g} of the largest."
        )


def _half(dtype: torch.dtype) -> bool:
    return dtype.itemsize < 4
