"""Attention from the answer position: rows of the pattern as they are, means over prompts (METHODS e.4, e.7)."""

from dataclasses import replace

import pytest
import torch


def test_rows_and_means_are_those_of_the_pattern(golden):
    """One prompt and one head at a time, read from the pattern itself."""
    from circuit_core.heads.attention_from_end import SHOWN, attention_from_end

    n = len(golden.prompts)
    prompts = replace(
        golden.prompts, positions={w: torch.arange(n) % (i + 2) for i, w in enumerate(("IO", "S1", "S2"))}
    )
    patterns = []
    names = [f"blocks.{i}.attn.hook_pattern" for i in range(golden.graph.n_layers)]
    with golden.bridge.hooks(fwd_hooks=[(name, lambda t, hook: patterns.append(t)) for name in names]):
        golden.bridge(prompts.clean)
    found = attention_from_end(golden.loaded, prompts)
    assert [r.role for r in found.roles] == ["attn_end_io", "attn_end_s1", "attn_end_s2"]
    for layer, pattern in enumerate(patterns):
        for head in range(golden.graph.n_heads):
            rows = [pattern[b, head, end] for b, end in enumerate(prompts.end.tolist())]
            assert torch.equal(found.rows[layer, head], torch.stack(rows[:SHOWN]))
            for role, places in zip(found.roles, prompts.positions.values(), strict=True):
                mean = sum(row[p].item() for row, p in zip(rows, places.tolist(), strict=True)) / n
                assert role.value[layer, head].item() == pytest.approx(mean, abs=1e-6)


def test_a_task_without_names_has_rows_only(golden):
    from circuit_core.heads.attention_from_end import attention_from_end

    found = attention_from_end(golden.loaded, golden.prompts)
    assert found.roles == []
    assert torch.allclose(found.rows.sum(-1), torch.ones(1))
