"""The methods of attribution: the reference's figures, and what must hold for each of them (METHODS b.4, b.5, b.10)."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long

METHODS = ("eap-ig", "eap", "clean-corrupted", "eap-ig-activations", "exact")
every_method = pytest.mark.parametrize("method", METHODS)


def attribute(of, method, prompts=None, ig_steps=2, **choices):
    """By two steps: what must hold for each method holds at any number."""
    from circuit_core.attribution.edge_scores import attribute

    return attribute(of.loaded, prompts or of.prompts[:4], method, ig_steps=ig_steps, **choices)


@cache
def usual(of, method):
    """Of four prompts in one batch."""
    return attribute(of, method)


@cache
def whole(of, method):
    """Of all prompts."""
    return attribute(of, method, of.prompts)


def close(a: np.ndarray, b: np.ndarray, share: float = 1e-5) -> bool:
    """Within a share of the largest |score|."""
    return bool(np.abs(a - b).max() < share * np.abs(b).max())


def reordered(prompts, rows):
    from circuit_core.tasks.metrics import LogitDifference

    metric = LogitDifference(prompts.metric.correct[rows], prompts.metric.wrong[rows])
    parts = {"clean": prompts.clean[rows], "corrupted": prompts.corrupted[rows], "end": prompts.end[rows]}
    return replace(prompts, **parts, metric=metric)


@pytest.mark.parametrize("method", ["eap", "clean-corrupted", "exact"])
def test_scores_equal_the_reference(golden, method):
    """Every edge within 1e-5 of the largest score."""
    found = whole(golden, method)
    assert close(found.scores, golden.arrays[method.replace("-", "_")])


@every_method
def test_swapped_answers_flip_every_sign(parallel, method):
    from circuit_core.tasks.metrics import LogitDifference

    prompts = parallel.prompts[:4]
    swapped = replace(prompts, metric=LogitDifference(prompts.metric.wrong, prompts.metric.correct))
    found, other = usual(parallel, method), attribute(parallel, method, swapped)
    assert close(-other.scores, found.scores, 1e-6)
    assert close(-other.nodes, found.nodes, 1e-6)


@every_method
def test_scores_of_each_prompt_are_those_that_it_has_alone_and_add_up(parallel, method):
    """METHODS l.10: in batches of three; their mean is the score, within 1e-6 of the largest; of few edges the same."""
    real, few = parallel.graph.real, np.zeros_like(parallel.graph.real)
    few[0, ::5] = few[3] = True
    few &= real
    found: Any = attribute(parallel, method, batch=3, kept=real)
    assert close(found.by_prompt.mean(0, dtype=float), found.scores[real], 1e-6)
    alone = [attribute(parallel, method, parallel.prompts[i : i + 1]).scores[real] for i in range(4)]
    assert close(found.by_prompt, np.stack(alone))
    of_few: Any = attribute(parallel, method, kept=few)
    assert close(of_few.by_prompt, found.by_prompt[:, few[real]])
    assert usual(parallel, method).by_prompt is None


@pytest.mark.parametrize("method", METHODS[:-1])
def test_equal_runs_score_exactly_zero(parallel, method):
    """`exact` is left out: where nothing is corrupted it runs nothing; see the next test."""
    same = replace(parallel.prompts[:4], corrupted=parallel.prompts[:4].clean)
    found = attribute(parallel, method, same)
    assert not found.scores.any() and not found.nodes.any()


@every_method
def test_prompts_that_are_not_corrupted_add_nothing(parallel, method):
    """Three of four are equal: the scores are a quarter of what the fourth alone has."""
    prompts = parallel.prompts[:4]
    corrupted = torch.cat([prompts.corrupted[:1], prompts.clean[1:]])
    found = attribute(parallel, method, replace(prompts, corrupted=corrupted))
    one = attribute(parallel, method, prompts[:1])
    assert close(4 * found.scores, one.scores) and close(4 * found.nodes, one.nodes)


@every_method
def test_neither_batches_nor_the_order_of_prompts_matter(parallel, method):
    scores = usual(parallel, method).scores
    for batch in (1, 3):
        assert close(attribute(parallel, method, batch=batch).scores, scores)
    other = reordered(parallel.prompts[:4], torch.tensor([2, 0, 3, 1]))
    assert close(attribute(parallel, method, other).scores, scores)


@every_method
def test_labels_say_what_was_computed(parallel, method):
    """Steps and rule are those asked for where the method has them, and None where it has none."""
    found = attribute(parallel, method, parallel.prompts[:1], ig_steps=2, ig_rule="code")
    steps, rule = {"eap-ig": (2, "code"), "eap-ig-activations": (2, None)}.get(method, (None, None))
    assert (found.method, found.ig_steps, found.ig_rule) == (method, steps, rule)
    assert not found.scores[~parallel.graph.real].any()


def test_an_unknown_method_is_refused(parallel):
    from circuit_core.errors import CircuitError

    with pytest.raises(CircuitError, match="There is no attribution method eap-og: choose eap-ig, eap,"):
        attribute(parallel, "eap-og")


@pytest.mark.parametrize("method", ["eap-ig", "eap-ig-activations"])
def test_one_step_at_the_clean_end_is_eap(parallel, method):
    assert close(attribute(parallel, method, ig_steps=1).scores, usual(parallel, "eap").scores, 1e-6)


def test_the_exact_score_of_the_input_is_the_whole_change(golden):
    """With all edges out of the input corrupted every source follows, so the run is the corrupted one."""
    change = golden.figures["metric_clean"] - golden.figures["metric_corrupted"]
    assert whole(golden, "exact").nodes[0] == pytest.approx(change, abs=1e-5)


def test_activations_add_up_to_what_corrupting_the_group_costs(golden):
    """Per group, sum of its edges' scores -> loss(group corrupted, the rest free) - loss(clean) as the points grow.

    The points k/m leave an error that falls as 1/m: at 24 an eighth of that at 3, and under 3 % of the largest cost.
    """
    from circuit_core.attribution.eap_ig_activations import groups
    from circuit_core.attribution.passes import Passes

    prompts, bridge = golden.prompts[:3], golden.bridge
    passes = Passes(LoadedModel(bridge, golden.graph), prompts)
    rows = torch.arange(len(prompts))

    @torch.no_grad()
    def loss(hooks) -> float:
        with bridge.hooks(fwd_hooks=hooks):
            return -prompts.metric(bridge(prompts.clean)[rows, prompts.end]).mean().item()

    few, many = (attribute(golden, "eap-ig-activations", prompts, ig_steps=m).nodes for m in (3, 24))
    costs, sums, clean = [], [], loss([])
    for name, sources, _, changed in groups(
        passes.writes(prompts.clean), passes.writes(prompts.corrupted), golden.graph
    ):
        overwrite = lambda t, hook, changed=changed: torch.cat([t[:, : passes.start], changed], 1)  # noqa: E731
        costs.append(loss([(name, overwrite)]) - clean)
        sums.append([few[sources].sum(), many[sources].sum()])
    error = np.abs(np.array(sums) - np.array(costs)[:, None]).max(0)
    assert error[1] < 0.03 * np.abs(costs).max()
    assert error[1] < 0.25 * error[0]


def test_exact_equals_patching_each_edge_by_hand(golden):
    """Every 7th edge: add what the source would write otherwise to one reader's stream, norm and project it anew."""
    bridge, graph, prompts = golden.bridge, golden.graph, golden.prompts
    found = whole(golden, "exact").scores
    change, stream = written_change(golden), {}

    @torch.no_grad()
    def loss(hooks) -> float:
        with bridge.hooks(fwd_hooks=hooks):
            return -prompts.metric(bridge(prompts.clean)[torch.arange(len(prompts)), prompts.end]).mean().item()

    def keep(tensor, hook) -> None:
        stream[hook.name] = tensor.detach()

    clean = loss([(f"blocks.{i}.ln1.hook_in", keep) for i in range(graph.n_layers)])
    for source, port in np.argwhere(graph.real)[::7].tolist():
        hook = by_hand(bridge, graph.port_name(port), change[graph.source_name(source)], stream)
        assert loss([hook]) - clean == pytest.approx(found[source, port], abs=1e-5)


