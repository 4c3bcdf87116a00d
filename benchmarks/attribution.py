"""Attribution beside plain Hugging Face work, in one process, interleaved: CPU seconds and ratios, medians of 5.

    python benchmarks/attribution.py [--shape 70m|160m] [--repeats 5] [--threads 1]

A random GPT-NeoX of a Pythia's shape, 16 prompts x 20 tokens, EAP-IG with m = 5. `floor` is what any implementation
would do without scoring an edge: 5 forward and backward passes and 2 forward passes with logits at every position;
`end floor` unembeds the answer positions only.
"""

from collections.abc import Callable

import torch
from side_by_side import arguments, goal, medians, model_of_shape, prompts
from transformers import GPTNeoXForCausalLM

from circuit_core.attribution.edge_scores import attribute
from circuit_core.loaded_model import LoadedModel
from circuit_core.loading import as_bridge, graph_of
from circuit_core.tasks.prompts import PromptSet

STEPS = 5


def plain(model: GPTNeoXForCausalLM, task: PromptSet, end_only: bool) -> None:
    """The floor: the passes of EAP-IG without its scores."""
    rows = torch.arange(len(task))

    def logits(embedded: torch.Tensor) -> torch.Tensor:
        if not end_only:
            return model(inputs_embeds=embedded).logits[rows, task.end]
        hidden = model.gpt_neox(inputs_embeds=embedded).last_hidden_state
        return model.lm_head(hidden[rows, task.end])

    embed = model.get_input_embeddings()
    clean, corrupted = embed(task.clean), embed(task.corrupted)
    with torch.no_grad():
        for embedded in (clean, corrupted):
            logits(embedded)
    for k in range(1, STEPS + 1):
        leaf = (corrupted + k / STEPS * (clean - corrupted)).requires_grad_(True)
        torch.autograd.grad(-task.metric(logits(leaf)).sum(), leaf)


def main() -> None:
    args = arguments(__doc__).parse_args()
    torch.set_num_threads(args.threads)
    bare, task = model_of_shape(args.shape), prompts()
    bridge = as_bridge(model_of_shape(args.shape))
    graph = graph_of(bridge)
    works: dict[str, Callable[[], object]] = {
        "floor": lambda: plain(bare, task, end_only=False),
        "end floor": lambda: plain(bare, task, end_only=True),
        "attribution": lambda: attribute(LoadedModel(bridge, graph), task, ig_steps=STEPS),
    }
    median = medians(works, args.repeats)
    for floor, most in (("floor", 0.65), ("end floor", 1.15)):
        print(f"attribution / {floor:9}  {median['attribution'] / median[floor]:.2f}{goal(args.shape, most)}")


if __name__ == "__main__":
    main()
