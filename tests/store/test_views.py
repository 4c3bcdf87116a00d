"""Views: declared columns, which result is shown, names of nodes and ports."""

import contextlib
import re
import sqlite3

import pytest
import recorded

from circuit_core.graph import Graph
from circuit_store import addresses, models, queries, results, trends
from circuit_store.errors import UnknownName
from circuit_store.queue import requests
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
SHAPES = [(1, 1, True), (2, 3, True), (2, 3, False), (5, 4, False), (12, 12, True)]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_gives_its_declared_columns_in_order(toy, name):
    """Invariant: each row of a view has exactly the declared columns, in the declared order."""
    rows = queries.rows(toy.full().db, VIEWS[name])
    assert rows
    assert [list(row) for row in rows] == [[c.name for c in VIEWS[name].columns]] * len(rows)


@pytest.mark.parametrize("which", [v for v in VIEWS.values() if v.table], ids=lambda v: v.name)
def test_any_sqlite_client_reads_every_view(toy, which):
    """Invariant: a database view answers plain sqlite3 with the rows that `queries` gives."""
    wanted = [tuple(row.values()) for row in queries.rows(toy.full().db, which)]
    with contextlib.closing(sqlite3.connect(toy.path)) as plain:
        assert plain.execute(f"SELECT * FROM {which.table}").fetchall() == wanted


