"""Figures: files, the CSV beside them, what they say of themselves, and that what is drawn is what the views hold."""

import shlex
import shutil
import sqlite3
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import closing
from io import BytesIO
from math import isnan

import numpy as np
import pytest
from console import answer
from PIL import Image

from circuit_store import queries
from circuit_store.store import open_to_read, open_to_write
from circuit_tui.figures import (
    KINDS,
    behaviour,
    circuit,
    circuit_trends,
    emergence,
    faithfulness,
    files,
    style,
    top_heads,
    training,
)

pytestmark = pytest.mark.processes

_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


@pytest.fixture(scope="module")
def folder(shell, tmp_path_factory):
    """All figures of the small store, as SVG."""
    folder = tmp_path_factory.mktemp("figures") / "made" / "here"
    told = shell("figures", "--output", folder, "--format", "svg")
    assert sorted(told.splitlines()) == sorted(map(str, folder.iterdir()))
    return folder


@pytest.fixture(scope="module")
def drawn(shell):
    """Module -> its figures of the small store."""
    with closing(open_to_read(shell.store)) as db, style.paper():
        yield {kind: list(kind.drawn(db)) for kind in KINDS}


@pytest.fixture
def rows(shell):
    """The rows of a view of that store."""
    with closing(open_to_read(shell.store)) as db:
        yield lambda view, **filters: queries.rows(db, queries.view(view), filters)


def lines(figure):
    """Label -> the points of a line that can be seen, of each panel."""
    return [{line.get_label(): _points(line) for line in axes.lines} for axes in figure.axes]


def _points(line):
    return [(x, y) for x, y in zip(*map(list, line.get_data()), strict=True) if not isnan(y)]


def along(rows, column, x="tokens"):
    return [(row[x], row[column]) for row in rows if row[column] is not None]


def test_each_figure_lies_beside_the_csv_behind_it(shell, folder, drawn):
    """Invariant: the commands in a figure's metadata print the files beside it, byte for byte."""
    names = {of.name for found in drawn.values() for of in found}
    assert names == {path.stem for path in folder.glob("*.svg")} and all(drawn.values())
    commands = {}
    for name in names:
        said = ElementTree.parse(folder / f"{name}.svg").findtext(f".//{_DESCRIPTION}", "")
        command, _, data = said.partition(": ")
        assert command == "circuit-tui figures"
        for place, export in enumerate(data.split("; ")):
            words = shlex.split(export)
            commands[f"{name}.csv" if place == 0 else f"{name}.{words[2]}.csv"] = words[1:]
    assert set(commands) == {path.name for path in folder.glob("*.csv")}
    known = {tuple(words): shell(*words).encode() for words in {tuple(words): words for words in commands.values()}}
    for name, words in commands.items():
        assert (folder / name).read_bytes() == known[tuple(words)], name


@pytest.mark.parametrize("kind", files.FORMATS)
def test_equal_stores_give_equal_bytes(shell, kind):
    """Invariant: no date, no random name; the file says which command made it, and a PDF has its fonts in it."""
    made = []
    for _ in range(2):
        with closing(open_to_read(shell.store)) as db, style.paper():
            file = BytesIO()
            next(behaviour.drawn(db)).save(file, kind)
            made.append(file.getvalue())
    assert made[0] == made[1]
    if kind == "png":
        assert Image.open(BytesIO(made[0])).info["Description"].startswith("circuit-tui figures: circuit-tui export")
    if kind == "pdf":
        assert b"/Subject (circuit-tui figures)" in made[0] and b"CreationDate" not in made[0]
        assert b"/FontFile2" in made[0] and b"/Type3" not in made[0]


def test_behaviour_is_drawn_with_its_interval(drawn, rows):
    (figure,) = drawn[behaviour]
    (panel,), found = lines(figure.figure), rows("behaviour")
    assert panel["sample-0.1m"] == along(found, "value") != []
    (band,) = figure.figure.axes[0].collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices}
    assert {*along(found, "low"), *along(found, "high")} <= corners


