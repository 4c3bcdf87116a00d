"""A loaded model is the Hugging Face model: same logits, frozen, nothing folded; unsuitable ones are refused."""

import json
import re
import shutil
from typing import Any

import pytest
import torch
from families import random_model
from places import GOLDEN, SAMPLE


@pytest.mark.parametrize("folder", [GOLDEN / "neox_parallel/model", SAMPLE / "step0", GOLDEN / "gpt2_sequential/model"])
def test_logits_are_hugging_faces(folder):
    """To rounding: q, k and v are one product there and may be three here, which not every processor rounds alike."""
    from transformers import AutoModelForCausalLM

    from circuit_core import loading

    tokens = torch.randint(60, (3, 12), generator=torch.Generator().manual_seed(0))
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")(tokens).logits
    loaded = loading.load(folder)
    assert (loaded.bridge(tokens) - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert not any(p.requires_grad for p in loaded.bridge.parameters())


def test_half_precision_files_compute_in_single(sample):
    assert sample[0].bridge.W_E.dtype == torch.float32


def test_parallel_is_read_from_the_config(golden):
    parallel = golden.prompts.name == "neox_parallel"
    assert golden.graph.parallel is parallel


def test_weights_that_do_not_fit_the_config_are_a_mismatch(tmp_path):
    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(CheckpointError, match="do not fit config.json") as caught:
        loading.load(folder)
    assert caught.value.status == "mismatch"


def test_a_pickle_is_loaded_as_weights_only(tmp_path):
    """`pytorch_model.bin` is read without running what it holds."""
    from safetensors.torch import load_file

    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    tokens = torch.arange(10)[None]
    assert torch.equal(loading.load(folder).bridge(tokens), loading.load(SAMPLE / "step0").bridge(tokens))

    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"x": Harm()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        loading.load(folder)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("kind", ["gpt_neox", "of_its_own"])
def test_code_that_lies_beside_a_checkpoint_does_not_run(kind, tmp_path):
    """Invariant: `auto_map` runs nothing, for model or tokenizer: a known architecture is loaded, another refused."""
    from circuit_core import loading
    from circuit_core.errors import CheckpointError, UnsupportedModel
    from circuit_core.models import tokenizers

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    for file in SAMPLE.glob("tokenizer*"):
        shutil.copy(file, folder)
    harm = f"open({str(tmp_path / 'harm')!r}, 'w')\nclass Own: pass\n"
    (folder / "own.py").write_text(harm)
    names = ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer")
    own = {name: ["own.Own", None] if name == "AutoTokenizer" else "own.Own" for name in names}
    for name, more in (("config.json", {"model_type": kind}), ("tokenizer_config.json", {"tokenizer_class": "Own"})):
        held = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
        (folder / name).write_text(json.dumps(held | more | {"auto_map": own}))
    for load in (loading.load, tokenizers.tokenizer):
        try:
            load(folder)
        except UnsupportedModel:
            assert kind == "of_its_own" and load is loading.load
        except CheckpointError:
            assert load is tokenizers.tokenizer
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("family", "more", "reason"),
    [
        ("Olmo2", {"intermediate_size": 8, "pad_token_id": 0}, r"normalises what .* have written \(post-norm\)"),
        ("Gemma", {"intermediate_size": 8, "head_dim": 8, "num_key_value_heads": 3}, "is not supported"),
        ("Bloom", {}, "is not supported"),
        ("GPT2", {"add_cross_attention": True}, "also reads an encoder"),
    ],
)
def test_models_whose_stream_is_no_plain_sum_are_refused(family, more, reason):
    """By config.json alone, before weights are read, and where a model is wrapped that is in memory."""
    from circuit_core import loading
    from circuit_core.errors import UnsupportedModel
    from circuit_core.models import families

    model = random_model(family, **more)
    assert re.search(reason, families.refusal(json.loads(model.config.to_json_string())) or "")
    with pytest.raises(UnsupportedModel, match=reason):
        loading.as_bridge(model)


def test_a_tokenizer_may_lie_in_the_folder_above(tmp_path):
    """A common layout of training scripts; one that cannot be read is named."""
    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    folder = shutil.copytree(SAMPLE / "step0", tmp_path / "step0")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(tmp_path / name)
    tokenizer: Any = loading.load(folder).tokenizer
    assert tokenizer("Mary")["input_ids"] != []
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=f"{tmp_path}/tokenizer.json: this is not JSON"):
        loading.load(folder)


BY_CONFIG = {
    "post-norm": ("olmo2", "olmo3", "gemma2", "gemma3_text", "gemma3n", "glm4", "exaone4"),
    "a mixture of experts": ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v3", "gpt_oss", "phimoe", "dbrx"),
    "recurrent, or a hybrid": (
        "mamba",
        "mamba2",
        "falcon_mamba",
        "jamba",
        "zamba2",
        "rwkv",
        "qwen3_next",
        "nemotron_h",
    ),
    "an encoder beside its decoder": ("t5", "mt5", "bart", "mbart", "pegasus", "marian"),
    "is not supported, only": ("gemma", "bloom", "falcon", "phi3", "opt", "gpt_neo", "cohere", "granite", "of_its_own"),
}
GIVEN_AWAY: list[tuple[str, dict[str, Any], str]] = [
    ("llama", {"num_local_experts": 8}, "LlamaForCausalLM sends each token to a few of many experts"),
    ("mine", {"n_routed_experts": 64, "architectures": ["MyMoE"]}, "MyMoE sends each token to a few of many experts"),
    ("mine", {"mamba_d_state": 16}, "mine has layers without attention heads"),
    ("qwen3", {"layer_types": ["full_attention", "linear_attention"]}, "Qwen3ForCausalLM has layers without attention"),
    ("mine", {"is_encoder_decoder": True}, "has an encoder beside its decoder"),
    ("gptj", {"rotary_dim": None}, "GPTJForCausalLM needs a rotary_dim that is even"),
    ("gptj", {"rotary_dim": 64, "n_embd": 64, "n_head": 4}, "at most the width of a head, not 64"),
    ("gpt2", {"add_cross_attention": True}, "also reads an encoder"),
]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        *(({"model_type": kind}, reason) for reason, kinds in BY_CONFIG.items() for kind in kinds),
        *(({"model_type": kind} | more, reason) for kind, more, reason in GIVEN_AWAY),
    ],
    ids=lambda given: " ".join(map(str, given.values())) if isinstance(given, dict) else "",
)
def test_refused_by_config_json_alone(config, reason, tmp_path):
    """No weights are there: what it is refused for is read before they are looked for."""
    from circuit_core import loading
    from circuit_core.errors import UnsupportedModel
    from circuit_core.models import families

    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsupportedModel) as refused:
        loading.load(tmp_path)
    said = str(refused.value)
    assert reason in said and said.endswith(".") and "\n" not in said
    assert families.refusal_of(tmp_path) == said


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("llama", {"num_local_experts": 1}),
        ("mistral", {"sliding_window": 4096}),
        ("qwen3", {"layer_types": ["full_attention", "sliding_attention"]}),
        ("gptj", {}),
        ("gptj", {"rotary_dim": 8, "n_embd": 32, "n_head": 4}),
        ("smollm3", {"no_rope_layers": [1, 0]}),
        ("olmo", {"clip_qkv": 8.0}),
        ("phi", {"qk_layernorm": True}),
    ],
)
def test_what_config_json_does_not_speak_against(kind, more):
    from circuit_core.models import families

    assert families.refusal({"model_type": kind} | more) is None
