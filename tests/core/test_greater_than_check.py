"""The check of a greater-than circuit, against patterns and contributions read with plain hooks (METHODS h.9)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

N_YEARS = 10


@pytest.fixture(scope="module", params=["YY", "tens"])
def case(golden, request):
    """A reference model that does the task: ten tokens are its years, which it likes the better the later they are; or
    its digits, of which the one that is asked for is no answer."""
    return golden, *of_years(golden.prompts, liked(golden), named=request.param)


def liked(golden) -> torch.Tensor:
    prompts = golden.prompts
    at_end = golden.bridge(prompts.clean)[torch.arange(len(prompts)), prompts.end]
    return at_end.softmax(-1).mean(0).argsort()[-N_YEARS:]


def of_years(prompts, years: torch.Tensor, first: int = 1, named: str = "YY"):
    """Prompts with one of three years at position 2, their answers as the task lists them: later years come first."""
    from circuit_core.tasks.metrics import ProbabilityDifference

    year = torch.arange(len(prompts)) % 3 + first
    clean = prompts.clean.clone()
    clean[:, 2] = years[year]
    answers = torch.stack([years.roll(-1 - int(y)) for y in year])
    signs = torch.where(torch.arange(N_YEARS) < N_YEARS - 1 - year[:, None], 1.0, -1.0)
    if named == "tens":  # the last answer is the year itself
        answers, signs = answers[:, :-1], signs[:, :-1]
    places = {named: torch.full((len(prompts),), 2)}
    metric = ProbabilityDifference(answers, signs)
    return replace(prompts, clean=clean, positions=places, metric=metric), year, years


def circuit(graph, *edges: str) -> np.ndarray:
    mask = np.zeros(graph.real.shape, bool)
    for edge in edges:
        mask[graph.edge(edge)] = True
    return mask


def check(golden, prompts, mask):
    from circuit_core.patching.greater_than import greater_than_check

    return greater_than_check(golden.loaded, prompts, mask)


def test_only_mlps_that_reach_the_logits_and_the_heads_that_feed_them(case):
    golden, prompts, *_ = case
    edges = ("m1->logits", "a0.h1->m1", "a0.h2->m1", "a0.h0->a1.h1<q>", "a1.h0->logits", "input->m0")
    found = check(golden, prompts, circuit(golden.graph, *edges))
    assert [mlp.layer for mlp in found.mlps] == [1]
    assert [(h.layer, h.head) for h in found.heads] == [(0, 1), (0, 2)]
    assert found.reason is None
    empty = check(golden, prompts, circuit(golden.graph, "a1.h0->logits"))
    assert (empty.heads, empty.mlps, empty.reason) == ([], [], "no MLP of the circuit writes to the logits")


def test_figures_by_hand(case):
    """Attention from the pattern; contributions as logits of the whole stream minus the stream without the node."""
    golden, prompts, year, tokens = case
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
        return (normed @ bridge.W_U)[:, tokens]

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
    own = "YY" in prompts.positions
    later = [row[y + 1 :].mean() - row[: y + own].mean() for row, y in zip(mlp_years, year, strict=True)]
    assert found.mlps[0].later_minus_others == pytest.approx(torch.stack(later).mean().item(), abs=1e-5)


def test_a_task_without_years_is_refused(parallel):
    from circuit_core.errors import TaskError

    with pytest.raises(TaskError, match="is not a task of years"):
        check(parallel, parallel.prompts, circuit(parallel.graph))
    prompts, *_ = of_years(parallel.prompts, torch.arange(20, 20 + N_YEARS))
    elsewhere = {"YY": prompts.positions["YY"] + 1}
    padded = replace(prompts.metric, signs=prompts.metric.signs.clone().index_fill_(1, torch.tensor([0]), 0.0))
    for wrong in (replace(prompts, positions=elsewhere), replace(prompts, metric=padded)):
        with pytest.raises(TaskError, match="as wrong answers the years up to YY"):
            check(parallel, wrong, circuit(parallel.graph))


def test_a_model_that_fails_is_not_checked(case):
    """It likes earlier years better, and few are later."""
    golden, _, _, years = case
    prompts, *_ = of_years(golden.prompts, years.flip(0), first=6)
    found = check(golden, prompts, circuit(golden.graph, "m1->logits", "a0.h1->m1"))
    assert (found.heads, found.mlps, found.reason) == ([], [], "does not do the task")


def test_the_years_of_the_task_are_00_to_99(sample):
    """Whatever the order in which answers are listed: ascending, and YY where its number says."""
    from circuit_core.patching.greater_than import ascending
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    loaded, _ = sample
    prompts = draw(TASKS["greater_than"], loaded.tokenizer, loaded.n_vocab, 20)
    years, _, place, _ = ascending(prompts)
    names = [f"{y:02}" for y in range(100)]
    assert all(loaded.tokenizer.convert_ids_to_tokens(row) == names for row in years.tolist())
    assert [f"{y:02}" for y in place.tolist()] == [text.split(" to ")[0][-2:] for text in prompts.texts]


def test_a_head_of_the_sample_looks_at_the_year_and_raises_the_next(sample):
    """Its contribution is largest for YY or the year after; another head of its layer does neither."""
    from circuit_core.patching.greater_than import greater_than_check
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    loaded, _ = sample
    prompts = draw(TASKS["greater_than"], loaded.tokenizer, loaded.n_vocab, 50)
    found = greater_than_check(loaded, prompts, circuit(loaded.graph, "m3->logits", "a1.h1->m3", "a1.h2->m3"))
    looks, other = found.heads
    assert looks.looks_at_year > 0.95 and looks.raises_year > 0.95
    assert other.looks_at_year < 0.05 and other.raises_year < 0.1
    assert found.mlps[0].later_minus_others > 0.5


def test_the_order_of_heads_means_nothing(case):
    """Heads of one layer permuted in the weights: figures go with their heads, those of MLPs stay."""
    from permuting import permute_heads
    from places import GOLDEN
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    golden, prompts, *_ = case
    if "neox" not in prompts.name:
        return
    order = [2, 0, 3, 1]
    model: Any = AutoModelForCausalLM.from_pretrained(GOLDEN / prompts.name / "model")
    permute_heads(model, 0, order)
    edges = ["m1->logits", *(f"a0.h{head}->m1" for head in order)]
    mask = circuit(golden.graph, *edges)
    before = check(golden, prompts, mask)
    after = check(replace(golden, loaded=replace(golden.loaded, bridge=loading.as_bridge(model))), prompts, mask)
    moved = [before.heads[old] for old in order]
    figures = [[(h.looks_at_year, h.raises_year) for h in heads] for heads in (moved, after.heads, before.heads)]
    assert figures[0] == figures[1] != figures[2]
    assert after.mlps[0].later_minus_others == pytest.approx(before.mlps[0].later_minus_others, abs=1e-5)


def test_what_rounding_decides_is_neither_looked_at_nor_raised(case):
    """Invariant: attention that is even but for a millionth looks nowhere, and a head that writes nothing raises
    nothing, though the largest attention and contribution would be the same as before (METHODS l.1)."""
    from places import GOLDEN
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    golden, prompts, *_ = case
    if "neox" not in prompts.name:
        return
    model: Any = AutoModelForCausalLM.from_pretrained(GOLDEN / prompts.name / "model")
    attention, n_heads = model.gpt_neox.layers[0].attention, golden.graph.n_heads
    for parameter in attention.query_key_value.parameters():
        parameter.data.unflatten(0, (n_heads, 3, -1))[:, 0] *= 1e-6
    attention.dense.weight.data *= 1e-9
    mask = circuit(golden.graph, "m1->logits", *(f"a0.h{head}->m1" for head in range(n_heads)))
    before = check(golden, prompts, mask)
    after = check(replace(golden, loaded=replace(golden.loaded, bridge=loading.as_bridge(model))), prompts, mask)
    assert max(h.looks_at_year for h in before.heads) > 0 and max(h.raises_year for h in before.heads) > 0
    assert after.reason is None
    assert [(h.looks_at_year, h.raises_year) for h in after.heads] == [(0, 0)] * n_heads


def test_of_equal_ones_none_is_the_largest(case):
    """Heads that look everywhere alike and write nothing: float32 sums in another order make no year the largest."""
    from circuit_core.margins import MARGIN, leads

    golden, prompts, year, _ = case
    noise = 3e-7 * torch.randn(len(prompts), 3, 6, generator=torch.Generator().manual_seed(0))
    third, first_two = torch.arange(6) == 2, torch.arange(3) < 2
    noise[:, 1, 2] += 1e-6
    noise[:, 2, 2] += 2 * MARGIN
    found = leads(0.1 + noise, third, MARGIN)
    assert found.any(0).tolist() == [False, False, True] and found[:, 2].all()
    both = torch.tensor([[0.5, 0.5, 0.1]])
    assert leads(both, first_two, MARGIN).all() and not leads(both, torch.arange(3) == 0, MARGIN).any()


def test_a_head_that_writes_nothing_raises_no_year(fresh_parallel):
    """Nor does one that writes next to nothing. In a third of the prompts YY is the first of the years."""
    with torch.no_grad():
        out = fresh_parallel.bridge.blocks[0].attn.W_O
        out[1], out[2] = 1e-9 * out[1], 0
    prompts, *_ = of_years(fresh_parallel.prompts, liked(fresh_parallel), first=0)
    edges = ["m1->logits", *(f"a0.h{head}->m1" for head in range(3))]
    found = check(fresh_parallel, prompts, circuit(fresh_parallel.graph, *edges))
    assert found.reason is None and [head.raises_year for head in found.heads[1:]] == [0, 0]
