"""What makes two checkpoints one source: what weights, config and tokenizer hold, and nothing else (METHODS l.16)."""

import json
import os
import shutil

import pytest
from places import SAMPLE
from safetensors.torch import load_file, save_file

from circuit_core.models import identity

STEP = SAMPLE / "step0"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(STEP, tmp_path / "elsewhere" / "step0")


def of(folder) -> str:
    return identity.source(folder).identity


def test_a_copied_and_touched_folder_is_the_same(copy):
    """Invariant: where a file lies and when it was written do not matter, nor how its config is laid out."""
    for file in copy.iterdir():
        os.utime(file, (1, 1))
    (copy / "config.json").write_text(json.dumps(json.loads((STEP / "config.json").read_text()), indent=7))
    assert of(copy) == of(STEP) != of(SAMPLE / "step250")


def edit_config(folder) -> None:
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(json.dumps(json.loads(text) | {"rope_theta": 500_000}))


def edit_tokenizer(folder) -> None:
    text = (folder / "tokenizer.json").read_text()
    assert "Mary" in text
    (folder / "tokenizer.json").write_text(text.replace("Mary", "Yram"))


def edit_weights(folder) -> None:
    held = load_file(folder / "model.safetensors")
    held["gpt_neox.layers.2.attention.dense.weight"][:, 20:40] = 0
    save_file(held, folder / "model.safetensors")


def move_tokenizer(folder) -> None:
    edit_tokenizer(folder)
    (folder / "tokenizer.json").rename(folder.parent / "tokenizer.json")


@pytest.mark.parametrize("edit", [edit_config, edit_tokenizer, edit_weights, move_tokenizer])
def test_whatever_a_result_rests_on_makes_another_source(copy, edit):
    """Invariant: a config repaired in place, another tokenizer (also in the folder above), a head that is zeroed."""
    edit(copy)
    assert of(copy) != of(STEP)


def test_weights_are_not_read_again_while_their_files_stay(copy):
    """Invariant: what was seen answers for files that are the same by size and times of change, and for those alone."""
    seen = identity.source(copy)
    assert identity.source(copy, {seen.files: "f" * 32}).fingerprint == "f" * 32
    file, edited = copy / "model.safetensors", (copy / "model.safetensors").read_bytes()[:-8] + b"\0" * 8
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:
        file.write_bytes(edited)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = identity.source(copy, {seen.files: "f" * 32})
    assert again.files != seen.files and again.fingerprint not in ("f" * 32, seen.fingerprint)
