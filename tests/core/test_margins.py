"""Nothing counts that rounding decides (METHODS l.1): differences at rounding's size, the same on any processor."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from planted_ov import planted_ov

from circuit_core.loaded_model import LoadedModel

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VOCAB = len(LETTERS) + 1
TINY = 1e-9


def mapping(pairs: dict[int, int]) -> torch.Tensor:
    """[target, source]."""
    found = torch.zeros(VOCAB, VOCAB)
    found[list(pairs.values()), list(pairs)] = 1.0
    return found


def bridged(*writes: torch.Tensor):
    """A model whose heads of layer 1 write so when they read a token's one-hot."""
    from planted import Head

    from circuit_core import loading

    model: Any = planted_ov(VOCAB, {})
    with torch.no_grad():
        for head, write in enumerate(writes):
            Head(model, 1, head).write(source=0, target=0, gain=1.0)
            Head(model, 1, head).out.zero_()[:VOCAB, :VOCAB] = write
    bridge = loading.as_bridge(model)
    return LoadedModel(bridge, loading.graph_of(bridge))


@pytest.mark.parametrize("preset, expected", [("default", [1, 0, 0, 0]), ("paper-code", [1, 1, 0, 0])])
def test_a_successor_that_leads_by_rounding_is_no_success(preset, expected):
    """Heads: a successor head; one that writes another token, and the successor by 1e-9 of it; one that writes nothing
    but that; none. The paper's code counts what ties, but not for a head that writes nothing."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    from circuit_core.heads.successor_scores import successor

    ids = {word: i for i, word in enumerate(["<unk>", *LETTERS])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(ids, unk_token="<unk>")), unk_token="<unk>"
    )
    following, first = mapping({i: i + 1 for i in range(1, VOCAB - 1)}), mapping({i: 0 for i in range(VOCAB)})
    model = bridged(following, first + TINY * following, TINY * following, torch.zeros(VOCAB, VOCAB))
    assert successor(model, tokenizer, preset).value[1].tolist() == expected


def test_the_margin_rests_on_the_largest_logit_of_all_tokens():
    """The worked example of l.1, and the same lead where no other token has a logit: there it is a success."""
    from circuit_core.heads.ordinal_sequences import ConsecutivePair
    from circuit_core.heads.successor_scores import Questions, successes

    asked = Questions([ConsecutivePair(0, 2, frozenset({1, 2, 3}))], torch.device("cpu"))
    for source, expected in ((0.1, False), (0.0, True)):
        written = torch.tensor([[[source, 0, 1e-9, 0]]])
        found = successes(written[..., asked.tokens], written, torch.eye(4), asked, plain=False)
        assert found.tolist() == [[expected]]
        assert successes(written[..., asked.tokens], written, torch.eye(4), asked, plain=True).tolist() == [[True]]


def test_a_name_among_the_five_by_rounding_is_no_hit():
    """A head that writes one token, whatever it reads, and the name by 1e-9 of that; one that writes nothing else."""
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    tokens = torch.randint(1, VOCAB, (8, 12), generator=torch.Generator().manual_seed(0))
    places = {who: torch.full((8,), p) for who, p in {"IO": 1, "S1": 3, "S2": 8}.items()}
    answers = LogitDifference(tokens[:, 1], tokens[:, 3])
    prompts = PromptSet("names", tokens, tokens, torch.full((8,), 11), answers, places)
    itself, first = torch.eye(VOCAB), mapping({i: 0 for i in range(VOCAB)})
    model = bridged(itself, first + TINY * itself, TINY * itself, -first - TINY * itself)
    for preset in ("default", "paper-code"):
        positive, negative = copy_scores(model, prompts, preset)
        assert positive.value[1].tolist() == [1, 0, 0, 0]
        assert negative.value[1].tolist() == [0, 0, 0, 0]


def test_shares_do_not_depend_on_batches(named):
    """Copy scores are counts over names: exact in any batches, so that a score of a threshold's size stays one."""
    from circuit_core.forward import batches
    from circuit_core.heads import name_movers

    model, prompts = named
    whole = name_movers.copy_scores(model, prompts)
    fitting, name_movers.fitting = name_movers.fitting, lambda *_: 3
    try:
        parts = name_movers.copy_scores(model, prompts)
    finally:
        name_movers.fitting = fitting
    assert batches.fitting is fitting
    assert all(torch.equal(a.value, b.value) for a, b in zip(whole, parts, strict=True))


def test_heads_whose_effect_is_rounding_are_in_no_class(fresh_parallel, named):
    """A head that writes a millionth of what it wrote has an effect, of the size of float32's errors: no mover, no
    suppressor, of either sign."""
    from ioi_stages import algorithm, some_roles

    loaded, prompts = fresh_parallel.loaded, named[1]
    bridge, graph = loaded.bridge, loaded.graph
    with torch.no_grad():
        bridge.blocks[1].attn.W_O[:] *= 1e-6
    every = torch.ones(graph.n_layers, graph.n_heads)
    roles = some_roles(graph, negative_name_mover=every, copy_suppression=every)
    first = algorithm((loaded, prompts), roles).movers_and_suppressors
    assert first.heads["negative_name_mover"]
    assert not [head for found in first.heads.values() for head in found if head[0] == 1]


def test_scores_that_are_above_their_mean_by_rounding_are_not_above_it(named):
    """Heads of even attention have induction scores of 0 to 1e-8, of which half are above the mean."""
    from ioi_stages import algorithm, some_roles

    graph = named[0].graph
    noise = 1e-8 * torch.rand(graph.n_layers, graph.n_heads, generator=torch.Generator().manual_seed(0))
    last = algorithm(named, some_roles(graph, induction=noise)).induction_and_duplicate
    assert last.heads["induction"] == [] and last.heads["duplicate_token"] != []


def test_a_metric_that_is_positive_by_rounding_is_no_right_answer(fresh_parallel):
    """Two tokens whose unembedding vectors differ by two millionths: one of the ten prompts has them as answers."""
    from circuit_core.behaviour import behaviour
    from circuit_core.tasks.metrics import LogitDifference

    bridge, prompts = fresh_parallel.bridge, fresh_parallel.prompts
    correct, wrong = prompts.metric.correct.clone(), prompts.metric.wrong.clone()
    ends = torch.arange(len(prompts)), prompts.end
    with torch.no_grad():
        logits = bridge(prompts.clean)[ends][0]
        free = [
            t for t in logits.abs().argsort(descending=True).tolist() if t not in {*correct.tolist(), *wrong.tolist()}
        ]
        wrong[0], correct[0] = free[0], free[-1]
        bridge.W_U[:, free[-1]] = bridge.W_U[:, free[0]] * (1 + 2e-6 * logits[free[0]].sign())
        metric = LogitDifference(correct, wrong)
        values = metric(bridge(prompts.clean)[ends])
    assert 0 < values[0] < 1e-5 * values.abs().max()
    rest = (values[1:] > 0).sum().item()
    assert behaviour(fresh_parallel.loaded, replace(prompts, metric=metric)).accuracy == pytest.approx(
        rest / len(prompts)
    )
