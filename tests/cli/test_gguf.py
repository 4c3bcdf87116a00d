"""A folder with a GGUF file is a checkpoint: the model of its twin in safetensors. What is said where it is none.

The file is written with the gguf package, as llama.cpp would: with queries and keys of Llama in its order of rows.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import here
import pytest
import torch

from circuit_core.errors import CircuitError, UnknownModel
from circuit_core.models import checkpoints
from circuit_sweep import caller
from circuit_sweep.planning import gguf_folders, model_sources

gguf: Any = pytest.importorskip("gguf", reason="the extra gguf is not installed")

HEADS, KV, WIDTH = 4, 2, 32
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "model.layers": "blk",
}
PIECES = ["<s>", *"abcdefghijklmnopqrstuvwxyz", "Ġ", "th", "the", "Ġthe"]
MERGES = ["t h", "th e", "Ġ the"]


@pytest.fixture(scope="module")
def llama() -> Any:
    """Tiny and random, with grouped queries."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV,
        "hidden_size": WIDTH,
    }
    config = LlamaConfig(
        vocab_size=len(PIECES), intermediate_size=48, initializer_range=0.3, rms_norm_eps=1e-5, **sizes
    )
    return LlamaForCausalLM(config).eval()


def write(file: Path, model: Any, family: str = "llama") -> None:
    writer = gguf.GGUFWriter(file, family)
    writer.add_name("tiny")
    for add, value in (
        (writer.add_context_length, model.config.max_position_embeddings),
        (writer.add_embedding_length, WIDTH),
        (writer.add_block_count, 2),
        (writer.add_feed_forward_length, 48),
        (writer.add_head_count, HEADS),
        (writer.add_head_count_kv, KV),
        (writer.add_layer_norm_rms_eps, 1e-5),
        (writer.add_rope_dimension_count, WIDTH // HEADS),
        (writer.add_vocab_size, len(PIECES)),
        (writer.add_tokenizer_model, "gpt2"),
        (writer.add_token_list, PIECES),
        (writer.add_token_merges, MERGES),
        (writer.add_bos_token_id, 0),
    ):
        add(value)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(_named(name), _in_its_order(name, tensor).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _named(name: str) -> str:
    for theirs, its in NAMES.items():
        name = name.replace(theirs, its)
    return name


def _in_its_order(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """llama.cpp rotates neighbouring rows of a head, Hugging Face its halves."""
    heads = HEADS if "q_proj" in name else KV if "k_proj" in name else None
    if heads is None:
        return tensor
    return tensor.unflatten(0, (heads, 2, -1)).transpose(1, 2).reshape(tensor.shape).contiguous()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache folder; what a process is asked for is done in this one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(caller, "ask", here.ask)
    return tmp_path / "cache" / "circuit-tui" / "gguf"


@pytest.fixture
def folder(tmp_path, llama) -> Path:
    (tmp_path / "tiny").mkdir()
    write(tmp_path / "tiny" / "tiny-f32.gguf", llama)
    return tmp_path / "tiny"


def test_it_is_the_model_of_its_twin(folder, cache, llama, tmp_path):
    """Invariant: shape, name, fingerprint and all logits are those of the same weights in safetensors."""
    from circuit_core.loading import load
    from circuit_core.models.weights import fingerprint

    llama.save_pretrained(tmp_path / "twin")
    model, (found,) = model_sources.describe(None, str(folder))
    place = Path(model.source)
    twin = checkpoints.shape(tmp_path / "twin")
    assert model.name == "tiny" and found == checkpoints.FoundCheckpoint(0, "") and checkpoints.shape(place) == twin
    assert fingerprint(place) == fingerprint(tmp_path / "twin")
    loaded, ids = load(place), torch.arange(12)[None]
    with torch.no_grad():
        assert torch.equal(loaded.bridge(ids), load(tmp_path / "twin").bridge(ids))
        assert (loaded.bridge(ids) - llama(ids).logits).abs().max() < 1e-4
    assert loaded.tokenizer and loaded.tokenizer("a the", add_special_tokens=False)["input_ids"] == [
        1,
        PIECES.index("Ġthe"),
    ]


def test_it_is_converted_once(folder, cache, monkeypatch):
    """Nothing is asked of a process again, until the file is another."""
    first, _ = model_sources.describe(None, str(folder))
    asked: list[Any] = []
    monkeypatch.setattr(caller, "ask", lambda call, **given: asked.append(given) or here.ask(call, **given))
    assert model_sources.describe(None, str(folder))[0] == first and asked == []
    (folder / "tiny-f32.gguf").touch()
    again, _ = model_sources.describe(None, str(folder))
    assert len(asked) == 1 and again.source != first.source and len(list(cache.iterdir())) == 2
    assert checkpoints.shape(Path(again.source)) == checkpoints.shape(Path(first.source))


def test_a_config_beside_it_decides(folder, cache):
    """A folder of safetensors to which someone added a GGUF file stays what it was."""
    (folder / "config.json").write_text("{}")
    assert gguf_folders.converted(folder) == folder and not cache.exists()


def test_several_are_refused(folder, cache):
    (folder / "tiny-q4.gguf").touch()
    with pytest.raises(UnknownModel, match="has 2 GGUF files, tiny-f32.gguf, tiny-q4.gguf: move the one"):
        model_sources.describe(None, str(folder))


def test_without_the_extra_it_is_named(folder, cache, monkeypatch):
    monkeypatch.setattr(gguf_folders, "find_spec", lambda name: None)
    with pytest.raises(CircuitError, match=r"tiny-f32.gguf is a GGUF file, .*: pip install 'circuit-tui\[gguf\]'"):
        model_sources.describe(None, str(folder))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no such thing" * 100, None])
def test_a_damaged_one_leaves_nothing(folder, cache, content):
    """Invariant: one sentence that names the file, and no half of a checkpoint."""
    file = folder / "tiny-f32.gguf"
    file.write_bytes(file.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(CircuitError, match="tiny-f32.gguf cannot be converted .*: fetch it again"):
        model_sources.describe(None, str(folder))
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_family_is_refused_before_its_weights_are_read(tmp_path, cache):
    (tmp_path / "other").mkdir()
    config = SimpleNamespace(max_position_embeddings=64)
    write(tmp_path / "other" / "m.gguf", SimpleNamespace(config=config, state_dict=dict), "gemma2")
    with pytest.raises(CircuitError, match="^gemma2 normalises what attention and MLPs have written"):
        model_sources.describe(None, str(tmp_path / "other"))


def test_a_refusal_queues_nothing(cache, fresh, folder):
    """The command ends with the sentence and exit 2, before anything is queued."""
    (folder / "tiny-f32.gguf").write_bytes(b"no such thing" * 100)
    with here.sweeping():
        sentence = fresh.refused("run", folder)
    assert "cannot be converted" in sentence and "tiny" not in fresh("jobs", "--json")
