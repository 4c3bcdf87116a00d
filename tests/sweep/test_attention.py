"""Where heads look from the answer position, as it is kept: two roads to the same rows."""

import json
from typing import Any

import recorded
import torch

from circuit_core.models import suites

FOLDER = suites.sample_folder() / "sample-0.1m" / "step7000"


def test_the_rows_kept_are_hugging_faces_attention():
    """Invariant: each weight is A[END, token] of its layer, head and prompt, to four decimals, up to END."""
    from transformers import AutoModelForCausalLM

    from circuit_core.tasks.specs import TASKS
    from circuit_sweep.planning.analyses import Analysis
    from circuit_sweep.worker.analyses import Analyses
    from circuit_sweep.worker.checkpoint import LoadedCheckpoint

    analyses, task = Analyses(LoadedCheckpoint(FOLDER, "cpu", "float32").loaded), TASKS["ioi"]
    drawn = analyses.prompts(task)
    by_length = drawn.end.argsort().tolist()
    prompts = analyses._drawn[task] = drawn[by_length[:4] + by_length[-4:]]
    found = recorded.rows(analyses(Analysis("attention", {}, task)), "attention_row")
    drawn_at = [{name: int(at[i]) for name, at in prompts.positions.items()} for i in range(len(prompts))]
    assert [json.loads(row["positions"]) for row in found] == drawn_at and set(drawn_at[0]) == {"IO", "S1", "S2"}
    kept = [(json.loads(row["tokens"]), json.loads(row["weights"])) for row in found]
    model: Any = AutoModelForCausalLM.from_pretrained(FOLDER, attn_implementation="eager", dtype=torch.float32)
    assert len(kept) == 8 and len({len(tokens) for tokens, _ in kept}) > 1
    for i, (tokens, rows) in enumerate(kept):
        end = int(prompts.end[i])
        looked = model(prompts.clean[i : i + 1], output_attentions=True).attentions
        wanted = torch.cat([layer[0, :, end, : end + 1] for layer in looked])
        assert torch.tensor(rows).shape == wanted.shape == (9, len(tokens))
        torch.testing.assert_close(torch.tensor(rows) / 10_000, wanted.detach(), atol=5.1e-5, rtol=0)
