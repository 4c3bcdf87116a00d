"""One mixed run of a stack of circuits; see `evaluation`.

What counts is how far each source is from the corrupted run. These changes are kept for the sources that are read, at
the positions where they are: at the answer for all of them, everywhere for those that more than the answer depends on.
Layer by layer, ports sum the changes that reach them, nodes are computed from their ports, and write. Ports that get
nothing keep the corrupted q, k or v; nodes that are clean write what they wrote in the clean run.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.graph import PORTS
from circuit_core.interchange.activation_cache import ActivationCache
from circuit_core.interchange.head_inputs import Indices, Read, run
from circuit_core.interchange.required_nodes import ANSWER, EVERYWHERE, RequiredNodes


class MixedRun:
    def __init__(self, basis: ActivationCache, masks: Bool[np.ndarray, "circuit src port"], anew: bool = False) -> None:
        self.basis, self.graph, self.n = basis, basis.graph, len(masks)
        self.needs = RequiredNodes(masks, basis.graph, anew)
        embed = basis.at[ANSWER].embed_change
        self.kept = torch.from_numpy(masks).to(embed.device, embed.dtype)
        self.sources = {where: np.flatnonzero(self.needs.source >= where) for where in (ANSWER, EVERYWHERE)}
        self.changes = {where: basis.room(where, self.n, len(nodes)) for where, nodes in self.sources.items()}

    def into_logits(self) -> Float[Tensor, "circuit batch d_model"]:
        """The residual stream at the answer, before the final norm."""
        where = int(self.needs.source[0])
        if where:
            self._write(0, where, self.basis.at[where].embed_change[None])
        for layer in range(self.graph.n_layers):
            self._heads(layer)
            self._mlp(layer)
        return self._stream(self.graph.logits, self.basis.at[ANSWER].into_logits, ANSWER)[:, :, 0]

    def _reaching(
        self, ports: Indices, where: int
    ) -> tuple[Float[Tensor, "circuit port src"], Float[Tensor, "circuit src number"]]:
        """Which sources reach each of some ports that the same precede, and their changes."""
        before = self.graph.preceding[ports].max(initial=0)
        sources = self.sources[where][: np.searchsorted(self.sources[where], before)]
        return self.kept[:, sources[:, None], ports].mT, self.changes[where][:, : len(sources)].flatten(2)

    def _stream(
        self, port: int, corrupted: Float[Tensor, "batch pos d_model"], where: int
    ) -> Float[Tensor, "circuit batch pos d_model"]:
        """The residual stream that one port reads."""
        return corrupted + torch.bmm(*self._reaching(np.array([port]), where)).view(self.n, *corrupted.shape)

    def _room(self, node: int, where: int) -> Float[Tensor, "circuit batch pos d_model"]:
        """Where the changes of a node are kept that is read at `where`."""
        return self.changes[where][:, int(np.searchsorted(self.sources[where], node))]

    def _write(self, node: int, where: int, change: Float[Tensor, "#circuit batch pos d_model"]) -> None:
        self._room(node, where).copy_(change)
        self._answer(np.array([node]))

    def _answer(self, nodes: Indices) -> None:
        """What is read everywhere is read at the answer too: consecutive nodes."""
        there = nodes[self.needs.source[nodes] == EVERYWHERE]
        if len(there):
            tail, answer = (run(np.searchsorted(self.sources[where], there)) for where in (EVERYWHERE, ANSWER))
            changes = self.changes[EVERYWHERE][:, tail].movedim((2, 3), (0, 1))
            self.changes[ANSWER][:, answer] = self.basis.answer_in_tail.take(changes).movedim((0, 1), (2, 3))

    def _mlp(self, layer: int) -> None:
        node, port = self.graph.mlp(layer), self.graph.mlp_port(layer)
        where = int(self.needs.source[node])
        if not where:
            return
        view, block = self.basis.at[where].layers[layer], self.basis.bridge.blocks[layer]
        change = view.mlp_change[None]
        if not self.needs.clean[node]:
            stream = self._stream(port, view.into_mlp, where)
            change = self.basis.centred(block.mlp(block.ln2(stream.flatten(0, 1))).view_as(stream) - view.mlp)
        self._write(node, where, change)

    def _heads(self, layer: int) -> None:
        heads = np.arange(self.graph.n_heads)
        nodes = self.graph.head(layer, 0) + heads
        clean, read = self.needs.clean[nodes], {where: self._read(layer, where) for where in (ANSWER, EVERYWHERE)}
        for where in read:
            here = self.needs.source[nodes] == where
            self._write_heads(layer, heads[here & clean], where, None)
            self._write_heads(layer, heads[here & ~clean], where, read)
        self._answer(nodes)

    def _read(self, layer: int, where: int) -> Read:
        first = self.graph.head_ports(layer, "q").start
        ports = np.flatnonzero(self.needs.port[first : self.graph.mlp_port(layer)] == where)
        at = self.basis.at[where]
        reaching = self._reaching(first + ports, where)
        read = self.basis.into[layer].read(ports, *reaching, at.layers[layer].into_heads)
        turning = np.searchsorted(ports, self.graph.n_heads * PORTS.index("v"))
        self.basis.attending[layer].clip(read.values)
        self.basis.attending[layer].turn(read.values[:, :turning], ports[:turning], at.span)
        return read

    def _write_heads(self, layer: int, heads: Indices, where: int, read: dict[int, Read] | None) -> None:
        """Let heads write: what they wrote in the clean run, or from what their ports have read."""
        if not len(heads):
            return
        view, some = self.basis.at[where].layers[layer], run(heads)
        change = view.z_change[None, some] if read is None else self._attend(layer, heads, where, read) - view.z[some]
        for head, z in zip(heads.tolist(), change.flatten(2, 3).unbind(1), strict=True):
            node, out = self.graph.head(layer, head), self.basis.out[layer][head]
            z, out = z.expand(self.n, -1, -1), out.expand(self.n, -1, -1)
            torch.bmm(z, out, out=self._room(node, where).flatten(1, 2))

    def _attend(
        self, layer: int, heads: Indices, where: int, read: dict[int, Read]
    ) -> Float[Tensor, "circuit head batch pos d_head"]:
        attending, at = self.basis.attending[layer], self.basis.at[where]
        q = read[where].over("q", heads, at.layers[layer].q)
        k, v = (read[EVERYWHERE].over(port, heads, getattr(attending, port)) for port in "kv")
        return attending(q, k, v, at.span)
