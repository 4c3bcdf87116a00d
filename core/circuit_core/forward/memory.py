"""How many bytes one prompt takes, about, by what is done with it: what the first size of a batch is guessed from.

Counted are numbers that grow with the prompts, as measured on models of several shapes. What is held a part at a time
(a few senders, circuits or heads abreast) counts once, as if there was room for no more.
"""

from typing import Any

from transformer_lens.model_bridge import TransformerBridge


class Footprint:
    """Of one model, for prompts of `pos` tokens; all in bytes a prompt."""

    def __init__(self, bridge: TransformerBridge, pos: int) -> None:
        cfg: Any = bridge.cfg
        self.layers, self.heads, self.vocab = cfg.n_layers, cfg.n_heads, cfg.d_vocab
        self.sources = 1 + self.layers * (self.heads + 1)
        self.pos, self.stream, self.hidden = pos, pos * cfg.d_model, pos * cfg.d_mlp
        self.pattern, self.number = self.heads * pos**2, bridge.W_E.element_size()

    @property
    def run(self) -> int:
        """A run without gradients: keys, values and patterns of all layers, the widest layer, rows of logits."""
        kept = self.layers * (2 * self.stream + self.pattern)
        return self.number * (kept + 7 * self.stream + 2 * self.hidden + 2 * self.pattern + 3 * self.vocab)

    def attribution(self, steps: int) -> int:
        """What a backward pass keeps, the gradients of all points, and three rows of logits."""
        return self.number * (self.layers * ((20 + steps) * self.stream + 3 * self.pattern) + 3 * self.vocab)

    @property
    def evaluation(self) -> int:
        """Both runs side by side, the changes of all sources, and the logits of both."""
        layer = 16 * self.stream + 3 * self.pattern
        rest = self.sources * self.stream + 4 * self.hidden + 6 * self.vocab
        return self.number * (self.layers * layer + rest)

    @property
    def exact(self) -> int:
        """One circuit: the changes of all sources, the ports of a layer, and the logits."""
        return self.number * (self.stream * (self.sources + 6 * self.heads + 10) + self.vocab)

    @property
    def patching(self) -> int:
        """What sources write in two runs, the streams of one, the senders' changes, and a run."""
        return self.run + self.number * 7 * self.layers * self.stream

    def copying(self, names: int) -> int:
        """A run, and the logits of what one head writes at so many names."""
        return self.run + self.number * 6 * names * self.vocab

    @property
    def suppression(self) -> int:
        """A run of which all layers are kept, predictions, and the logits that one head changes at every position."""
        layer = 4 * self.stream + self.pattern
        return self.run + self.number * (self.layers * layer + 6 * self.pos * self.vocab)
