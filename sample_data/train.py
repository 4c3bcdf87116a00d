"""Train a sample model and keep its checkpoints in Hugging Face format, one folder a step.

    python sample_data/train.py sample-0.2m [--seed N] [--out FOLDER] [--every N]

AdamW (0.9, 0.95), weight decay 0.02 on matrices, gradient norm clipped at 1, one thread, 16 rows of 96 tokens a step.
The output embedding starts as a copy of the input embedding, which is then doubled; both are trained freely.
`--seed` with `--every` screens seeds: figures go to the screen, checkpoints to FOLDER.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from corpus import row
from figures import figures
from recipes import BATCH, LENGTH, RECIPES, Phase, Recipe
from vocabulary import IDS, save_tokenizer

HERE = Path(__file__).parent


def build(recipe: Recipe, seed: int) -> GPTNeoXForCausalLM:
    torch.manual_seed(seed)
    width = recipe.width
    model = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=len(IDS),
            hidden_size=width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=2 * width,
            rope_parameters={"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": recipe.rotary},
            max_position_embeddings=128,
            use_parallel_residual=True,
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=0,
            hidden_act="gelu",
        )
    )
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                out = name.endswith(("attention.dense.weight", "dense_4h_to_h.weight"))
                p.normal_(0, 2 / (recipe.layers * width**0.5) if out else (2 / (5 * width)) ** 0.5)
        embed: Any = model.get_input_embeddings()
        unembed: Any = model.get_output_embeddings()
        unembed.weight.copy_(embed.weight)
        embed.weight.mul_(2)
    return model


def optimiser(model: GPTNeoXForCausalLM, phase: Phase) -> torch.optim.AdamW:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() == 2], "weight_decay": 0.02},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=phase.rate, betas=(0.9, 0.95))


def rate(phase: Phase, step: int) -> float:
    cosine = 0.55 + 0.45 * math.cos(math.pi * min(1.0, step / phase.schedule))
    return phase.rate * min(1.0, (step + 1) / phase.warmup) * cosine


def loss(model: GPTNeoXForCausalLM, rng: random.Random, phase: Phase) -> torch.Tensor:
    rows = [row(rng, phase.mix, LENGTH) for _ in range(BATCH)]
    ids, weights = (torch.tensor(x) for x in zip(*rows, strict=True))
    log_probs = model(ids).logits[:, :-1].log_softmax(-1)
    nll = -log_probs.gather(-1, ids[:, 1:, None])[..., 0]
    return (nll * weights[:, 1:]).sum() / weights[:, 1:].sum()


def deep(model: GPTNeoXForCausalLM, learns: bool) -> None:
    for layer in model.gpt_neox.layers[2:]:
        layer.requires_grad_(learns)


def train(recipe: Recipe, seed: int, keep):
    """Run all phases; `keep(step, model, seconds)` is called before the first step and after each, and may stop it."""
    model, rng, step, seconds = build(recipe, seed), random.Random(1000 + seed), 0, 0.0
    keep(step, model, seconds)
    for phase in recipe.phases:
        adam = optimiser(model, phase)
        for i in range(phase.steps):
            began = time.process_time()
            deep(model, i >= phase.shallow)
            for group in adam.param_groups:
                group["lr"] = rate(phase, i)
            adam.zero_grad(set_to_none=True)
            loss(model, rng, phase).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            step, seconds = step + 1, seconds + time.process_time() - began
            keep(step, model, seconds)


def save(model: GPTNeoXForCausalLM, folder: Path) -> None:
    """Half precision on disk, `float32` in the config, so that loading computes in single precision."""
    copy = GPTNeoXForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.half().save_pretrained(folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_tokenizer(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--every", type=int, default=0, help="also report and save every N steps")
    parser.add_argument("--until", type=int, default=10**9, help="stop after N steps")
    args = parser.parse_args()
    recipe = RECIPES[args.model]
    torch.set_num_threads(1)

    def keep(step: int, model: GPTNeoXForCausalLM, seconds: float) -> None:
        if step in recipe.kept or (args.every and step % args.every == 0):
            folder = args.out / args.model / f"step{step}"
            save(model, folder)
            print(step, f"{seconds:.0f} s", figures(folder), flush=True)
        if step >= args.until:
            raise SystemExit

    train(recipe, recipe.seed if args.seed is None else args.seed, keep)


if __name__ == "__main__":
    main()