def test_the_earliest_heads_are_those_of_the_view(drawn, rows):
    """Invariant: a mark a role and model: at its tokens, or hollow at the right where the role does not come."""
    (figure,) = drawn[emergence]
    for axes, kind in zip(figure.figure.axes, ("figure_2_head", "role"), strict=True):
        found = [row for row in rows("emergence") if row["kind"] == kind]
        marks = [line for line in axes.lines if line.get_marker() not in ("None", "")]
        came = [line.get_xdata()[0] for line in marks if line.get_markerfacecolor() != "none"]
        assert sorted(came) == sorted(row["tokens"] for row in found if row["step"] is not None)
        assert len(marks) == len(found) > 0


def test_top_heads_have_their_scores(drawn, rows):
    (figure,) = drawn[top_heads]
    wanted = {}
    for row in rows("emergence"):
        if row["kind"] == "top_head":
            of = {"role": row["name"], "task": row["task"], "layer": row["layer"], "head": row["head"]}
            name = f"a{row['layer']}.h{row['head']}"
            wanted.setdefault((row["name"], row["task"]), {})[name] = along(rows("history", **of), "value")
    named = [{k: v for k, v in panel.items() if not k.startswith("_")} for panel in lines(figure.figure)]
    assert named == list(wanted.values()) != []


def test_the_diagram_has_the_edges_of_the_circuit(drawn, rows):
    """Invariant: the largest by |score|, each named; wider where |score| is larger; orange where it hurts."""
    figure = next(of.figure for of in drawn[circuit] if "ioi" in of.name)
    last = [row for row in rows("circuits", task="ioi") if row["n_edges"]][-1]
    found = rows("circuit", task="ioi", step=last["step"])[: circuit.EDGES]
    drawn_edges = {patch.get_gid(): patch for patch in figure.axes[0].patches if patch.get_gid()}
    names = [f"{row['src']}->{row['dst']}" + (f"<{row['port']}>" if row["port"] else "") for row in found]
    assert set(drawn_edges) == set(names) and len(names) > 1
    widths = [drawn_edges[name].get_linewidth() for name in names]
    assert widths == sorted(widths, reverse=True)
    places = {text.get_text() for text in figure.axes[0].texts}
    assert {row[end] for row in found for end in ("src", "dst")} <= places


def test_stages_stand_beside_the_diagram(drawn, rows):
    figure = next(of.figure for of in drawn[circuit] if "ioi" in of.name)
    found = rows("algorithm")
    for stage, panel in zip(circuit._STAGES, lines(figure)[1:], strict=True):
        assert panel["percent"] == along([row for row in found if row["stage"] == stage], "percent")


def test_size_and_similarity_are_those_of_the_views(drawn, rows):
    size, similarity = drawn[circuit_trends]
    for panel, column in zip(lines(size.figure), ("n_edges", "n_nodes"), strict=True):
        assert panel["sample-0.1m"] == along(rows("size"), column) != []
    for axes, column in zip(size.figure.axes, ("n_edges", "n_nodes"), strict=True):
        hollow = [point for line in axes.lines if line.get_markerfacecolor() == "#ffffff" for point in _points(line)]
        assert hollow == along([row for row in rows("size") if row["counts"] != 1], column)
    for panel, kind in zip(lines(similarity.figure), ("edge", "node", "weighted"), strict=True):
        for against in ("neighbour", "final"):
            assert panel[against] == along(rows("similarity", against=against), f"{kind}_jaccard", "tokens_a")
        neighbours = rows("similarity", against="neighbour")
        assert panel.get("floor", []) == along(neighbours, f"{kind}_floor", "tokens_a")


def test_curves_of_faithfulness_have_their_random_band(drawn, rows):
    figure = next(of.figure for of in drawn[faithfulness] if "ioi" in of.name)
    last = max(row["step"] for row in rows("faithfulness", task="ioi") if row["faithfulness"] is not None)
    found = rows("faithfulness", task="ioi", step=last)
    (panel,) = lines(figure)
    for column in ("faithfulness", "held_out_faithfulness", "random_baseline"):
        assert panel[column] == along(found, column, "n_edges")
    corners = {tuple(point) for point in figure.axes[0].collections[0].get_paths()[0].vertices}
    assert {*along(found, "random_low", "n_edges"), *along(found, "random_high", "n_edges")} <= corners


