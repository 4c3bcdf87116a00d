"""The IOI algorithm on a small case: scores with which it finds heads, and what it says of them."""

from typing import Any

import torch


def some_roles(graph, **given):
    """Scores with which every stage of the named case finds heads."""
    from circuit_core.patching.ioi_algorithm import Roles

    shape = (graph.n_layers, graph.n_heads)
    rising = torch.arange(graph.n_layers * graph.n_heads).view(shape) / 100
    copies = torch.ones(shape)
    scores: dict[str, Any] = {"name_mover": copies, "negative_name_mover": 0 * copies}
    scores |= {"missing": {"copy_suppression": "there is no text"}}
    scores |= {"induction": rising, "duplicate_token": -rising, **given}
    for role in ("name_mover", "negative_name_mover"):
        scores[role] = scores[role] if scores[role].dim() == 3 else scores[role][..., None]
    return Roles(**scores)


def algorithm(case, roles, options=None) -> Any:
    from circuit_core.patching.ioi_algorithm import ioi_algorithm

    return ioi_algorithm(*case, roles=roles, options=options)


def heads(mask: torch.Tensor) -> list[tuple[int, int]]:
    return [(layer, head) for layer, head in mask.nonzero().tolist()]