@torch.no_grad()
def written_change(of) -> dict[str, torch.Tensor]:
    """What each source writes in the corrupted run minus what it writes in the clean one, by name."""
    runs = []
    for tokens in (of.prompts.corrupted, of.prompts.clean):
        _, cache = of.bridge.run_with_cache(tokens)
        run = {"input": cache["hook_embed"]}
        for i in range(of.graph.n_layers):
            run[f"m{i}"] = cache[f"blocks.{i}.hook_mlp_out"]
            z, out = cache[f"blocks.{i}.attn.hook_z"], of.bridge.blocks[i].attn.W_O
            run |= {f"a{i}.h{h}": z[:, :, h] @ out[h] for h in range(of.graph.n_heads)}
        runs.append(run)
    return {name: runs[0][name] - runs[1][name] for name in runs[0]}


def by_hand(bridge, port: str, change: torch.Tensor, stream: dict[str, torch.Tensor]):
    """The hook that gives one port its stream plus `change`."""
    if port == "logits":
        return "ln_final.hook_in", lambda t, hook: t + change
    if port.startswith("m"):
        return f"blocks.{port[1:]}.ln2.hook_in", lambda t, hook: t + change
    layer, head, kind = int(port[1]), int(port[4]), port[6]
    block = bridge.blocks[layer]
    x = stream[f"blocks.{layer}.ln1.hook_in"] + change
    x = torch.nn.functional.layer_norm(x, x.shape[-1:], block.ln1.weight, block.ln1.bias, bridge.cfg.eps)
    weight, bias = (getattr(block.attn, f"{letter}_{kind.upper()}")[head] for letter in "Wb")

    def replace_head(tensor, hook):
        tensor = tensor.clone()
        tensor[:, :, head] = x @ weight + bias
        return tensor

    return f"blocks.{layer}.attn.hook_{kind}", replace_head
