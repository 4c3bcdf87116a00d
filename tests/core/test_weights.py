"""Which weights are loaded, how many there are, and by what two checkpoints' weights are told apart (METHODS l.16)."""

import json
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from odd_files import endless
from places import SAMPLE
from safetensors.torch import load_file, save_file

from circuit_core.errors import CheckpointError
from circuit_core.models import checkpoints, weights
from circuit_core.models.weights.tensor import WHOLE, Tensor

STEP = SAMPLE / "step0"
HELD = load_file(STEP / "model.safetensors")


@pytest.fixture
def folder(tmp_path):
    """A checkpoint whose weights are not there yet."""
    copy = shutil.copytree(STEP, tmp_path / "step0")
    (copy / "model.safetensors").unlink()
    return copy


def zip_(folder, held: Any, name: str = "pytorch_model.bin") -> None:
    torch.save(held, folder / name)


def older(folder, held: Any) -> None:
    """As PyTorch wrote before 1.6."""
    torch.save(held, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def strided(folder, held: Any) -> None:
    """The same numbers, laid out column by column, with parts of one storage, and parameters instead of tensors."""
    everything = torch.cat([tensor.flatten() for tensor in held.values()])
    parts = everything.split([tensor.numel() for tensor in held.values()])
    views = {name: part.view(tensor.shape) for (name, tensor), part in zip(held.items(), parts, strict=True)}
    turned = {name: torch.nn.Parameter(v.t().contiguous().t() if v.dim() == 2 else v) for name, v in views.items()}
    zip_(folder, OrderedDict(turned))


def sharded(folder, held: Any) -> None:
    """Two shards and their index."""
    names = sorted(held)
    places = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)}
    for shard in set(places.values()):
        save_file({name: held[name] for name in names if places[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


def inner(folder, held: Any) -> None:
    """Saved from the model within, with masks and angles as older files carry them."""
    more = {"layers.0.attention.bias": torch.ones(1, 1, 64, 64, dtype=torch.bool)}
    more |= {"layers.0.attention.rotary_emb.inv_freq": torch.ones(2), "layers.0.attention.masked_bias": torch.ones(())}
    zip_(folder, {name.removeprefix("gpt_neox."): tensor for name, tensor in held.items()} | more)


@pytest.mark.parametrize("written", [zip_, older, strided, sharded, inner])
def test_the_same_weights_are_the_same_however_they_are_saved(folder, written):
    """Invariant: .bin and safetensors twins have one fingerprint and one number of parameters."""
    written(folder, HELD)
    assert weights.fingerprint(folder) == weights.fingerprint(STEP)
    assert checkpoints.shape(folder) == checkpoints.shape(STEP)


def test_weights_that_are_not_loaded_count_for_nothing(folder):
    """Of several files that one counts which transformers loads, not an adapter or a consolidated copy beside it."""
    import transformers

    zip_(folder, HELD)
    alone = weights.fingerprint(folder), checkpoints.shape(folder)
    for beside in ("adapter_model.safetensors", "consolidated.safetensors"):
        save_file({"x": torch.ones(3)}, folder / beside)
    assert (weights.fingerprint(folder), checkpoints.shape(folder)) == alone
    other = dict(HELD, **{"embed_out.weight": HELD["embed_out.weight"] + 1})
    zip_(folder, other)
    assert weights.fingerprint(folder) != alone[0] and checkpoints.shape(folder) == alone[1]
    save_file(HELD, folder / "model.safetensors")
    assert weights.fingerprint(folder) == alone[0]
    save_file(other, folder / "mine.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_weights": "mine.safetensors"}))
    assert weights.fingerprint(folder) not in alone
    loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert torch.equal(loaded.get_output_embeddings().weight, other["embed_out.weight"].float())


@pytest.mark.parametrize("family", ["GPTNeoX", "GPT2", "Llama", "Mistral", "Qwen2", "StableLm"])
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_counted_as_the_model_has_them(tmp_path, family, tied):
    """Invariant: PyTorch's own count, from either kind of file; a .bin holds a tied matrix twice."""
    import transformers

    sizes: dict[str, Any] = {"vocab_size": 30, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    more = {} if family == "GPT2" else {"intermediate_size": 32}
    more |= {"num_key_value_heads": 3} if family in ("Mistral", "Qwen2", "StableLm") else {}
    config = getattr(transformers, f"{family}Config")(**sizes, **more, tie_word_embeddings=tied)
    model: Any = transformers.AutoModelForCausalLM.from_config(config)
    count = sum(p.numel() for p in model.parameters())
    model.save_pretrained(tmp_path / "one")
    config.save_pretrained(tmp_path / "two")
    zip_(tmp_path / "two", model.state_dict())
    assert [checkpoints.shape(tmp_path / name).params for name in ("one", "two")] == [count, count]
    assert weights.fingerprint(tmp_path / "one") == weights.fingerprint(tmp_path / "two")


@pytest.mark.parametrize("where", [(slice(8, 16),), (slice(None), slice(8, 16))], ids=["rows", "columns"])
@pytest.mark.parametrize("shape", [(600, 512), (1024, 300)])
def test_a_head_that_is_zeroed_shows(tmp_path, shape, where):
    """Invariant: eight rows or eight columns of a large matrix of half precision change what it is known by."""
    file, table = tmp_path / "model.safetensors", torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert shape[0] * shape[1] * 4 > WHOLE
    marks = []
    for change in (1, 0):
        table[where] *= change
        save_file({"x": table}, file)
        marks.append(weights.fingerprint(tmp_path))
    assert marks[0] != marks[1]


@pytest.mark.parametrize("columns", [(0, 16), (700, 716), (1024, 1536), (1520, 1536)])
def test_an_edit_of_a_wide_matrix_shows_wherever_it_is(columns):
    """Rows that are too few to move along all of their length, as of an MLP of six times the width: its output."""
    row = 1536 * 4
    wide = Tensor(Path("x"), "F32", (256, 1536), 0)
    assert wide.size * 4 >= WHOLE
    held = torch.zeros(256, 1536)
    held[:, slice(*columns)] = 1
    assert any(wide._sampled(held.numpy().tobytes()[: 256 * row], 0))


def test_the_sample_of_a_large_tensor_is_sixteen_bytes_of_each_row(tmp_path):
    """Worked example: row r of 256 floats, numbered from 0, gives its numbers 4 r mod 256 to 4 r + 3."""
    table = torch.arange(1024 * 256, dtype=torch.float32).view(1024, 256)
    table.numpy().tofile(tmp_path / "x")
    wanted = torch.stack([table[r, 4 * r % 256 : 4 * r % 256 + 4] for r in range(1024)])
    assert Tensor(tmp_path / "x", "F32", (1024, 256), 0).sample() == wanted.numpy().tobytes()
    turned = Tensor(tmp_path / "x", "F32", (256, 1024), 0, (1, 256))
    assert turned.sample() == torch.stack([table.t()[r, 4 * r : 4 * r + 4] for r in range(256)]).numpy().tobytes()


def doubling(times: int) -> list:
    """A list in a list, twice, and so on: some bytes in a file, and 2^times entries to who writes them out."""
    held: list = []
    for _ in range(times):
        held = [held, held]
    return held


class Harm:
    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


@pytest.mark.parametrize(
    ("written", "held", "says"),
    [
        (zip_, {"x": Harm()}, "exec, which is no plain tensor"),
        (zip_, {"x": [1, 2]}, "more than tensors"),
        (zip_, {"x": doubling(60)}, r"more than tensors \(list\)"),
        (zip_, {"x": torch.ones(2).to_sparse()}, "no plain tensor"),
        (older, {"x": Harm()}, "exec, which is no plain tensor"),
        (zip_, endless(60), r"damaged \(Endless\)"),
        (older, endless(60), r"damaged \(Endless\)"),
    ],
)
def test_a_pickle_that_asks_for_more_than_tensors_is_refused(folder, written, held, says):
    """Invariant: nothing that it names is run; one sentence says what it asks for."""
    written(folder, held)
    with pytest.raises(CheckpointError, match=says):
        weights.fingerprint(folder)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off", b"\x80\2]q\0.", b"weights"])
def test_a_file_that_is_no_pickle_of_weights_is_refused(folder, content):
    (folder / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match="no PyTorch file of weights, or damaged"):
        checkpoints.shape(folder)


def test_a_shard_that_is_missing_is_named(folder):
    sharded(folder, HELD)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="lacks model-00002-of-00002.safetensors") as caught:
        weights.fingerprint(folder)
    assert caught.value.status == "missing"


def test_an_index_that_transformers_does_not_load_is_named(folder):
    sharded(folder, HELD)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": json.loads(index.read_text())["weight_map"]}))
    with pytest.raises(CheckpointError, match='lacks "metadata", without which transformers loads none'):
        weights.fingerprint(folder)