def test_the_database_has_every_view(toy):
    """Invariant: every view is in the database under its own name, but `heads`, which is `head_history` by step."""
    held = {row["name"] for row in toy.db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert held == {v.table for v in VIEWS.values() if v.table}
    assert {v.name for v in VIEWS.values() if not v.table} == {"heads"}


@pytest.mark.parametrize("which", [*VIEWS.values()], ids=lambda v: v.name)
def test_a_view_can_be_filtered_by_all_that_it_says_it_takes(toy, which):
    """Invariant: filtering by a row's own values gives that row back."""
    row = queries.rows(toy.full().db, which)[0]
    filters = {column: row[column] for column in which.filters}
    assert row in queries.rows(toy.db, which, filters)


def test_senders_of_path_patching_are_named(toy):
    """Invariant: heads are called alike wherever they are shown, and a row is found again by what it shows."""
    task = results.TaskRecord("ioi", "hash", "logit_diff", False)
    for senders in ("all", [[0, 0], [1, 1]]):
        params = {"to": "logits", "senders": senders, "freeze_mlps": False}
        of = toy.of(20, "patch", task=task, params=params)
        results.write(toy.db, of, recorded.effects([(0, 0, 1.5, -0.5)], 2.0, -1.0))
    for name in ("patch", "patches"):
        rows = queries.rows(toy.db, VIEWS[name])
        assert [row["senders"] for row in rows] == ["a0.h0,a1.h1", "all"]
        assert queries.rows(toy.db, VIEWS[name], {"senders": "a0.h0,a1.h1"}) == rows[:1]


def after_emergence(toy, *heads: str) -> set[int | None]:
    """What the view says of step 10, where the algorithm has found these heads, one a stage; none: an empty stage."""
    stages = [recorded.stage(f"s{i}", 50.0, 40, 60, {"x": [h]}, "all", all(heads), None) for i, h in enumerate(heads)]
    task = results.TaskRecord("ioi", "hash", "logit_diff", False)
    results.write(toy.db, toy.of(10, "algorithm", task=task), recorded.algorithm(stages))
    return {row["post_emergence"] for row in queries.rows(toy.db, VIEWS["algorithm"], {"step": 10})}


def test_after_emergence_heads_of_every_stage_are_in_the_circuit(toy):
    """Invariant: not known without the task's circuit, unless a stage has no heads; a circuit elsewhere says nothing.
    Sources 1, 2 are the heads of layer 0, 4 and 5 those of layer 1."""
    toy.circuit(20, [(1, 14, 1.0), (2, 14, 1.0), (4, 14, 1.0)])
    assert after_emergence(toy, "a1.h0", "a0.h1", "a0.h0") == {None}
    assert after_emergence(toy, "a1.h0", "a0.h1", "") == {0}
    toy.circuit(10, [(0, 0, 1.0), (2, 14, 1.0), (4, 14, 1.0), (3, 14, 1.0)])
    assert after_emergence(toy, "a1.h0", "a0.h1", "a1.h0") == {1}
    for missing in ("a0.h0", "a1.h1"):
        assert after_emergence(toy, "a1.h0", missing, "a0.h1") == {0}
    assert after_emergence(toy, "a1.h0", "a0.h1", "") == {0}


@pytest.mark.parametrize(
    "reached, reason, why",
    [
        (False, "low", "the circuit does not reach its threshold"),
        (None, "does not do the task", "does not do the task"),
        (None, None, "whether it reaches its threshold is not known"),
    ],
)
def test_only_a_circuit_that_does_the_task_and_reaches_its_threshold_counts(toy, reached, reason, why):
    """Invariant (METHODS l.3): else post_emergence is empty and says why; where it counts no reason is given."""
    toy.circuit(10, [(0, 0, 1.0), (2, 14, 1.0), (4, 14, 1.0)], reached=reached, reason=reason)
    told = lambda: {r["post_emergence_reason"] for r in queries.rows(toy.db, VIEWS["algorithm"])}  # noqa: E731
    assert after_emergence(toy, "a0.h1", "a1.h0") == {None} and told() == {why}
    toy.circuit(10, [(0, 0, 1.0), (2, 14, 1.0), (4, 14, 1.0)], version="1")
    assert after_emergence(toy, "a0.h1", "a1.h0") == {1} and told() == {None}


def test_after_emergence_is_told_by_the_circuit_that_answers(toy):
    """Invariant: a circuit of another set than that over training says nothing; where none is, the reason says so."""
    toy.circuit(10, [(2, 14, 1.0), (4, 14, 1.0)])
    toy.circuit(20, [(2, 14, 1.0)], method="eap")
    assert after_emergence(toy, "a0.h1", "a1.h0") == {None}
    (row,) = {(r["post_emergence"], r["post_emergence_reason"]) for r in queries.rows(toy.db, VIEWS["algorithm"])}
    assert row == (None, "the task has no circuit here")
    chosen = queries.rows(toy.db, VIEWS["algorithm"], choices={"method": "eap-ig"})
    assert {r["post_emergence"] for r in chosen} == {1}


def test_every_column_says_what_it_means():
    """Invariant: no column is without a meaning, and no view declares a column twice."""
    for which in VIEWS.values():
        names = [c.name for c in which.columns]
        assert len(set(names)) == len(names)
        assert all(c.meaning for c in which.columns)


def test_no_column_is_empty_by_definition():
    """Invariant: every column is computed from something; none is a constant NULL."""
    assert [v.name for v in VIEWS.values() if re.search(r"\bNULL AS\b", v.body)] == []


def test_the_newest_result_answers(toy):
    """Invariant: of two results for one address, one row is shown, the newer."""
    toy.behaviour(10, 1.0, "old")
    toy.behaviour(10, 2.0, "new")
    assert [r["value"] for r in queries.behaviour(toy.db, "toy", "ioi")] == [2.0]


@pytest.mark.parametrize("choice", [{"method": "eap"}, {"ig_rule": "code"}, {"ig_steps": 30}, {"search": "paper"}])
def test_a_choice_lets_an_older_result_answer(toy, choice):
    """Invariant: with a choice, the newest among those that it allows answers; without, the newest of all."""
    toy.circuit(10, [(0, 1, 0.25)], **choice)
    toy.circuit(10, [(0, 2, 0.5), (0, 3, 0.5)])
    view = VIEWS["circuit"].header
    assert view is not None
    assert [r["n_edges"] for r in queries.rows(toy.db, view)] == [2]
    assert [r["n_edges"] for r in queries.rows(toy.db, view, choices=choice)] == [1]
    assert [r["score"] for r in queries.rows(toy.db, VIEWS["circuit"], choices=choice)] == [0.25]


def test_a_run_may_be_chosen(toy):
    """Invariant: `run` lets only that run's results answer."""
    later = requests.add_run(toy.db, {"models": ["toy"], "again": True}, [toy.ids[10]])
    toy.behaviour(10, 1.0, "old")
    toy.behaviour(10, 2.0, "new", run=later)
    assert [r["value"] for r in queries.rows(toy.db, VIEWS["behaviour"], choices={"run": toy.run})] == [1.0]


def test_what_is_undefined_is_a_row_with_its_reason(toy):
    """Invariant: an undefined result is one row, NULL in every value, with the reason."""
    undefined = results.Undefined("no names")
    results.write(toy.db, toy.of(0, "heads", role="name_mover"), undefined)
    (row,) = queries.rows(toy.db, VIEWS["heads"])
    assert (row["role"], row["reason"]) == ("name_mover", "no names")
    assert {row[c] for c in ("layer", "head", "value", "raw", "control")} == {None}


def test_heads_have_reasons_of_their_own(toy):
    """Invariant: a head without a value shows its own reason, else the result's; one with a value shows none."""
    empty, rows = (None, None, None), [(0, 0), (0, 1), (1, 0), (1, 1)]
    values = [empty, (0.5, None, None), empty, empty]
    own = {(0, 0): "too early", (0, 1): "not shown", (1, 1): "no effect"}
    found = recorded.head_scores(
        [(*at, *v) for at, v in zip(rows, values, strict=True)], reason="not finite", reasons=own
    )
    results.write(toy.db, toy.of(0, "heads", role="copy_suppression"), found)
    for view in ("heads", "history"):
        shown = [(r["value"], r["reason"]) for r in queries.rows(toy.db, VIEWS[view])]
        assert shown == [(None, "too early"), (0.5, None), (None, "not finite"), (None, "no effect")]
    assert queries.head_grid(toy.db, "toy", 0, "copy_suppression").reason is None


def test_where_heads_look_is_read_token_by_token(toy):
    """Invariant: heads by layer, tokens by place, weights as fractions; what is undefined is a row with its reason."""
    results.write(toy.full().db, toy.of(0, "attention", task=IOI), results.Undefined("no names"))
    shown = [tuple(r.values())[3:9] for r in queries.rows(toy.db, VIEWS["attention"], {"step": 20, "head": 1})]
    assert shown == [
        *[(0, 0, 1, 0, "He", 0.25), (0, 0, 1, 1, " says", 0.75)],
        *[(0, 1, 1, 0, "He", 0.0), (0, 1, 1, 1, " says", 1.0)],
    ]
    assert queries.attended(toy.db, "toy", 20, "ioi", (1, 0)) == queries.Attended([[("He", 0.0001), (" says", 0.9999)]])
    assert queries.attended(toy.db, "toy", 0, "ioi", (1, 0)) == queries.Attended([], "no names")
    assert queries.attended(toy.db, "toy", 10, "ioi", (1, 0)) is None
    (row,) = queries.rows(toy.db, VIEWS["attention"], {"step": 0})
    assert (row["layer"], row["token"], row["weight"], row["reason"]) == (None, None, None, "no names")


@pytest.mark.parametrize("token", ["é", "\U0001f600", '"', "\\", "\n", ""])
def test_any_token_is_read_as_it_is(toy, token):
    results.write(toy.db, toy.of(0, "attention", task=IOI), recorded.attention([[token]], [[[10_000]] * 4]))
    assert {r["token"] for r in queries.rows(toy.db, VIEWS["attention"])} == {token}


def test_the_years_of_a_circuit(toy):
    """Invariant: heads have shares, MLPs a difference, by layer; what chooses a circuit chooses its years."""
    rows = queries.rows(toy.full().db, VIEWS["greater_than"], {"model": "toy", "task": "greater_than"})
    figures = [(r["node"], r["looks_at_year"], r["raises_year"], r["later_minus_others"]) for r in rows]
    assert figures == [("a0.h1", 0.75, 0.5, None), ("m0", None, None, 1.5)]
    assert queries.rows(toy.db, VIEWS["greater_than"], choices={"method": "eap-ig"}) == rows
    assert queries.rows(toy.db, VIEWS["greater_than"], choices={"method": "eap"}) == []
    undefined = recorded.years([], "does not do the task")
    results.write(toy.db, toy.of(0, "greater_than", task=toy.YEARS, params={"method": "eap-ig"}), undefined)
    (row,) = queries.rows(toy.db, VIEWS["greater_than"], {"step": 0})
    assert (row["node"], row["looks_at_year"], row["reason"]) == (None, None, "does not do the task")


@pytest.mark.parametrize("shape", SHAPES)
def test_names_in_sql_are_those_of_the_graph(toy, shape):
    """Two roads to one number: SQL and circuit_core.graph name every source and every port alike."""
    graph = Graph(*shape)
    layers, heads, parallel = shape
    model = models.Model("shape", "folder", "models/shape", 1, layers, heads, 8, parallel)
    toy.ids |= models.add_model(toy.db, model, [models.CheckpointRecord(99, None, "step99")])
    pairs = [(s, p) for s in range(graph.n_sources) for p in (s % graph.n_ports, graph.n_ports - 1)]
    pairs += [(0, p) for p in range(graph.n_ports)]
    toy.circuit(99, [(s, p, 1.0 + i) for i, (s, p) in enumerate(sorted(set(pairs)))])
    shown = {
        f"{r['src']}->{r['dst']}" + (f"<{r['port']}>" if r["port"] else "")
        for r in queries.rows(toy.db, VIEWS["circuit"], {"model": "shape"})
    }
    assert shown == {graph.edge_name(s, p) for s, p in pairs}


def test_edges_come_strongest_first_whatever_their_sign(toy):
    """Invariant: a circuit's rows fall in |score|; equal ones have a fixed order."""
    toy.circuit(10, [(0, 2, 0.5), (0, 3, -2.0), (0, 14, 0.5), (1, 14, 0.0)])
    assert [r["score"] for r in queries.rows(toy.db, VIEWS["circuit"])] == [-2.0, 0.5, 0.5, 0.0]


def test_a_circuit_is_read_as_its_views_show_it(toy):
    """Invariant: what is put in order and named as one looks at it, by reader, is what SQL orders and names."""
    edges = [(0, 0, 1.0), (0, 6, -2.0), (1, 14, 4.0), (3, 14, -4.0), (3, 11, -1.0), (0, 14, 1.0), (2, 14, 0.0)]
    result = toy.circuit(10, edges)
    toy.db.execute("UPDATE circuit_edge SET score = NULL WHERE src = 0 AND port = 14")
    toy.db.execute("UPDATE circuit_edge SET score = 9e999, share = 0.5 WHERE src = 2")
    at = {"model": "toy", "step": 10, "task": "ioi"}
    found = queries.circuit(toy.db, "toy", 10, "ioi")
    assert found == queries.circuit_in(toy.db, result) and found is not None
    rows = queries.rows(toy.db, VIEWS["circuit"], at)
    into: dict[str, list[queries.CircuitEdge]] = {}
    for row in rows:
        into.setdefault(row["dst"], []).append(
            queries.CircuitEdge(**{name: row[name] for name in queries.CircuitEdge._fields})
        )
    assert dict(found.into) == into and len(found.into) == len(into) and found.largest == 4.0
    assert [found.header] == queries.rows(toy.db, VIEWS["circuits"], at)
    toy.db.execute("UPDATE circuit_edge SET score = 2.0 WHERE src IN (0, 2)")
    kinds = [row for row in queries.rows(toy.db, VIEWS["composition"], at) if row["port"] is None]
    shares = {row["kind"]: row["share_of_score"] for row in kinds}
    now = queries.circuit_in(toy.db, result)
    assert (
        now is not None
        and now.shares == pytest.approx(shares)
        and list(now.shares.values()) == sorted(now.shares.values(), reverse=True)
    )


def test_composition_adds_up_to_the_circuit(toy):
    """Invariant: over the kinds, edges sum to the circuit's and shares to 1."""
    toy.circuit(10, [(0, 0, 1.0), (0, 6, -2.0), (1, 14, 4.0), (3, 14, 3.0), (3, 11, -1.0), (0, 14, 1.0)])
    rows = queries.rows(toy.db, VIEWS["composition"])
    whole = {r["kind"]: r for r in rows if r["port"] is None}
    parts = [(r["kind"], r["port"], r["nodes"], r["edges"]) for r in rows if r["port"]]
    assert {kind: (r["nodes"], r["edges"]) for kind, r in whole.items()} == {
        "head": (1, 1),
        "input": (1, 3),
        "mlp": (1, 2),
    }
    assert sum(r["share_of_score"] for r in whole.values()) == pytest.approx(1)
    assert whole["input"]["share_of_score"] == pytest.approx(4 / 12)
    assert parts == [
        *[("head", "logits", 1, 1), ("input", "logits", 1, 1), ("input", "mlp", 1, 1), ("input", "q", 1, 1)],
        *[("mlp", "logits", 1, 1), ("mlp", "v", 1, 1)],
    ]


def test_every_node_has_its_score_and_its_edges(toy):
    """Invariant: nodes outside the circuit are rows too, with no edges."""
    toy.circuit(10, [(0, 2, 0.5), (3, 14, -1.5), (3, 11, 1.0)])
    shown = [(r["node"], r["score"], r["edges"]) for r in queries.rows(toy.db, VIEWS["nodes"])]
    assert shown[:4] == [("input", 0.5, 1), ("a0.h0", 0, 0), ("a0.h1", 0, 0), ("m0", -0.5, 2)]
    assert len(shown) == 7


def test_a_checkpoint_that_repeats_another_is_shown_as_its_duplicate(toy):
    """Invariant: of equal weights in a model trends keep one (METHODS l.4), which is `ok`; the others name it."""
    steps = [models.CheckpointRecord(step, None, f"step{step}") for step in (0, 1, 2, 4, 8, 16)]
    for name, prints in {"other": "aabcca", "twins": "aaabcd"}.items():
        model = models.Model(name, "folder", name, 1, 2, 2, 8, True)
        for checkpoint, fingerprint in zip(models.add_model(toy.db, model, steps).values(), prints, strict=True):
            models.checkpoint_loaded(toy.db, checkpoint, "ok", fingerprint)
    models.checkpoint_loaded(toy.db, toy.ids[0], "known_bad", "a")
    models.checkpoint_loaded(toy.db, toy.ids[10], "ok", "a")
    rows = queries.rows(toy.db, VIEWS["checkpoints"])
    shown = {(r["model"], r["step"]): r["detail"] for r in rows if r["status"] == "duplicate_of"}
    assert shown == {
        **dict.fromkeys([("other", 0), ("other", 1)], "step 16"),
        ("other", 4): "step 8",
        **dict.fromkeys([("twins", 1), ("twins", 2)], "step 0"),
    }
    assert [r["status"] for r in rows if r["model"] == "toy"] == ["known_bad", "ok", None]


@pytest.mark.parametrize("given, step", [("final", 20), ("10", 10), (0, 0)])
def test_a_step_is_found(toy, given, step):
    """Invariant: `final` is the last step, a number is itself."""
    assert addresses.resolve_step(toy.db, "toy", given) == step


@pytest.mark.parametrize("given", ["5", "-1", "²", "last", "", "1e1", "9" * 30])
def test_an_unknown_step_names_those_that_there_are(toy, given):
    """Invariant: what names no step is an UnknownName that lists the steps."""
    with pytest.raises(UnknownName, match="0, 10, 20, or final"):
        addresses.resolve_step(toy.db, "toy", given)


def test_an_unknown_view_names_all_views():
    """Invariant: the error lists every view."""
    with pytest.raises(UnknownName) as caught:
        queries.view("circuitry")
    assert all(name in str(caught.value) for name in VIEWS)


def test_where_no_result_answers_a_choice_is_a_filter(toy):
    """Invariant: a choice narrows the rows, or is refused with what the view takes; it is never passed over."""
    toy.full()
    ours, theirs = (
        trends.EmergenceRecord("role", "induction", preset=p, dtype="float32") for p in ("default", "paper-code")
    )
    trends.replace(toy.db, "toy", [ours, theirs], [], trends.last_result(toy.db, "toy"))
    narrowed = lambda name, **choices: queries.rows(toy.db, VIEWS[name], {"model": "toy"}, choices)  # noqa: E731
    assert [r["preset"] for r in narrowed("emergence", preset="paper-code", dtype="float32")] == ["paper-code"]
    assert narrowed("emergence", dtype="float64") == narrowed("handoffs", preset="x") == []
    assert len(narrowed("units", run=toy.run)) == 3 and narrowed("units", run=toy.run + 1) == []
    for name, choice in (("emergence", "threshold"), ("units", "method"), ("models", "dtype"), ("checkpoints", "run")):
        with pytest.raises(UnknownName, match=f"{name} is not addressed by {choice}: it takes model"):
            narrowed(name, **{choice: 0.8})


@pytest.mark.parametrize("which", VIEWS.values(), ids=VIEWS)
def test_a_choice_is_never_passed_over(toy, which):
    """Invariant: a run without results leaves no row of any view, or the view refuses to choose among runs."""
    try:
        assert queries.rows(toy.full().db, which, choices={"run": toy.run + 1}) == []
    except UnknownName as refused:
        assert "is not addressed by run" in str(refused)


def test_trends_are_stale_once_newer_results_are_there(toy):
    """Invariant: rows say whether the store holds results that they do not rest on; a refresh replaces them all."""
    toy.full()
    stale = lambda name: [r["stale"] for r in queries.rows(toy.db, VIEWS[name])]  # noqa: E731
    assert (stale("emergence"), stale("handoffs")) == ([0], [0])
    toy.heads(20, 0.5)
    assert (stale("emergence"), stale("handoffs")) == ([1], [1])
    trends.replace(toy.db, "toy", [], [], trends.last_result(toy.db, "toy"))
    assert (stale("emergence"), stale("handoffs")) == ([], [])


def test_steps_of_trends_bear_their_tokens(toy):
    (row,) = queries.rows(toy.full().db, VIEWS["emergence"])
    assert (row["step"], row["tokens"], row["lost_step"], row["lost_tokens"]) == (10, 1000, 20, 2000)


def test_the_edges_of_a_circuit_by_step(toy):
    """Invariant: who writes and who reads are told apart."""
    toy.circuit(10, [(0, 2, 0.5), (1, 7, 1.0), (4, 14, 1.0)])
    assert toy.in_circuits() == {10: {"input->a0.h0<k>", "a0.h0->a1.h0<q>", "a1.h0->logits"}}
