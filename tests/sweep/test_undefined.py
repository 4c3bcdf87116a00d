"""What analyses say where they can say nothing: a reason and no number, whatever the checkpoint and the request."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from recorded import rows

from circuit_core.models import suites

pytestmark = pytest.mark.long

TEXT = suites.sample_folder() / "text.txt"


def checkpoint(text: str | None = None, step: int = 7000) -> Any:
    """The smallest sample model, at its last step or another."""
    from circuit_sweep.worker.checkpoint import LoadedCheckpoint

    return LoadedCheckpoint(suites.sample_folder() / "sample-0.1m" / f"step{step}", "cpu", "float32", text)


def analyses_of(request: Any, tasks: list[Any]) -> list[Any]:
    from circuit_sweep.planning.analyses import analyses

    return analyses(request, tasks, None)


def computed(of: Any, analyses: list[Any]) -> dict[str, Any]:
    """Title of each analysis -> its record."""
    return {analysis.title: of.compute(analysis) for analysis in analyses}


@pytest.fixture(scope="module")
def asked():
    """Twenty prompts of IOI and of greater-than, and circuits of ten edges without a search."""
    from circuit_core.tasks.specs import TASKS
    from circuit_sweep.planning.request import ANALYSES, Request

    request = Request(tasks=("ioi", "greater_than"), analyses=ANALYSES, sizes=(10,))
    return request, [replace(TASKS[name], n=20) for name in request.tasks]


@pytest.fixture(scope="module")
def silent(asked):
    """What rests on copy suppression or on years, of a checkpoint without text."""
    request, tasks = asked
    wanted = ("heads copy_suppression", "algorithm ioi", "circuit greater_than", "greater_than greater_than")
    todo = [analysis for analysis in analyses_of(request, tasks) if analysis.title in wanted]
    return computed(checkpoint(), todo)


def numbers(record: Any) -> list[float]:
    """Every number of a record, however deep."""
    found: list[float] = []

    def collect(part: Any) -> None:
        if isinstance(part, float):
            found.append(part)
        elif isinstance(part, list | tuple):
            for one in part:
                collect(one)
        elif hasattr(part, "__dict__"):
            collect(list(vars(part).values()))

    collect(record)
    return found


def test_without_text_the_stages_say_what_they_lack(silent):
    """The role is undefined and says what it needs; the first stage has its percent, and says the same."""
    needs = "copy_suppression needs --text FILE (60 tokens x 117 sequences)"
    assert silent["heads copy_suppression"].reason == needs
    first, *later = rows(silent["algorithm ioi"], "stage")
    assert first["percent"] > 50 and first["note"] == f"copy suppression is not counted: {needs}"
    assert [stage["note"] for stage in later] == [None, None]


@pytest.mark.parametrize(("step", "reason"), [(0, "does not do the task"), (7000, None)])
def test_effects_of_paths_need_a_model_that_does_the_task(asked, step, reason):
    """Else they would be shares of nothing: the metrics are kept, each effect is empty, and the reason stands there."""
    from circuit_sweep.planning.analyses import Analysis

    analysis = Analysis("patch", {"to": "logits", "senders": "all", "freeze_mlps": False}, asked[1][0])
    record = checkpoint(step=step).compute(analysis)
    (whole,), heads = rows(record, "patch"), rows(record, "patch_effect")
    assert record.reason == reason and len(heads) == 9
    assert [row["effect"] is None for row in heads] == [reason is not None] * 9
    assert all(map(math.isfinite, (*whole.values(), *(row["metric"] for row in heads))))


@pytest.mark.parametrize(
    ("corrupted", "reason"),
    [
        ([2.0, 3.0, 4.0], "corruption changes nothing"),
        ([1.0, 5.0, 3.0], "at most two standard errors"),
        ([-2.0, -3.0, -3.5], None),
    ],
)
def test_effects_are_no_shares_of_noise(corrupted, reason):
    """A model that does the task, and a corruption that damages nothing for certain."""
    import torch

    from circuit_core.patching.effects import Effects
    from circuit_sweep.worker import records

    clean = torch.tensor([2.0, 3.0, 4.0])
    found = records.of_patching(Effects((clean - 1)[None, None], clean, torch.tensor(corrupted), {}, {}))
    (row,) = rows(found, "patch_effect")
    assert (row["metric"], row["effect"] is None) == (2.0, reason is not None)
    assert found.reason is None if reason is None else reason in found.reason


def test_a_text_that_is_too_short_is_a_reason(asked):
    request, tasks = asked
    first, *_ = analyses_of(replace(request, analyses=("algorithm",)), tasks[:1])
    found = computed(checkpoint(TEXT.read_text()[:400]), [first])
    assert "the text given has" in rows(found["algorithm ioi"], "stage")[0]["note"]


def test_years_are_looked_for_in_the_circuit_of_years(silent, asked):
    """Among the analyses of the algorithm, for tasks of years alone, and of the very circuit that was found."""
    from circuit_core.graph import Graph
    from circuit_core.tasks.specs import TASKS

    request, (ioi, years) = asked
    only = [analysis.title for analysis in analyses_of(replace(request, analyses=("algorithm",)), [ioi, years])]
    assert [title for title in only if "greater" in title] == ["greater_than greater_than"]
    by_digits = analyses_of(replace(request, analyses=("algorithm",)), [TASKS["greater_than_digit"]])
    assert [at.title for at in by_digits if "greater" in at.title] == ["greater_than greater_than_digit"]
    renamed = replace(years, metric="logit_diff")
    assert not [analysis for analysis in analyses_of(request, [ioi, renamed]) if analysis.kind == "greater_than"]
    graph, circuit = Graph(3, 3, True), silent["circuit greater_than"]
    edges = {(edge["src"], edge["port"]) for edge in rows(circuit, "circuit_edge")}
    mlps = [graph.mlp(i) for i in range(3) if (graph.mlp(i), graph.logits) in edges]
    nodes = [row["src"] for row in rows(silent["greater_than greater_than"], "year_node")]
    assert mlps and set(mlps) <= set(nodes)
    ports = {graph.mlp_port(i) for i in range(3) if graph.mlp(i) in mlps}
    heads = {graph.head(i, h) for i in range(3) for h in range(3)}
    assert set(nodes) - set(mlps) == {source for source, port in edges if port in ports and source in heads}


@pytest.mark.parametrize(
    ("step", "sizes", "reason"),
    [
        (7000, (1,), "the circuit does not reach the threshold of 0.8"),
        (0, (10,), "does not do the task"),
        (7000, (10,), None),
    ],
)
def test_years_are_those_of_a_circuit_that_does_the_task(asked, step, sizes, reason):
    """Members below the threshold, or of a model that fails, are not counted: no figure, and why (METHODS l.3)."""
    request, tasks = asked
    (check,) = [j for j in analyses_of(replace(request, sizes=sizes), tasks) if j.title == "greater_than greater_than"]
    found = checkpoint(step=step).compute(check)
    assert (found.reason, bool(rows(found, "year_node"))) == (reason, reason is None)


@pytest.mark.parametrize(
    ("amiss", "said"),
    [
        ({"n_ctx": 10}, "ioi needs 1[0-9] tokens, the model takes 10: give a task or file of shorter prompts"),
        (
            {"d_vocab": 40},
            "ioi has token [0-9]+, the model's are 0 to 39: the tokenizer is another model's, put its own",
        ),
        ({"tokenizer": None}, "ioi needs a tokenizer, and the checkpoint brings none: put one beside it"),
    ],
    ids=["context", "vocabulary", "tokenizer"],
)
def test_what_a_task_lacks_is_said_with_what_to_do(asked, amiss, said):
    """A context that is too short, a vocabulary smaller than the tokenizer's, no tokenizer."""
    from circuit_core import loading
    from circuit_core.errors import TaskError
    from circuit_sweep.worker.analyses import Analyses

    of = loading.load(suites.sample_folder() / "sample-0.1m" / "step7000")
    for name, value in amiss.items():
        if name == "tokenizer":
            of = replace(of, tokenizer=value)
        else:
            setattr(of.bridge.cfg, name, value)
    with pytest.raises(TaskError, match=said):
        Analyses(of).prompts(asked[1][0])


