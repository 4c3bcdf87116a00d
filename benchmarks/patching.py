"""Path patching beside plain Hugging Face forwards, in one process, interleaved: CPU seconds and ratios, medians of 5.

    python benchmarks/patching.py [--repeats 5] [--threads 1]

A random GPT-NeoX of pythia-70m's shape, 16 prompts x 20 tokens that differ from the first token on. `forward` is one
plain forward with logits at every position; half of it is unembedding, so `end forward`, which unembeds the answer
positions only, is shown too. The q receivers are four heads of the last three layers.
"""

from collections.abc import Callable

import torch
from side_by_side import ROWS, arguments, medians, model_of_shape, prompts

from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import as_bridge, graph_of
from circuit_core.patching.path_patching import path_patching

RECEIVERS = ["a3.h1<q>", "a4.h6<q>", "a5.h2<q>", "a5.h7<q>"]


def main() -> None:
    args = arguments(__doc__, shaped=False).parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    bare, task = model_of_shape("70m"), prompts()
    bridge = as_bridge(model_of_shape("70m"))
    graph, rows = graph_of(bridge), torch.arange(ROWS)

    def end_only() -> torch.Tensor:
        return bare.lm_head(bare.gpt_neox(task.clean).last_hidden_state[rows, task.end])

    works: dict[str, Callable[[], object]] = {
        "forward": lambda: bare(task.clean),
        "end forward": end_only,
        "to logits": lambda: path_patching(LoadedModel(bridge, graph), task, "logits"),
        "to four q": lambda: path_patching(LoadedModel(bridge, graph), task, RECEIVERS),
        "to four q, END": lambda: path_patching(LoadedModel(bridge, graph), task, RECEIVERS, positions="end"),
        "to four q, MLPs frozen": lambda: path_patching(LoadedModel(bridge, graph), task, RECEIVERS, mlps_frozen=True),
    }
    median = medians(works, args.repeats)
    two = 2 * median["forward"]
    print(f"to logits / two forwards   {median['to logits'] / two:.2f}   (goal: at most 1.5)")
    for name in [name for name in works if name.startswith("to four q")]:
        print(f"{name} / one forward    {median[name] / median['forward']:.2f}   (goal: at most 12)")


if __name__ == "__main__":
    main()
