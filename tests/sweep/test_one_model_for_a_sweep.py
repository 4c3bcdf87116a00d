"""A sweep builds one model and copies every other checkpoint into it: rows are each checkpoint's own, memory stays. And
a model of grouped queries has the rows of its copy with keys and values repeated by hand (METHODS l.8)."""

import gc
import json
import shutil
from pathlib import Path

import pytest
import torch
from families import GROUPED, random_model
from safetensors.torch import load_file, save_file

from circuit_core.loading import checkpoint_loader
from circuit_core.models import suites
from circuit_sweep.planning.estimate import estimate
from circuit_sweep.planning.model_sources import model_of
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.worker import checkpoint

LAST = suites.sample_folder() / "sample-0.1m" / "step7000"
RUN = ("run", "--analyses", "behaviour,circuit,heads", "--sizes", "20", "--device", "cpu")
FOUND = ("behaviour", "head_score", "circuit", "circuit_edge", "node_score", "faithfulness")


@pytest.fixture
def built(monkeypatch):
    """The checkpoints for which a model was built."""
    made, build = [], checkpoint_loader._built
    monkeypatch.setattr(checkpoint, "_STANDING", checkpoint.loading.StandingModel())
    monkeypatch.setattr(
        checkpoint_loader, "_built", lambda folder, *rest: made.append(folder.name) or build(folder, *rest)
    )
    return made


def rows(bench, model: str, step: int) -> dict[str, list[tuple]]:
    """All that was found of a checkpoint, by table, without the numbers of results."""
    found = {}
    for table in FOUND:
        held = bench.ask(
            f"SELECT analysis, role, {table}.* FROM {table} JOIN result ON result.id = {table}.result_id"
            " JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
            f" WHERE model.name = '{model}' AND step = {step}"
        )
        found[table] = [(*kind, *rest) for *kind, _, rest in ((a, r, i, tuple(more)) for a, r, i, *more in held)]
    return found


def steps_of(folder: Path, names: dict[int, str]) -> None:
    """A model of checkpoints of the sample's, as `folder/step<number>`."""
    for number, name in names.items():
        shutil.copytree(LAST.parent / name, folder / f"step{number}")


@pytest.mark.long
def test_swapped_weight_files_swap_rows(bench, tmp_path, built):
    """Invariant: what is stored of a checkpoint is of its own weights, whichever stood before."""
    steps_of(tmp_path / "one", {1: "step1000", 2: "step7000"})
    steps_of(tmp_path / "other", {1: "step7000", 2: "step1000"})
    for tokenizer in LAST.glob("tokenizer*"):
        for model in ("one", "other"):
            shutil.copy(tokenizer, tmp_path / model)
    for model in ("one", "other"):
        bench.here(*RUN, str(tmp_path / model))
    assert built == ["step1"] and rows(bench, "one", 1) != rows(bench, "one", 2)
    assert all(rows(bench, "one", 1).values())
    assert rows(bench, "one", 1) == rows(bench, "other", 2) and rows(bench, "one", 2) == rows(bench, "other", 1)


@pytest.mark.long
def test_thirty_checkpoints_take_the_memory_of_three(bench, tmp_path, built, monkeypatch):
    """One construction; what tensors hold after a unit's computations does not grow."""
    weights = load_file(LAST / "model.safetensors")
    for step in range(1, 31):
        folder = shutil.copytree(LAST, tmp_path / "many" / f"step{step}")
        changed = {name: tensor * (1 + step / 1000) for name, tensor in weights.items()}
        save_file(changed, folder / "model.safetensors", {"format": "pt"})
    held, compute = [], checkpoint.LoadedCheckpoint.one_by_one

    def computing(*given):
        whole = yield from compute(*given)
        gc.collect()
        storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors()}
        held.append(sum(storages.values()))
        return whole

    monkeypatch.setattr(checkpoint.LoadedCheckpoint, "one_by_one", computing)
    bench.here("run", str(tmp_path / "many"), "--analyses", "behaviour", "--device", "cpu")
    assert built == ["step1"] and len(held) == 30
    assert bench.ask("SELECT count(DISTINCT value) FROM behaviour") == [(30,)]
    assert held[29] <= 1.05 * held[2] and held[2] > sum(t.nbytes for t in weights.values())


def tensors() -> list[torch.Tensor]:
    return [found for found in gc.get_objects() if type(found) in (torch.Tensor, torch.nn.Parameter)]


@pytest.mark.long
def test_a_grouped_model_has_the_rows_of_its_copy_expanded_by_hand(bench, tmp_path):
    """Keys and values repeated in the files, for each head that reads them."""
    grouped, expanded = tmp_path / "grouped" / "step0", tmp_path / "expanded" / "step0"
    model = random_model("Llama", "grouped, biases, wide heads", vocab_size=310, max_position_embeddings=128)
    for folder in (grouped, expanded):
        model.save_pretrained(folder)
        for tokenizer in LAST.glob("tokenizer*"):
            shutil.copy(tokenizer, folder)
    config = json.loads((expanded / "config.json").read_text())
    heads, kv_heads = GROUPED["num_attention_heads"], GROUPED["num_key_value_heads"]
    (expanded / "config.json").write_text(json.dumps(config | {"num_key_value_heads": heads}))
    held = load_file(expanded / "model.safetensors")
    for name in [name for name in held if ".k_proj." in name or ".v_proj." in name]:
        parts = held[name].chunk(kv_heads)
        held[name] = torch.cat([parts[head * kv_heads // heads] for head in range(heads)])
    save_file(held, expanded / "model.safetensors", {"format": "pt"})
    for folder in (grouped, expanded):
        bench.here(*RUN, str(folder.parent))
    assert rows(bench, "grouped", 0) == rows(bench, "expanded", 0) and all(rows(bench, "grouped", 0).values())
    said = bench.ask("SELECT model, n_heads, kv_heads FROM models WHERE n_heads = 4 ORDER BY model")
    assert [tuple(row) for row in said] == [("expanded", 4, 4), ("grouped", 4, 2)]


def test_the_memory_that_a_run_is_said_to_take_counts_what_is_repeated(tmp_path):
    """Parameters of the model that computes, by the sizes that the store knows."""
    model = random_model("Mistral", "grouped")
    model.save_pretrained(tmp_path / "grouped")
    described, _ = model_of("grouped", tmp_path / "grouped", "folder")
    trained = sum(p.numel() for p in model.parameters())
    computing = sum(p.numel() for p in checkpoint_loader.as_bridge(model).parameters())
    request = Request(analyses=("behaviour",))
    asked = estimate(None, [str(tmp_path / "grouped")], "all", request, Slots("cpu"))
    assert described.params == trained < computing and asked.weights == 4 * computing
