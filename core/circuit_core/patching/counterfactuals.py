"""Five ways to change who is named where in an IOI prompt (METHODS e.6, after Wang et al.).

`token` says which name comes twice, `position` whether its first mention stands where S stood first. Tokens are
replaced at the positions IO, S1 and S2; x and y are two other names of the same set of prompts:

    set                                   IO  S1  S2
    token_same_position_opposite          s   io  s
    token_opposite_position_opposite      io  s   io     the corrupted prompts of the task
    token_opposite_position_same          s   io  io
    token_different_position_same         x   y   y
    token_different_position_opposite     x   y   x
"""

import torch
from jaxtyping import Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import IOI_POSITIONS

SETS = {
    "token_same_position_opposite": ("s", "io", "s"),
    "token_opposite_position_opposite": ("io", "s", "io"),
    "token_opposite_position_same": ("s", "io", "io"),
    "token_different_position_same": ("x", "y", "y"),
    "token_different_position_opposite": ("x", "y", "x"),
}
"""Who stands at IO, S1 and S2."""


def counterfactuals(prompts: PromptSet, seed: int = 0) -> dict[str, Int[Tensor, "batch pos"]]:
    """The five sets; those with other names only if the prompts hold four names in all.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    if missing := [place for place in IOI_POSITIONS if place not in prompts.positions]:
        raise TaskError(
            f"{prompts.name} lacks the position of {missing[0]}: give {', '.join(IOI_POSITIONS)} for every prompt."
        )
    rows = torch.arange(len(prompts), device=prompts.clean.device)
    names = {who: prompts.clean[rows, prompts.positions[place]] for who, place in (("io", "IO"), ("s", "S1"))}
    names |= _others(names["io"], names["s"], seed)
    found = {}
    for name, people in SETS.items():
        if set(people) <= set(names):
            found[name] = prompts.clean.clone()
            for place, who in zip(IOI_POSITIONS, people, strict=True):
                found[name][rows, prompts.positions[place]] = names[who]
    return found


def _others(io: Int[Tensor, " batch"], s: Int[Tensor, " batch"], seed: int) -> dict[str, Int[Tensor, " batch"]]:
    """Two other names for each prompt, drawn from all that occur; none if there are fewer than four."""
    known = torch.cat([io, s]).unique()
    if len(known) < 4:
        return {}
    draws = torch.rand(len(io), len(known), generator=torch.Generator().manual_seed(seed)).to(io.device)
    draws[(known == io[:, None]) | (known == s[:, None])] = -1
    x, y = known[draws.topk(2).indices].T
    return {"x": x, "y": y}