def test_a_circuit_of_years_is_found_once(asked, monkeypatch):
    """The check takes the circuit that was searched before it, and draws no prompts of its own."""
    from circuit_sweep.worker import analyses

    request, tasks = asked
    searched: list[int] = []
    drawn: list[str] = []
    search, draw = analyses.minimal_circuit, analyses.draw
    monkeypatch.setattr(
        analyses, "minimal_circuit", lambda *given, **more: searched.append(1) or search(*given, **more)
    )
    monkeypatch.setattr(analyses, "draw", lambda task, *more: drawn.append(task.name) or draw(task, *more))
    one = replace(request, analyses=("circuit", "algorithm"), held_out=10)
    years = [analysis for analysis in analyses_of(one, tasks[1:]) if analysis.title.endswith("greater_than")]
    assert len(list(map(checkpoint().compute, years))) == 2 and searched == [1]
    assert drawn == ["greater_than"] * 2


def test_a_task_of_pairs_that_names_no_years_is_not_checked(asked):
    """A file that says YY but has other answers: its result is a reason, not an error of the checkpoint."""
    from circuit_core.tasks.specs import TaskSpec

    request, _ = asked
    lines = [{"clean_ids": [5, 6, 7], "corrupted_ids": [5, 8, 7], "correct_ids": [9], "wrong_ids": [4]}] * 2
    content = "".join(json.dumps(line | {"positions": {"YY": 1}}) + "\n" for line in lines)
    task = TaskSpec("mine", "prob_diff", 2, content=content, format="jsonl", named=("YY",))
    of = checkpoint()
    (check,) = [analysis for analysis in analyses_of(request, [task]) if analysis.kind == "greater_than"]
    found = of.compute(check)
    assert "mine is not a task of years: give the position of YY" in found.reason


