"""One model that stands on the device for a row of checkpoints: the tensors of the next are copied into it.

To build and to wrap a model takes longer than to read its weights, and leaves memory in pieces. Where config.json,
precision and device are those of before, and safetensors hold tensors of the same names and shapes, these are copied
from the files, which are mapped into memory, into the parameters that stand. In every other case, and until the logit
guard has settled that config.json, the model is built anew.

The tokenizer stands too, as long as config.json and its own files (`identity.TOKENIZER_FILES`) hold the same.

What a wrapped model keeps between runs is its parameters and what follows from config.json, so a checkpoint has the
same bits on either way. That `transformers` loads the tensors as they are is seen on the model that was built: each of
its parameters must be what the copy would make of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge
from transformers import PreTrainedModel

from circuit_core.loading.hookable import Placement, fill
from circuit_core.models import identity, tokenizers, weights

Asked = tuple[bytes, torch.dtype, torch.device]
"""config.json, precision and device of a model."""


@dataclass(frozen=True)
class Layout:
    """Where the tensors of a checkpoint's files lie in the model that was built of them."""

    names: dict[str, str]
    """In the files -> in Hugging Face's model."""
    shapes: dict[str, tuple[int, ...]]
    """Of all tensors in the files."""
    tied: list[tuple[str, str]]
    """Tensors in the files of which the model has made one parameter, since they were equal."""
    place: Placement

    @staticmethod
    def of(model: PreTrainedModel, folder: Path) -> "Layout | None":
        """Of a model that was just loaded; None if its parameters are not plain copies of what the files hold."""
        own, inner = dict(model.named_parameters(remove_duplicate=False)), f"{model.base_model_prefix}."
        shapes, names, tied = {}, {}, []
        covered: dict[int, str] = {}
        for name, tensor in _tensors(folder):
            shapes[name] = tuple(tensor.shape)
            # Files may lack the name of the inner model, or have that alone.
            called = name, inner + name, name.removeprefix(inner), name.replace("embed_out.", "lm_head.")
            found = next((n for n in called if n in own), None)
            if found is None:
                continue
            if not torch.equal(own[found], tensor.to(own[found])):
                return None
            names[name] = found
            if (first := covered.setdefault(id(own[found]), name)) != name:
                tied.append((first, name))
        whole = covered.keys() == {id(parameter) for parameter in own.values()}
        return Layout(names, shapes, tied, Placement(model.config)) if whole else None

    def read(self, folder: Path) -> list[tuple[str, Tensor]] | None:
        """A checkpoint's tensors, mapped, by their names in Hugging Face's model; None if they have another layout."""
        found = dict(_tensors(folder))
        if {name: tuple(tensor.shape) for name, tensor in found.items()} != self.shapes:
            return None
        if not all(torch.equal(found[one], found[other]) for one, other in self.tied):
            return None
        return [(own, found[name]) for name, own in self.names.items()]


@dataclass(frozen=True)
class Built:
    """A model that stands."""

    asked: Asked
    bridge: TransformerBridge
    held: Mapping[str, Tensor]
    """Parameters of the hookable model, by name."""
    layout: Layout | None

    def take(self, folder: Path) -> bool:
        """Copy a checkpoint into it; False, and as it was, if that is not possible."""
        given = self.layout and self.layout.read(folder)
        if not (given and self.layout):
            return False
        fill(self.held, given, self.layout.place)
        self._split_anew()
        return True

    @torch.no_grad()
    def _split_anew(self) -> None:
        """Where TransformerLens keeps q, k and v of one matrix apart, these follow it."""
        for attention in (block.attn for block in self.bridge.blocks):
            split: Any = getattr(attention, "split_qkv_matrix", None)
            if split is None:
                continue
            for port, linear in zip("qkv", split(attention.original_component), strict=True):
                own = getattr(attention, port).original_component
                for name, parameter in linear.named_parameters():
                    getattr(own, name).copy_(parameter)


class StandingModel:
    """Holds the model of the latest checkpoint. What was loaded through it before is that checkpoint from then on."""

    def __init__(self) -> None:
        self._built: Built | None = None
        self._words: tuple[list[bytes], Any] = [], None
        """By what the tokenizer is known, and the tokenizer."""

    def tokenizer(self, folder: Path, config: bytes) -> Any | None:
        """The checkpoint's. Raises: CheckpointError."""
        known_by = [config, *identity.tokenizer(folder)]
        if known_by != self._words[0]:
            self._words = known_by, tokenizers.tokenizer(folder)
        return self._words[1]

    def take(self, asked: Asked, folder: Path, known: bool) -> TransformerBridge | None:
        """The model with this checkpoint's tensors; None if it has to be built anew: the one before is let go.

        Args:
            known: whether models of this config.json are known to have Hugging Face's logits.

        Raises: whatever goes wrong with the files; the model is let go then, too.
        """
        built, self._built = self._built, None
        if not (built and known and built.asked == asked) or (folder / "adapter_config.json").exists():
            return None
        if not built.take(folder):
            return None
        self._built = built
        return built.bridge

    def stand(self, built: Built) -> None:
        self._built = built


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Of safetensors, mapped; none of other files. Raises: CheckpointError."""
    files = weights.files(folder)
    for file in files if all(file.suffix == ".safetensors" for file in files) else ():
        with safe_open(file, framework="pt") as read:
            for name in read.keys():  # noqa: SIM118 (no mapping)
                yield name, read.get_tensor(name)
