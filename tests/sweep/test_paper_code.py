"""The preset `paper-code`, from the command that asks for it to the numbers: each role's are those of the published
code's rules, and no others."""

import json
import shutil

import pytest
import torch
from places import SAMPLE
from recorded import rows

pytestmark = pytest.mark.long

ROLES = ("induction", "duplicate_token", "previous_token", "successor", "name_mover", "negative_name_mover")


@pytest.fixture(scope="module")
def of(tmp_path_factory):
    """A sample model that takes the 200 tokens of the preset, whose a3.h0 writes a 200th: it suppresses copies as
    before, by the share that CSPA is, but has next to no effect."""
    from circuit_core import loading

    folder = tmp_path_factory.mktemp("long") / "step7000"
    shutil.copytree(SAMPLE.parent / "sample-0.2m" / "step7000", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 256}))
    loaded = loading.load(folder)
    with torch.no_grad():
        loaded.bridge.blocks[3].attn.W_O[0] /= 200
    return loaded


def computed(of, *options: str) -> dict:
    """What `run` with these options computes of head roles and the algorithm: role (or analysis) -> record."""
    from circuit_core import TASKS
    from circuit_sweep.planning import texts
    from circuit_sweep.planning.analyses import analyses
    from circuit_sweep.worker.analyses import Analyses
    from circuit_tui.runs import run_request

    text, request = (
        texts.of_the_samples(),
        run_request.parsed(["any", "--analyses", "heads,algorithm", *options]).request,
    )
    run = Analyses(of, text.content)
    return {analysis.role or analysis.kind: run(analysis) for analysis in analyses(request, [TASKS["ioi"]], text.hash)}


@pytest.fixture(scope="module")
def found(of):
    return computed(of, "--preset", "paper-code")


@pytest.fixture(scope="module")
def usual(of):
    return computed(of)


@pytest.fixture(scope="module")
def by_rules(of) -> dict[str, torch.Tensor]:
    """Each role's scores by the functions that know the published rules."""
    from circuit_core.heads import attention, name_movers, successor_scores
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    words, preset = of.tokenizer, "paper-code"
    prompts = generate("ioi", tokenizers.encoder(words), words.unk_token_id)
    ids = attention.drawable(of.n_vocab, words.all_special_ids)
    scores = [
        *attention.attention_roles(of, ids, 256, preset=preset),
        *name_movers.copy_scores(of, prompts, preset),
        successor_scores.successor(of, words, preset),
    ]
    return {score.role: score.value for score in scores}


def value_of(record, like: torch.Tensor) -> torch.Tensor:
    value = torch.full_like(like, torch.nan)
    for row in rows(record, "head_score"):
        value[row["layer"], row["head"]] = torch.nan if row["value"] is None else row["value"]
    return value


def heads_where(mask: torch.Tensor) -> list[str]:
    return [f"a{layer}.h{head}" for layer, head in mask.nonzero().tolist()]


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_scores_are_those_of_the_published_rules(found, usual, by_rules, role):
    """And not those of the defaults, which give other numbers for every role."""
    assert torch.equal(value_of(found[role], by_rules[role]), by_rules[role])
    assert not torch.allclose(value_of(usual[role], by_rules[role]), by_rules[role], atol=1e-3)


def test_the_algorithm_keeps_the_published_limits(found, usual, by_rules):
    """Movers by the preset's copy scores; copy suppression from layer 2 on and by an effect below -.01, so a3.h0, which
    the defaults count, is no such head."""
    effect, cspa = (value_of(found[role], by_rules["induction"]) for role in ("effect_logits", "copy_suppression"))
    assert cspa[:2].isnan().all() and cspa[3, 0] > 0.1 and -0.01 < effect[3, 0] < 0
    first = json.loads(rows(found["algorithm"], "stage")[0]["heads"])
    assert first["name_mover"] == heads_where((by_rules["name_mover"] > 0.1) & (effect < 0))
    assert first["negative_name_mover"] == heads_where((by_rules["negative_name_mover"] > 0.1) & (effect != 0))
    assert first["copy_suppression"] == heads_where((cspa > 0.1) & (effect < -0.01)) != []
    default = json.loads(rows(usual["algorithm"], "stage")[0]["heads"])
    assert "a3.h0" in default["copy_suppression"] and "a3.h0" in default["negative_name_mover"]


def test_circuits_are_searched_as_in_the_published_code_unless_said_otherwise():
    from circuit_tui.runs import run_request

    def asked(*options: str) -> tuple:
        circuits = run_request.parsed(["any", "--preset", "paper-code", *options]).request.of_circuits
        return circuits["ig_steps"], circuits["ig_rule"], circuits["search"]

    assert asked() == (30, "code", "code")
    assert asked("--ig-steps", "5", "--search", "grid") == (5, "code", "grid")