def test_heads_without_copy_suppression_say_each_why():
    """Early ones are not looked at; one that writes nothing changes no prediction; the others have a score."""
    from circuit_sweep.planning.analyses import Analysis

    of = checkpoint(TEXT.read_text())
    of.loaded.bridge.blocks[2].attn.W_O.data[1] = 0
    found = of.compute(Analysis("heads", {"preset": "default"}, None, "copy_suppression"))
    heads = rows(found, "head_score")
    reasons = {(row["layer"], row["head"]): row["reason"] for row in heads if row["reason"]}
    assert set(reasons) == {(0, 0), (0, 1), (0, 2), (2, 1)} and found.reason is None
    assert reasons[0, 2] == "copy suppression is not looked for before layer 1"
    assert "changes no prediction" in reasons[2, 1]
    assert {(row["layer"], row["head"]) for row in heads if row["value"] is None} == set(reasons)


def test_copy_suppression_that_no_head_has_is_looked_for_once(asked, monkeypatch):
    """Heads that write nothing have no score: the role and the algorithm say so, from the same passes."""
    from circuit_sweep.worker import head_roles

    computed_once: list[int] = []
    real = head_roles.copy_suppression
    monkeypatch.setattr(
        head_roles, "copy_suppression", lambda *given, **more: computed_once.append(1) or real(*given, **more)
    )
    of = checkpoint(TEXT.read_text())
    for block in of.loaded.bridge.blocks[1:]:
        block.attn.W_O.data.zero_()
    wanted = ("heads copy_suppression", "algorithm ioi")
    found = computed(of, [analysis for analysis in analyses_of(*asked) if analysis.title in wanted])
    assert len(found) == 2 and computed_once == [1]
    assert "changes no prediction" in found["heads copy_suppression"].reason


def test_what_is_undefined_is_looked_for_once(asked, monkeypatch):
    """A context too short for the 200 tokens of `paper-code`: the roles of attention say so, from one attempt; the
    first stage and the effects need no such score (METHODS l.2)."""
    from circuit_sweep.planning.analyses import OF_PATHS
    from circuit_sweep.worker import head_roles

    tried: list[int] = []
    real = head_roles.attention_roles
    monkeypatch.setattr(head_roles, "attention_roles", lambda *given, **more: tried.append(1) or real(*given, **more))
    rest = {"algorithm ioi", "heads induction", "heads previous_token", *(f"heads {role} ioi" for role in OF_PATHS)}
    short = analyses_of(replace(asked[0], preset="paper-code"), asked[1])
    found = computed(checkpoint(), [analysis for analysis in short if analysis.title in rest])
    assert set(found) == rest and tried == [1]
    for role in ("induction", "previous_token"):
        assert found[f"heads {role}"].reason == "a context of 128 tokens is too short: 200 are needed"
    first = rows(found["algorithm ioi"], "stage")[0]
    assert first["percent"] > 50 and first["reason"] is None
    effects = found["heads effect_logits ioi"]
    assert effects.reason is None and len(rows(effects, "head_score")) == 9


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_years_that_are_not_finite_are_undefined(value):
    from circuit_core.graph import Graph
    from circuit_core.patching.greater_than import GreaterThan, YearHead, YearMLP
    from circuit_sweep.worker import records

    heads, graph = [YearHead(0, 1, 0.5, 0.25)], Graph(3, 3, True)
    broken = records.of_years(GreaterThan(heads, [YearMLP(1, 0.5), YearMLP(2, value)]), graph)
    assert broken == records.Undefined(records.NOT_FINITE)
    whole = rows(records.of_years(GreaterThan(heads, [YearMLP(1, 0.5)]), graph), "year_node")
    assert [tuple(row.values()) for row in whole] == [
        (graph.head(0, 1), 0.5, 0.25, None),
        (graph.mlp(1), None, None, 0.5),
    ]


def test_what_is_not_finite_is_a_reason_everywhere(asked):
    """A head that writes NaN: no analysis fails, no number is kept that is none, each empty one says why."""
    of = checkpoint(TEXT.read_text())
    of.loaded.bridge.blocks[1].attn.W_O.data[0] = math.nan
    found = computed(of, analyses_of(*asked))
    assert len(found) > 20
    for title, record in found.items():
        reasons = [stage["reason"] for stage in rows(record, "stage")] or [record.reason]
        assert all("not finite" in reason for reason in reasons), title
        assert all(map(math.isfinite, numbers(record))), title
