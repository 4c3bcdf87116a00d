"""A trainer's folder: the final model lies above its checkpoints, and is one of them or a step of its own."""

import json
import os
import shutil

import pytest
from places import SAMPLE

from circuit_core.errors import CheckpointError, UnknownModel
from circuit_core.models import checkpoints, final_model
from circuit_core.models.checkpoints import FoundCheckpoint

FILES = ("config.json", "model.safetensors")
BELOW = [FoundCheckpoint(250, "checkpoint-250"), FoundCheckpoint(500, "checkpoint-500")]


@pytest.fixture
def trained(tmp_path):
    """Two checkpoints, and a way to put another step's model above them."""
    for step in (250, 500):
        shutil.copytree(SAMPLE / f"step{step}", tmp_path / f"checkpoint-{step}")

    def final(step: int, **state):
        for name in FILES:
            shutil.copy(SAMPLE / f"step{step}" / name, tmp_path)
        if state:
            (tmp_path / "trainer_state.json").write_text(json.dumps(state))
        return tmp_path

    return final


def test_it_is_a_checkpoint_at_the_step_where_training_ended(trained):
    assert checkpoints.discover(trained(750, global_step=750)) == [*BELOW, FoundCheckpoint(750, "")]


def test_it_is_the_last_checkpoint_if_it_holds_its_weights(trained):
    """Invariant: nothing is counted twice, with `trainer_state.json` and without."""
    assert checkpoints.discover(trained(500)) == BELOW
    assert checkpoints.discover(trained(500, global_step=500)) == BELOW


def test_the_best_checkpoint_that_was_kept_is_no_last_one(trained):
    """Invariant: with `load_best_model_at_end` the weights above are an early step's, whatever step ended training."""
    assert checkpoints.discover(trained(250, global_step=600, best_model_checkpoint="out/checkpoint-250")) == BELOW
    assert checkpoints.discover(trained(250, global_step=500)) == BELOW


@pytest.mark.parametrize(
    ("state", "says"), [({}, "no trainer_state.json says its step"), ({"global_step": 500}, "that of checkpoint-500")]
)
def test_a_model_whose_step_is_not_clear_is_refused(trained, state, says):
    """Invariant: it is neither left out nor put anywhere; the sentence says what to do."""
    with pytest.raises(UnknownModel, match=f"none of the checkpoints below, and .*{says}.*move it"):
        checkpoints.discover(trained(1000, **state))


def test_weights_decide_before_what_is_said_of_the_last_step(trained):
    """Invariant: a copy of a checkpoint is that one, though training ended later, be it the best or not."""
    assert checkpoints.discover(trained(500, global_step=600)) == BELOW


def test_a_final_model_with_a_missing_shard_is_not_left_out(trained):
    folder = trained(750, global_step=750)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert checkpoints.discover(folder) == [*BELOW, FoundCheckpoint(750, "")]
    with pytest.raises(CheckpointError, match="lacks model-1.safetensors"):
        checkpoints.shape(folder)


def test_one_that_cannot_be_read_does_not_stop_the_others(trained):
    """Invariant: at a step that is said it is recorded there; else it is left out, and that is said."""
    folder = trained(750)
    os.truncate(folder / "model.safetensors", 100_000)
    assert checkpoints.discover(folder) == BELOW
    below = {f.step: folder / f.revision for f in BELOW}
    said = final_model.left_out(folder, below)
    assert said and said.startswith(f"The model in {folder} is left out, as its step is not known: ")
    assert "truncated: 100,000 of 255,648 bytes" in said
    assert checkpoints.discover(trained(750, global_step=750)) == [*BELOW, FoundCheckpoint(750, "")]
    assert final_model.left_out(folder, below) is None


def test_a_config_alone_is_no_model(trained):
    folder = trained(1000)
    os.remove(folder / "model.safetensors")
    assert checkpoints.discover(folder) == BELOW


@pytest.mark.parametrize("named", [{"base_model_name_or_path": "EleutherAI/pythia-70m"}, {}])
def test_an_adapter_is_refused_with_its_base(tmp_path, named):
    """Invariant: one sentence, which names the model that it belongs to."""
    (tmp_path / "adapter_config.json").write_text(json.dumps(named))
    base = named.get("base_model_name_or_path", "a model that it does not name")
    with pytest.raises(UnknownModel, match=f"an adapter of {base}, no model: merge the two"):
        checkpoints.discover(tmp_path)
