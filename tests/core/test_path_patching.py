"""Path patching: the reference's figures, and the definition followed step by step with plain hooks (METHODS f)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from families import FAMILIES, random_model

from circuit_core.loaded_model import LoadedModel

pytestmark = pytest.mark.long

KINDS = ("resid_post", "q", "v")


def receivers(golden, kind: str) -> str | list[str]:
    if kind == "resid_post":
        return "logits"
    return [f"a{layer}.h{head}<{kind}>" for layer, head in golden.figures["pp_receivers"][kind]]


def patch(golden, *args, prompts=None, **options):
    from circuit_core.patching.path_patching import path_patching

    return path_patching(golden.loaded, prompts or golden.prompts, *args, **options)


@pytest.mark.parametrize("mlps", ["recomputed", "frozen"])
@pytest.mark.parametrize("kind", KINDS)
def test_metrics_of_the_reference(golden, kind, mlps):
    """Every sender within 1e-5, with MLPs recomputed and frozen, to the logits and to several heads jointly."""
    found = patch(golden, receivers(golden, kind), mlps_frozen=mlps == "frozen")
    reference = torch.from_numpy(golden.arrays[f"pp_{kind}_mlps_{mlps}"])
    assert torch.allclose(found.patched.mean(-1), reference, rtol=0, atol=1e-5)
    assert found.metric_clean.mean().item() == pytest.approx(golden.figures["metric_clean"], abs=1e-5)
    assert found.metric_corrupted.mean().item() == pytest.approx(golden.figures["metric_corrupted"], abs=1e-5)


CASES = [(family, None) for family in FAMILIES] + [
    ("Llama", "grouped, biases, wide heads"),
    ("Olmo", "clipped, grouped"),
    ("Phi", "normed"),
]


@pytest.fixture(scope="module", params=CASES, ids=[f"{family}, {option or 'plain'}" for family, option in CASES])
def case(request):
    """A tiny random model of each family, and prompts of unequal lengths."""
    from circuit_core import loading
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    bridge = loading.as_bridge(random_model(*request.param, std=0.6, num_hidden_layers=3))
    clean, corrupted = torch.randint(30, (2, 4, 8), generator=torch.Generator().manual_seed(0))
    corrupted[:, :2] = clean[:, :2]
    metric, end = LogitDifference(clean[:, 0], corrupted[:, 4]), torch.tensor([7, 5, 7, 6])
    positions = {"IO": torch.tensor([1, 0, 2, 3]), "S1": torch.full((4,), 3)}
    return bridge, loading.graph_of(bridge), PromptSet("random", clean, corrupted, end, metric, positions)


@torch.no_grad()
def runs_a_and_b(bridge, prompts):
    """What heads write on the clean and on the corrupted prompts, by the names of its hooks."""
    written = {}, {}
    for tokens, into in zip((prompts.clean, prompts.corrupted), written, strict=True):
        keep = lambda tensor, hook, into=into: into.update({hook.name: tensor.clone()})  # noqa: E731
        with bridge.hooks(fwd_hooks=[(f"blocks.{i}.attn.hook_z", keep) for i in range(bridge.cfg.n_layers)]):
            bridge(tokens)
    return written


def by_hand(bridge, prompts, ports: list[str], sender, end_only: bool, of_runs):
    """Runs C and D, after those, with hooks on whole runs: the metric, and END's attention of the first receiver."""
    rows = torch.arange(len(prompts))
    (a, b), c, looks = of_runs, {}, []

    @torch.no_grad()
    def run(tokens, hooks):
        with bridge.hooks(fwd_hooks=hooks):
            return prompts.metric(bridge(tokens)[rows, prompts.end])

    def freeze(tensor, hook):
        frozen = a[hook.name].clone()
        if hook.name.startswith(f"blocks.{sender[0]}."):
            at = (rows, prompts.end, sender[1]) if end_only else (slice(None), slice(None), sender[1])
            frozen[at] = b[hook.name][at]
        return frozen

    freezing: list[Any] = [(name, freeze) for name in a]
    if ports == ["logits"]:
        return run(prompts.clean, freezing), None
    hooks = {}
    for port in ports:
        layer, head, kind = int(port[1]), int(port[4]), port[6]
        hooks[port] = (f"blocks.{layer}.attn.hook_{kind}", head)
    run(
        prompts.clean,
        [*freezing, *((name, lambda t, hook, n=name: c.update({n: t.clone()})) for name, _ in hooks.values())],
    )

    def give(name, head):
        def hook(tensor, hook):
            tensor = tensor.clone()
            tensor[:, :, head] = c[name][:, :, head]
            return tensor

        return hook

    layer, head = int(ports[0][1]), int(ports[0][4])
    look = (f"blocks.{layer}.attn.hook_pattern", lambda t, hook: looks.append(t[rows, head, prompts.end]))
    metric = run(prompts.clean, [*((name, give(name, head)) for name, head in hooks.values()), look])
    return metric, looks[0]


