"""What is said of a folder without loading it; each fault is one sentence with what to do."""

import shutil
from pathlib import Path

import pytest

from circuit_core.errors import CheckpointError, UnknownModel
from circuit_core.models import checkpoints, suites

STEP = suites.sample_folder() / "sample-0.1m" / "step0"


def test_shapes_of_the_sample_suite():
    """Parameters counted from headers are those of the loaded model, and give the models their names."""
    for model in suites.sample_suite():
        shape = checkpoints.shape(model.folder / "step0")
        assert f"sample-{shape.params / 1e6:.1f}m" == model.name
        assert shape.parallel


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (["step0", "step512", "step1000"], [0, 512, 1000]),
        (["checkpoint-20", "checkpoint-3", "logs"], [3, 20]),
        (["global_step1000", "global_step_2000_hf", "iter_0003000", "ckpt_004"], [4, 1000, 2000, 3000]),
        (["step1000-tokens4B", "step-2000", "stage1-step3000-tokens7B", "stage1-step-4000"], [1000, 2000, 3000, 4000]),
        (["epoch=1-step=500", "iter-000600-ckpt", "step700-unsharded"], [500, 600, 700]),
        (["step5", "stage2-ingredient1-step6-tokens7B", "best-checkpoint-8", "step9-old"], [5]),
    ],
)
def test_folders_named_by_step_are_found_in_order(tmp_path, names, steps):
    for name in names:
        (tmp_path / name).mkdir()
    assert [f.step for f in checkpoints.discover(tmp_path)] == steps


def test_a_step_whose_link_leads_nowhere_is_not_left_out(tmp_path):
    """As after a cache was pruned: the step is there, and what is said of it is that it has no weights."""
    (tmp_path / "step0").symlink_to(STEP)
    (tmp_path / "step5").symlink_to(tmp_path / "pruned")
    assert [f.step for f in checkpoints.discover(tmp_path)] == [0, 5]


def test_what_a_trainer_goes_on_from_is_no_checkpoint(tmp_path):
    """DeepSpeed puts the states of its optimizer into the checkpoint that Transformers saves."""
    folder = Path(shutil.copytree(STEP, tmp_path / "checkpoint-2000"))
    (folder / "global_step2000").mkdir()
    (folder / "global_step2000" / "zero_pp_rank_0_mp_rank_00_optim_states.pt").touch()
    assert checkpoints.discover(folder) == [checkpoints.FoundCheckpoint(2000, "")]
    assert checkpoints.discover(tmp_path) == [checkpoints.FoundCheckpoint(2000, "checkpoint-2000")]


def test_other_names_need_a_pattern(tmp_path):
    (tmp_path / "run-7").mkdir()
    with pytest.raises(UnknownModel, match="--pattern"):
        checkpoints.discover(tmp_path)
    assert checkpoints.discover(tmp_path, r"run-(?P<step>\d+)") == [checkpoints.FoundCheckpoint(7, "run-7")]


def test_a_folder_may_be_one_checkpoint():
    assert checkpoints.discover(STEP.parent / "step250") == [checkpoints.FoundCheckpoint(250, "")]


@pytest.mark.parametrize(
    ("names", "pattern", "message"),
    [(["step10", "step010"], None, "step 10 twice"), (["run-a"], r"run-(?P<step>\w)", "'a' is no step")],
)
def test_steps_that_are_not_one_number_each_are_refused(tmp_path, names, pattern, message):
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(UnknownModel, match=message):
        checkpoints.discover(tmp_path, pattern)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UnknownModel, match="There is no folder .*nowhere"):
        checkpoints.discover(tmp_path / "nowhere")


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(STEP, tmp_path / "step0")


def test_truncated_weights_are_noticed_by_their_header(copy):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"truncated: [\d,]+ of [\d,]+ bytes"):
        checkpoints.shape(copy)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"12345678{}", b"\x02" + b"\0" * 7 + b"[]"])
def test_a_file_that_is_no_safetensors_is_refused(copy, content):
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="no safetensors file|truncated"):
        checkpoints.shape(copy)


@pytest.mark.parametrize(("name", "status"), [("config.json", "missing"), ("model.safetensors", "missing")])
def test_a_missing_file_is_named(copy, name, status):
    (copy / name).unlink()
    with pytest.raises(CheckpointError) as caught:
        checkpoints.shape(copy)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("schedule", "chosen"),
    [
        ("all", [0, 1, 2, 4, 8, 9, 16, 20]),
        ("final", [20]),
        ("0,final", [0, 20]),
        ("4, 4,1", [1, 4]),
        ("log", [0, 1, 2, 4, 8, 16, 20]),
        ("linear", [0, 8, 20]),
        ("sparse", [0, 1, 4, 16, 20]),
    ],
)
def test_schedules(schedule, chosen):
    assert suites.choose([0, 1, 2, 4, 8, 9, 16, 20], schedule) == chosen


@pytest.mark.parametrize("schedule", ["3", "half", "", "0;1"])
def test_a_wrong_schedule_says_what_there_is(schedule):
    with pytest.raises(ValueError, match="there are 0, 1|give auto, all, log"):
        suites.choose([0, 1, 2], schedule)
