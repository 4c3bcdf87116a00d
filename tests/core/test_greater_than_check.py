"""The check of a greater-than circuit, against patterns and contributions read with plain hooks (METHODS h.9)."""

import numpy as np
import pytest
import torch

N_YEARS = 10


@pytest.fixture(scope="module")
def case(golden):
    """A reference model; tokens 20 to 29 are its years, and every prompt has one at position 2."""
    from dataclasses import replace

    from circuit_core.tasks.metrics import ProbabilityDifference

    prompts = golden.prompts
    year = torch.arange(len(prompts)) % (N_YEARS - 2) + 1
    clean = prompts.clean.clone()
    clean[:, 2] = 20 + year
    answers = torch.arange(20, 20 + N_YEARS).expand(len(prompts), -1)
    signs = torch.where(torch.arange(N_YEARS) > year[:, None], 1.0, -1.0)
    places = {"YY": torch.full((len(prompts),), 2)}
    metric = ProbabilityDifference(answers, signs)
    return golden, replace(prompts, clean=clean, positions=places, metric=metric), year


def circuit(graph, *edges: str) -> np.ndarray:
    mask = np.zeros(graph.real.shape, bool)
    for edge in edges:
        mask[graph.edge(edge)] = True
    return mask


def check(golden, prompts, mask):
    from circuit_core.patching.greater_than import greater_than_check

    return greater_than_check(golden.bridge, golden.graph, prompts, mask)


def test_only_mlps_that_reach_the_logits_and_the_heads_that_feed_them(case):
    golden, prompts, _ = case
    edges = ("m1->logits", "a0.h1->m1", "a0.h2->m1", "a0.h0->a1.h1<q>", "a1.h0->logits", "input->m0")
    found = check(golden, prompts, circuit(golden.graph, *edges))
    assert [mlp.layer for mlp in found.mlps] == [1]
    assert [(h.layer, h.head) for h in found.heads] == [(0, 1), (0, 2)]
    empty = check(golden, prompts, circuit(golden.graph))
    assert (empty.heads, empty.mlps) == ([], [])


def test_figures_by_hand(case):
    """Attention from the pattern; contributions as logits of the whole stream minus the stream without the node."""
    golden, prompts, year = case
    bridge, graph = golden.bridge, golden.graph
    rows, seen = torch.arange(len(prompts)), {}
    names = ["blocks.0.attn.hook_pattern", "blocks.0.attn.hook_z", "blocks.1.hook_mlp_out", "ln_final.hook_in"]
    with bridge.hooks(fwd_hooks=[(n, lambda t, hook, n=n: seen.update({n: t[rows] if n else t})) for n in names]):
        bridge(prompts.clean)
    pattern, z, mlp, final = (seen[n] for n in names)
    final = final[rows, prompts.end]
    centred = final - final.mean(-1, keepdim=True)
    scale = (centred.pow(2).mean(-1, keepdim=True) + bridge.cfg.eps).rsqrt()

    def years(written):
        """With the stream's scale held, the norm is linear."""
        normed = (written - written.mean(-1, keepdim=True)) * scale * bridge.ln_final.weight
        return (normed @ bridge.W_U)[:, 20 : 20 + N_YEARS]

    heads = range(graph.n_heads)
    edges = ["m1->logits", *(f"a0.h{head}->m1" for head in heads)]
    found = check(golden, prompts, circuit(graph, *edges))
    for head in heads:
        looks = pattern[rows, head, prompts.end].argmax(-1) == 2
        best = years(z[rows, prompts.end, head] @ bridge.blocks[0].attn.W_O[head]).argmax(-1)
        assert found.heads[head].looks_at_year == pytest.approx(looks.float().mean().item())
        raises = (best == year) | (best == year + 1)
        assert found.heads[head].raises_year == pytest.approx(raises.float().mean().item())
    mlp_years = years(mlp[rows, prompts.end])
    later = [row[y + 1 :].mean() - row[: y + 1].mean() for row, y in zip(mlp_years, year, strict=True)]
    assert found.mlps[0].later_minus_others == pytest.approx(torch.stack(later).mean().item(), abs=1e-5)


def test_a_task_without_years_is_refused(parallel):
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match="is no task of years"):
        check(parallel, parallel.prompts, circuit(parallel.graph))