@pytest.mark.parametrize("end_only", [False, True])
@pytest.mark.parametrize(
    "ports", [["logits"], ["a2.h1<q>"], ["a1.h0<k>", "a2.h2<v>", "a2.h0<q>"]], ids=["logits", "q", "joint"]
)
def test_the_definition_step_by_step(case, ports, end_only):
    """Two roads to one number, prompt by prompt, in every family: parts that are rerun, and four whole runs."""
    from circuit_core.patching.path_patching import path_patching

    bridge, graph, prompts = case
    found = path_patching(LoadedModel(bridge, graph), prompts, ports, positions="end" if end_only else None)
    changed = (found.patched - found.metric_clean).abs().max()
    normed = getattr(bridge.original_model.config, "qk_layernorm", False)
    assert changed > (1e-3 if normed else 1e-2)  # a hundred times what the two may differ by, or more
    of_runs = runs_a_and_b(bridge, prompts)
    for sender in ((0, 0), (0, 2), (1, 1)):
        metric, look = by_hand(bridge, prompts, ports, sender, end_only, of_runs)
        assert torch.allclose(found.patched[sender], metric, atol=1e-5)
        if len(ports) == 1 and look is not None:
            for name, place in prompts.positions.items():
                looks = look[torch.arange(len(prompts)), place]
                assert torch.allclose(found.attention[name][sender], looks, atol=1e-6)


@pytest.mark.parametrize("port", ["q", "k", "v", "logits"])
def test_one_sender_and_one_receiver_with_frozen_mlps_is_one_edge(golden, port):
    """Equals the whole model in which that edge alone is corrupted (interchange evaluation)."""
    from circuit_core.interchange.evaluation import Interchange

    graph, last = golden.graph, golden.graph.n_layers - 1
    name = port if port == "logits" else f"a{last}.h1<{port}>"
    senders = [(layer, head) for layer in range(last) for head in range(graph.n_heads)]
    masks = np.repeat(graph.real[None], len(senders), 0)
    for mask, sender in zip(masks, senders, strict=True):
        mask[graph.head(*sender), graph.port_index(name)] = False
    exact = Interchange(golden.loaded, golden.prompts).metrics(masks)
    found = patch(golden, name, mlps_frozen=True)
    assert torch.allclose(found.patched[:last].flatten(0, 1), exact, atol=1e-5)


