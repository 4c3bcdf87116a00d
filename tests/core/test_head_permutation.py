"""Heads have no order: permuting those of one layer in the weights permutes every role's scores with them.

Roles of paths and the stages are permuted in `test_ioi_algorithm`, the years in `test_greater_than_check`.
"""

import pytest
import torch
from places import SAMPLE

from circuit_core.loaded_model import LoadedModel

LAYER, ORDER = 2, [2, 0, 1]


def every_role(model, tokenizer):
    """Role -> scores of all heads."""
    from circuit_core import loading
    from circuit_core.heads.attention import attention_roles, drawable
    from circuit_core.heads.attention_from_end import attention_from_end
    from circuit_core.heads.copy_suppression import copy_suppression
    from circuit_core.heads.name_movers import copy_scores
    from circuit_core.heads.successor_scores import successor
    from circuit_core.heads.text_rows import function_words
    from circuit_core.models import tokenizers
    from circuit_core.tasks.sampling import generate

    bridge, encode = loading.as_bridge(model), tokenizers.encoder(tokenizer)
    graph, prompts = loading.graph_of(bridge), generate("ioi", encode, tokenizer.unk_token_id, 20)
    rows = prompts.clean[:, :14]
    loaded = LoadedModel(bridge, graph)
    scores = [
        *attention_roles(loaded, drawable(len(tokenizer), [0, 1]), 26),
        *copy_scores(loaded, prompts),
        successor(loaded, tokenizer),
        copy_suppression(loaded, rows[:8], rows[8:], function_words(tokenizer)),
        *attention_from_end(loaded, prompts).roles,
    ]
    return {s.role: s.value for s in scores}


@pytest.fixture(scope="module")
def before_and_after():
    from permuting import permute_heads
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = SAMPLE / "step7000"
    models = [AutoModelForCausalLM.from_pretrained(folder) for _ in range(2)]
    permute_heads(models[1], LAYER, ORDER)
    return [every_role(model, AutoTokenizer.from_pretrained(folder)) for model in models]


def test_every_role_follows_its_head(before_and_after):
    """Within float rounding; the permuted layer's heads differ, so a role that stayed behind would show."""
    from circuit_sweep.planning.analyses import OF_PATHS, ROLES

    before, after = before_and_after
    assert set(before) == set(ROLES) - set(OF_PATHS)
    for role, value in before.items():
        moved = value.clone()
        moved[LAYER] = value[LAYER, ORDER]
        assert torch.allclose(after[role], moved, atol=1e-4, equal_nan=True), role
        assert not torch.allclose(after[role], value, atol=1e-4, equal_nan=True), role
