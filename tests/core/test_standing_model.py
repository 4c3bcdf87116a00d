"""The model that stands becomes the next checkpoint: the same bits as one that is built for it alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from families import EVERY, random_model
from safetensors.torch import load_file, save_file

PLAIN = ("GPT2", None)
TIED = ("Mistral", "no window, narrow heads")


@pytest.fixture
def built(monkeypatch):
    """The models that are built while a test goes on."""
    from circuit_core.loading import checkpoint_loader

    made, build = [], checkpoint_loader._built
    monkeypatch.setattr(
        checkpoint_loader, "_built", lambda folder, *rest: made.append(folder.name) or build(folder, *rest)
    )
    return made


def two_steps(folder: Path, family: str, option: str | None, **kinds) -> list[Path]:
    """Two checkpoints of one config.json, with attention that is uneven enough to settle it."""
    steps, model = [folder / "step1", folder / "step2"], random_model(family, option)
    for p in model.parameters():
        p.data *= 2
    for seed, step in enumerate(steps):
        torch.manual_seed(seed)
        for p in model.parameters():
            p.data += 0.4 * torch.randn_like(p)
        model.save_pretrained(step, **kinds)
    return steps


def bits(loaded) -> dict[str, torch.Tensor]:
    """Everything that a run rests on, and what comes of one."""
    tokens = torch.arange(14).reshape(2, 7)
    with torch.no_grad():
        logits = loaded.bridge(tokens)
    parts = [*loaded.bridge.named_parameters(remove_duplicate=False), *loaded.bridge.named_buffers()]
    return {**{name: part.detach().clone() for name, part in parts}, "logits": logits}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("family", "option"), EVERY, ids=[f"{family}, {option or 'plain'}" for family, option in EVERY]
)
def test_a_checkpoint_has_the_same_bits_copied_or_built(family, option, tmp_path, built):
    """There and back: the second, and then the first again, in every family with every option."""
    from circuit_core import loading

    steps, standing = two_steps(tmp_path, family, option), loading.StandingModel()
    fresh = [bits(loading.load(step)) for step in steps]
    assert not torch.equal(fresh[0]["logits"], fresh[1]["logits"])
    built.clear()
    for step in (0, 1, 0):
        assert_equal(bits(loading.load(steps[step], standing=standing)), fresh[step])
    assert built == ["step1"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_in_other_precisions_than_the_files(dtype, tmp_path, built):
    from circuit_core import loading

    steps, standing = two_steps(tmp_path, "Llama", "grouped, biases, wide heads"), loading.StandingModel()
    fresh = [bits(loading.load(step, dtype=dtype)) for step in steps]
    built.clear()
    for step in (0, 1):
        assert_equal(bits(loading.load(steps[step], dtype=dtype, standing=standing)), fresh[step])
    assert built == ["step1"]


def pickled(step: Path) -> None:
    held = load_file(step / "model.safetensors")
    (step / "model.safetensors").unlink()
    torch.save(held, step / "pytorch_model.bin")


def configured(step: Path) -> None:
    config = json.loads((step / "config.json").read_text())
    (step / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-2, "layer_norm_epsilon": 1e-2}))


def untied(step: Path) -> None:
    """An output matrix of its own, whatever config.json says: `transformers` then does not tie."""
    held = load_file(step / "model.safetensors")
    own = {"lm_head.weight": held["model.embed_tokens.weight"] + 1}
    save_file(held | own, step / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("case", "change"),
    [(PLAIN, pickled), (PLAIN, configured), (TIED, configured), (TIED, untied)],
    ids=["pytorch_model.bin", "another config.json", "another norm", "no longer tied"],
)
def test_what_cannot_be_copied_is_built_anew(case, change, tmp_path, built):
    """And what comes after it is itself again."""
    from circuit_core import loading

    steps, standing = two_steps(tmp_path, *case), loading.StandingModel()
    change(steps[1])
    fresh = [bits(loading.load(step)) for step in steps]
    built.clear()
    for step in (0, 1, 0):
        assert_equal(bits(loading.load(steps[step], standing=standing)), fresh[step])
    assert built == ["step1", "step2", "step1"]


def test_equal_matrices_that_are_tied_when_loaded_may_differ_in_the_next(tmp_path, built):
    """The files of both hold the output matrix; only in the first it is the embedding."""
    from circuit_core import loading

    steps, standing = two_steps(tmp_path, *TIED), loading.StandingModel()
    held = load_file(steps[0] / "model.safetensors")
    twice = held | {"lm_head.weight": held["model.embed_tokens.weight"].clone()}
    save_file(twice, steps[0] / "model.safetensors", {"format": "pt"})
    untied(steps[1])
    fresh = [bits(loading.load(step)) for step in steps]
    built.clear()
    for step in (0, 1):
        assert_equal(bits(loading.load(steps[step], standing=standing)), fresh[step])
    assert built == ["step1", "step2"]


def test_a_model_of_its_own_stays_what_it_is(tmp_path):
    """Without a standing model two loaded checkpoints do not touch each other, nor do they change with their files."""
    from circuit_core import loading

    steps = two_steps(tmp_path, *PLAIN)
    one = loading.load(steps[0])
    before = bits(one)
    loading.load(steps[1])
    with open(steps[0] / "model.safetensors", "r+b") as file:
        file.seek(-1000, 2)
        file.write(bytes(1000))
    assert_equal(bits(one), before)


def test_a_damaged_checkpoint_leaves_no_model_that_is_half_of_it(tmp_path, built):
    from circuit_core import loading
    from circuit_core.errors import CheckpointError

    steps, standing = two_steps(tmp_path, *PLAIN), loading.StandingModel()
    fresh = bits(loading.load(steps[0], standing=standing))
    whole = (steps[1] / "model.safetensors").read_bytes()
    (steps[1] / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        loading.load(steps[1], standing=standing)
    assert_equal(bits(loading.load(steps[0], standing=standing)), fresh)


def test_shards_are_copied_too(tmp_path, built):
    from circuit_core import loading

    steps, standing = two_steps(tmp_path, *PLAIN, max_shard_size="20KB"), loading.StandingModel()
    assert len(list(steps[1].glob("*.safetensors"))) > 1
    fresh = [bits(loading.load(step)) for step in steps]
    built.clear()
    for step in (0, 1):
        assert_equal(bits(loading.load(steps[step], standing=standing)), fresh[step])
    assert built == ["step1"]


def test_what_was_computed_does_not_depend_on_which_checkpoint_stood_before(tmp_path):
    """Edge scores, which hook every part of the model, on the way 1, 2, 1."""
    from families import random_prompts

    from circuit_core import loading
    from circuit_core.attribution.edge_scores import attribute

    steps, standing = two_steps(tmp_path, "GPTNeoX", None), loading.StandingModel()
    prompts, found = random_prompts(), []
    for step in (0, 1, 0):
        loaded = loading.load(steps[step], standing=standing)
        found.append(attribute(loaded, prompts, ig_steps=2).scores)
    assert (found[0] == found[2]).all() and (found[0] != found[1]).any()
    shutil.rmtree(tmp_path)


def test_the_tokenizer_stands_while_its_files_hold_the_same(tmp_path):
    """One of other files is read anew, also if it comes back."""
    import tokenizer_kinds

    from circuit_core import loading

    steps, standing = two_steps(tmp_path, *PLAIN), loading.StandingModel()
    for step in steps:
        tokenizer_kinds.made("pythia").save_pretrained(step)
    tokenizers: list[Any] = [loading.load(step, standing=standing).tokenizer for step in steps]
    one, other = tokenizers
    assert one is other
    words = json.loads((steps[1] / "tokenizer.json").read_text())
    words["added_tokens"] = []
    (steps[1] / "tokenizer.json").write_text(json.dumps(words))
    tokenizers = [loading.load(steps[1], standing=standing).tokenizer, loading.load(steps[1]).tokenizer]
    other, fresh = tokenizers
    assert other is not one and other.backend_tokenizer.to_str() == fresh.backend_tokenizer.to_str()
    back: Any = loading.load(steps[0], standing=standing).tokenizer
    assert back.backend_tokenizer.to_str() == one.backend_tokenizer.to_str()