def test_a_curve_has_a_gap_at_a_checkpoint_that_cannot_be_read(shell, fresh):
    """Invariant: a line across it would say what nobody measured; checkpoints not computed make no gap."""
    shell("backup", fresh.store)
    with closing(sqlite3.connect(fresh.store)) as db, db:
        step = "(SELECT step FROM checkpoint WHERE step NOT IN (SELECT step FROM behaviour_of) LIMIT 1)"
        step = step.replace("behaviour_of", "checkpoint JOIN result ON checkpoint_id = checkpoint.id")
        db.execute(f"UPDATE checkpoint SET status = 'unreadable' WHERE step = {step}")
        (bad,) = db.execute("SELECT tokens FROM checkpoint WHERE status = 'unreadable'").fetchone()
    with closing(open_to_read(fresh.store)) as db, style.paper():
        (line,) = (line for line in next(behaviour.drawn(db)).figure.axes[0].lines if line.get_label() != "_child0")
    x, y = np.asarray(line.get_xydata()).T.tolist()
    assert (
        len(x) == 3 and x == sorted(x) and [place for place, value in zip(x, y, strict=True) if isnan(value)] == [bad]
    )


def test_steps_are_the_axis_where_tokens_are_not_known():
    time = training.Training("step", None, {"m": {2: 2.0}}, (1.0, 2.0, 4.0))
    found = [{"model": "m", "step": step, "tokens": None, "value": value} for step, value in ((4, 0.5), (1, None))]
    x, value = time.curve(found, "value")
    assert list(x) == [1, 2, 4] and isnan(value[0]) and isnan(value[1]) and value[2] == 0.5
    assert time.label == "training step"


def test_names_of_files_keep_within_the_folder():
    """Invariant: whatever models and tasks are called, no name is two folders, and no two names are one."""
    assert files.named("circuit", "ORG/NAME", "../a") == "circuit-ORG%2FNAME-..%2Fa"
    assert files.named("circuit", "a-b", "c") != files.named("circuit", "a", "b-c")


def test_names_that_others_chose_are_drawn_as_they_are(shell, fresh):
    """Invariant: no name is taken for mathematics or steers a terminal, and none leaves the folder."""
    shell("backup", fresh.store)
    with closing(sqlite3.connect(fresh.store)) as db, db:
        db.execute("UPDATE model SET name = ?", ("../$x^{\x1b[2J",))
    shown = fresh("figures", "--output", "out", "--format", "png")
    assert "\x1b" not in shown and "top_heads-..%2F%24x%5E%7B%1B%5B2J.png" in shown
    assert {path.parent for path in fresh.folder.rglob("*.png")} == {fresh.folder / "out"}


def test_a_store_without_results_has_no_figures(fresh):
    """Invariant: each kind is named with the command that computes what it needs; exit code 1."""
    open_to_write(fresh.store).close()
    done = answer(fresh.folder, fresh.env, "figures")
    told = done.stderr_bytes.decode().splitlines()
    assert (done.exit_code, done.stdout_bytes) == (1, b"")
    assert [line for kind in KINDS for line in told if kind.ABOUT in line and kind.NEEDS in line] == told[:-1]
    assert told[-1] == "circuit-tui: nothing could be drawn."


def test_without_matplotlib_it_says_how_to_have_it(fresh, monkeypatch):
    open_to_write(fresh.store).close()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'circuit-tui[figures]'" in fresh.refused("figures")


def test_what_cannot_be_written_is_refused(shell, fresh):
    """Invariant: a folder that is a file, a format that there is not; and the store itself is never overwritten."""
    open_to_write(fresh.store).close()
    assert "name another folder" in fresh.refused("figures", "--output", fresh.store)
    sentence = fresh.refused("figures", "--format", "svg,gif")
    assert "gif" in sentence and "pdf, png, svg" in sentence
    inside = fresh.folder / "out" / "behaviour.csv"
    inside.parent.mkdir()
    shell("backup", inside)
    kept = inside.read_bytes()
    done = answer(fresh.folder, fresh.env, "--store", inside, "figures", "--output", inside.parent, "--format", "svg")
    assert done.exit_code == 2 and "the store" in done.stderr_bytes.decode()
    assert inside.read_bytes() == kept
    shutil.rmtree(inside.parent)