def test_one_layer_by_formula(parallel):
    """With one layer, patching head h gives the logits of  final + (z'_h - z_h) W_O."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from circuit_core import loading
    from circuit_core.patching.model_parts import ModelParts
    from circuit_core.patching.path_patching import path_patching

    torch.manual_seed(1)
    config = GPTNeoXConfig(
        vocab_size=97, hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32
    )
    bridge = loading.as_bridge(GPTNeoXForCausalLM(config))
    graph, prompts = loading.graph_of(bridge), parallel.prompts
    parts, rows = ModelParts(LoadedModel(bridge, graph), prompts), (torch.arange(len(prompts)), prompts.end)
    other, _ = parts.run(prompts.corrupted)
    change = (other.z[0] - parts.clean.writes.z[0])[rows]
    found = path_patching(LoadedModel(bridge, graph), prompts, "logits").patched[0]
    for head in range(3):
        final = parts.clean.stream[-1][rows] + change[:, head] @ bridge.blocks[0].attn.W_O[head]
        logits = bridge.unembed(bridge.ln_final(final[:, None]))[:, 0]
        assert torch.allclose(found[head], prompts.metric(logits), atol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_senders_at_or_after_every_receiver_have_no_effect_at_all(golden, frozen):
    found = patch(golden, "a1.h0<v>", mlps_frozen=frozen)
    assert (found.effect[1:] == 0).all()
    assert (found.effect[0] != 0).all()


def test_equal_prompts_change_nothing(golden):
    """From the clean prompts themselves every sender leaves the clean metric, and its share is undefined."""
    for to in ("logits", "a1.h0<q>"):
        found = patch(golden, to, source=golden.prompts.clean)
        assert torch.equal(found.patched, found.metric_clean.expand_as(found.patched))
        assert found.effect.isnan().all()


@pytest.mark.parametrize("to", ["logits", "a1.h0<q>"])
def test_only_what_was_asked_is_computed_and_it_is_the_same(golden, to, monkeypatch):
    """A subset of senders, one at a time and with more padding, has the values that it has among all."""
    from circuit_core.patching import path_patching

    every = patch(golden, to)
    padded = {k: torch.nn.functional.pad(getattr(golden.prompts, k), (0, 3)) for k in ("clean", "corrupted")}
    monkeypatch.setattr(path_patching, "STACK", 1)
    some = patch(golden, to, [(0, 2), (0, 1)], prompts=replace(golden.prompts, **padded))
    assert torch.allclose(some.patched[0, 1:3], every.patched[0, 1:3], atol=1e-5)
    assert some.patched[0, 0].isnan().all() and some.patched[1:].isnan().all()


def test_another_source_is_another_corruption(golden):
    """Given the corrupted prompts as source nothing changes; given others, the effects do."""
    as_given = patch(golden, "logits", source=golden.prompts.corrupted)
    assert torch.equal(as_given.patched, patch(golden, "logits").patched)
    other = patch(golden, "logits", source=golden.prompts.corrupted.roll(1, 0))
    assert not torch.allclose(other.patched, as_given.patched, atol=1e-3)


def test_metrics_over_probabilities(golden):
    """A difference of probabilities needs all logits; the definition gives the same, prompt by prompt."""
    from circuit_core.tasks.metrics import ProbabilityDifference

    answers = torch.arange(10).expand(len(golden.prompts), -1)
    metric = ProbabilityDifference(answers, torch.ones(answers.shape) * torch.tensor([1.0, -1.0]).repeat(5))
    prompts = replace(golden.prompts, metric=metric)
    for to in ("logits", "a1.h0<q>"):
        expected, _ = by_hand(golden.bridge, prompts, [to], (0, 1), False, runs_a_and_b(golden.bridge, prompts))
        assert torch.allclose(patch(golden, to, prompts=prompts).patched[0, 1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("to", "senders", "reason"),
    [
        (
            "a9.h0<q>",
            "all",
            "no node a9.h0 in a model of 3 layers x 4 heads: heads are a0.h0 to a2.h3, read at a2.h3<q>",
        ),
        (["a0.h0<q>", "a0.h1<v>"], "all", "No sender precedes a0.h0<q>, a0.h1<v>"),
        ("a1.h0<q>", [(1, 0)], "No sender precedes a1.h0<q>"),
        ("a1.h0<q>", [(0, 7)], "There is no head a0.h7"),
        ("m1", "all", "m1 cannot be one of several receivers"),
        (["logits", "a1.h0<q>"], "all", "logits cannot be one of several receivers"),
        ([], "all", "No receiver was named"),
    ],
)
def test_what_cannot_be_patched_is_said(parallel, to, senders, reason):
    from circuit_core.errors import CircuitError

    with pytest.raises(CircuitError, match=reason):
        patch(parallel, to, senders)
