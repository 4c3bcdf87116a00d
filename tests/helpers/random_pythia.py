"""Random weights of the real shapes of Pythia, as folders of checkpoints that a hub serves.

Attention is uneven, as of trained weights: a worker then knows after the first checkpoint how to load the others.
Branches of one model share all but one file, and that differs in the last bytes of one tensor alone.
"""

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

from places import ROOT

TOKENIZER = ROOT.parent / "shared" / "tokenizers" / "pythia"
VOCABULARY = 50304


def made(folder: Path, layers: int, width: int, heads: int) -> Path:
    """One checkpoint in float16, with Pythia's own tokenizer where it is at hand, else one of the tasks' words."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    torch.manual_seed(0)
    sizes = {"num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads, "rotary_pct": 0.25}
    config = GPTNeoXConfig(vocab_size=VOCABULARY, intermediate_size=4 * width, dtype="float16", **sizes)
    model: Any = GPTNeoXForCausalLM(config)
    with torch.no_grad():
        for block in model.gpt_neox.layers:
            block.attention.query_key_value.weight.mul_(2)
    model.half().save_pretrained(folder)
    if TOKENIZER.is_dir():
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(TOKENIZER / name, folder)
    else:
        import tokenizer_kinds

        tokenizer_kinds.made("pythia").save_pretrained(folder)
    return folder


def branch(of: Path, folder: Path, number: int) -> Path:
    """The same with another value of one weight; the same weights for 0."""
    folder.mkdir(parents=True)
    for file in of.iterdir():
        if number and file.suffix == ".safetensors":
            _changed(shutil.copyfile(file, folder / file.name), number)
        else:
            os.link(file, folder / file.name)
    return folder


def _changed(file: Path, number: int) -> None:
    """The last number of the final norm's bias, which every logit shows; of a fingerprint every row is part."""
    with open(file, "r+b") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header: dict[str, Any] = json.loads(opened.read(length))
        opened.seek(8 + length + header["gpt_neox.final_layer_norm.bias"]["data_offsets"][1] - 2)
        opened.write(struct.pack("<e", number))
