"""What the commands print: tables, JSON, CSV; and the models that they know."""

import csv
import io
import json
import shutil

import pytest
from console import answer
from pyarrow import parquet

from circuit_core.models import checkpoints, suites
from circuit_store import filesystem
from circuit_store.store import open_to_write
from circuit_store.views import VIEWS

pytestmark = pytest.mark.processes

SAMPLE = suites.sample_folder() / "sample-0.1m"
LAST = checkpoints.discover(SAMPLE)[-1].step


@pytest.mark.parametrize("view", VIEWS)
def test_json_is_one_document(shell, view):
    """Invariant: stdout is one JSON document with view, filters and rows; each row has the view's columns in order.

    No view is empty but `handoffs` and `greater_than`: no head takes a role over from another, and IOI alone was asked.
    """
    of_a_model = "model" in VIEWS[view].filters
    shown = json.loads(shell("show", view, *["sample-0.1m"][:of_a_model], "--json"))
    assert (shown["view"], shown["filters"]) == (view, {"model": "sample-0.1m"} if of_a_model else {})
    columns = {tuple(c.name for c in VIEWS[view].columns)}
    assert {tuple(r) for r in shown["rows"]} == (set() if view in ("handoffs", "greater_than") else columns)


def test_a_circuits_json_has_its_figures_on_top(shell):
    """Invariant: the header's fields stand at the top level, and agree with the rows."""
    shown = json.loads(shell("show", "circuit", "sample-0.1m@final", "--task", "ioi", "--json"))
    header = VIEWS["circuit"].header
    assert header is not None
    assert set(shown) == {"view", "filters", "rows"} | {c.name for c in header.columns}
    assert shown["n_edges"] == len(shown["rows"])
    assert shown["n_nodes"] == len({row[end] for row in shown["rows"] for end in ("src", "dst")})


@pytest.mark.parametrize("view", VIEWS)
def test_export_is_show_as_csv(shell, view):
    """Two roads to one file: `export X`, `show X --csv` and `export X --output FILE` give the same bytes."""
    exported = shell.run("export", view).stdout
    assert exported == shell("show", view, "--csv").encode()
    shell("export", view, "--output", shell.folder / "out.csv")
    assert exported == (shell.folder / "out.csv").read_bytes()
    header = next(csv.reader(io.StringIO(exported.decode(), newline="")))
    assert header == [c.name for c in VIEWS[view].columns]


def test_parquet_holds_what_export_keeps(shell):
    """Invariant: rows and columns as asked for, in a file and on a pipe."""
    asked = (
        "export",
        "heads",
        "sample-0.1m@final",
        "--role",
        "induction",
        "--columns",
        "head,value",
        "--sort",
        "-value",
    )
    shell(*asked, "--format", "parquet", "--output", shell.folder / "out.parquet")
    table = parquet.read_table(shell.folder / "out.parquet")
    assert table.to_pylist() == [json.loads(line) for line in shell(*asked, "--format", "jsonl").splitlines()] != []
    piped = answer(shell.folder, shell.env, *asked, "--format", "parquet").stdout_bytes
    assert parquet.read_table(io.BytesIO(piped)) == table


def test_the_table_has_the_same_rows(shell):
    """Invariant: the table has a header and a line for each row, aligned to one width a column."""
    rows = json.loads(shell("show", "heads", "--json"))["rows"]
    lines = shell("show", "heads").splitlines()
    assert len(lines) == 1 + len(rows)
    place = lines[0].index("role")
    assert {line[place:].split()[0] for line in lines[1:]} == {r["role"] for r in rows}


def test_rows_are_kept_sorted_and_cut(shell):
    """Invariant: --where, --grep, --sort and --columns together are what Python does with the rows."""
    rows = json.loads(shell("show", "heads", "--json"))["rows"]
    wanted = sorted((r for r in rows if r["layer"] == 1 and "induction" in r["role"]), key=lambda r: -r["value"])
    args = (
        "--where",
        "layer=1",
        "--grep",
        "^induc",
        "--sort",
        "-value",
        "--columns",
        "head,value",
        "--format",
        "jsonl",
    )
    lines = shell("export", "heads", *args).splitlines()
    assert wanted and [json.loads(line) for line in lines] == [{k: r[k] for k in ("head", "value")} for r in wanted]


def test_filters_narrow(shell):
    """Invariant: an address and options give exactly the rows that they describe."""
    rows = json.loads(shell("show", "heads", "--json"))["rows"]
    args = ("sample-0.1m@final", "--role", "induction", "--layer", "0", "--head", "1")
    wanted = [r for r in rows if (r["step"], r["role"], r["layer"], r["head"]) == (LAST, "induction", 0, 1)]
    assert len(wanted) == 1 and json.loads(shell("show", "heads", *args, "--json"))["rows"] == wanted


def test_without_a_store_the_sample_suite_is_listed(fresh):
    """Invariant: `models` needs no store, makes none, and names every sample model with nothing computed."""
    rows = json.loads(fresh("models", "--json"))["rows"]
    assert [(r["model"], r["computed"]) for r in rows] == [(m.name, 0) for m in suites.sample_suite()]
    assert all(r["params"] and r["checkpoints"] for r in rows)
    assert not fresh.store.exists()


def test_an_empty_file_is_no_store_yet(fresh):
    """Invariant: `models` works beside the empty file that mktemp leaves."""
    fresh.store.touch()
    assert "sample-0.1m" in fresh("models")


def test_a_model_is_family_size_variant_and_seed(fresh):
    """Invariant: suites say it, `models add` is told; what nobody has told is empty."""
    fresh("models", "add", "mine", SAMPLE, "--family", "toy", "--size", "1m", "--variant", "long", "--seed", "3")
    fresh("models", "add", "other", SAMPLE)
    rows = {row["model"]: row for row in json.loads(fresh("models", "--all", "--json"))["rows"]}
    said = {name: [rows[name][what] for what in ("family", "size", "variant", "seed")] for name in rows}
    assert said["mine"] == ["toy", "1m", "long", 3] and said["other"] == [None] * 4
    assert said["sample-0.1m"] == ["sample", "0.1m", None, None]
    assert said["pythia-160m-seed3"] == ["pythia", "160m", None, 3]
    assert said["pythia-160m-deduped"] == ["pythia", "160m", "deduped", None]
    assert said["pythia-160m-weight-seed2"] == ["pythia", "160m", "weight-seed", 2]
    assert said["mine"] == [
        json.loads(fresh("show", "models", "mine", "--json"))["rows"][0][what]
        for what in ("family", "size", "variant", "seed")
    ]


def test_a_model_is_added_with_its_steps_and_tokens(fresh, tmp_path):
    """Invariant: a pattern finds the steps, tokens follow from them; an address then finds them."""
    for step in (5, 20):
        shutil.copytree(SAMPLE / "step0", tmp_path / "runs" / f"at_{step}k")
    fresh("models", "add", "mine", "runs", "--pattern", r"at_(?P<step>\d+)k", "--tokens-per-step", "1000")
    rows = json.loads(fresh("show", "checkpoints", "mine", "--json"))["rows"]
    assert [(r["step"], r["tokens"], r["revision"]) for r in rows] == [(5, 5000, "at_5k"), (20, 20000, "at_20k")]
    listed = {r["model"]: r["checkpoints"] for r in json.loads(fresh("models", "--json"))["rows"]}
    assert listed["mine"] == 2 and "sample-0.1m" in listed


def test_a_name_is_not_taken_twice(fresh, tmp_path):
    """Invariant: a name that stands for one folder is refused for another, and what it stood for stays."""
    fresh("models", "add", "mine", SAMPLE)
    shutil.copytree(SAMPLE / "step0", tmp_path / "other" / "step0")
    sentence = fresh.refused("models", "add", "mine", "other")
    assert "sample-0.1m" in sentence and "other" in sentence and "models add NAME" in sentence
    shutil.copytree(SAMPLE / "step0", tmp_path / "mine" / "step0")
    assert "models add NAME" in fresh.refused("run", "./mine")
    assert json.loads(fresh("show", "models", "mine", "--json"))["rows"][0]["source"] == str(SAMPLE)


@pytest.mark.parametrize("name", ["", "a@b"])
def test_a_name_must_fit_an_address(fresh, name):
    """Invariant: what `show VIEW NAME@STEP` could not find is refused as a name."""
    assert "models add NAME" in fresh.refused("models", "add", name, SAMPLE)


def test_a_home_folder_in_the_stores_path(fresh, tmp_path):
    """Invariant: `~` means the home folder even where no shell expanded it."""
    fresh.env["HOME"] = str(tmp_path / "home")
    fresh("--store", "~/s.db", "models", "add", "mine", SAMPLE)
    assert (tmp_path / "home" / "s.db").exists() and not (tmp_path / "~").exists()


def test_a_run_that_is_done_is_not_said_to_be_cancelled(shell):
    done = shell.run("jobs", "cancel", "1")
    assert done.returncode == 0 and done.stderr.decode() == "Run 1 is done: nothing is left.\n"


@pytest.mark.parametrize("command", ["show", "export"])
def test_help_says_which_views_there_are(fresh, command):
    listed = fresh(command, "--help").partition("Views:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == list(VIEWS)


def test_info_says_where_everything_lies(shell):
    """Invariant: `info` names the store and the log, and whether there is a store."""
    told = json.loads(shell("info", "--json"))
    assert told["store"] == str(shell.store) and told["store_state"].startswith("1 models")
    assert told["log"].startswith(str(shell.folder))


def test_info_says_which_journal_is_kept(fresh, monkeypatch):
    """Invariant: what SQLite has in the file, the kind of file system, and what it is to become, if that is another."""
    kind = filesystem.kind(fresh.store)
    assert json.loads(fresh("info", "--json"))["journal"] == f"none yet, on {kind}"
    open_to_write(fresh.store).close()
    assert json.loads(fresh("info", "--json"))["journal"] == f"write-ahead log, on {kind}"
    monkeypatch.setattr(filesystem, "SHARED", {kind})
    ahead = f"write-ahead log, on {kind}, which hosts may share; a rollback journal once it is opened to write"
    assert json.loads(fresh("info", "--json"))["journal"].startswith(ahead)
    open_to_write(fresh.store).close()
    told = json.loads(fresh("info", "--json"))["journal"]
    assert told == f"rollback journal, on {kind}, which hosts may share"


def test_a_circuit_is_exported_by_what_it_was_found_with(fresh):
    """Of two circuits of one checkpoint the newest answers, unless a choice names the other; a choice that none has
    is refused."""
    find = ("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "circuit", "--sizes")
    fresh.compute(*find, "10")
    fresh.compute(*find, "40", "--select", "topn", "--dtype", "float64", "--threshold", ".9")
    export = ("circuit", "export", "sample-0.1m@final/ioi", "--format", "dot")
    told = lambda *choice: fresh.here(*export, *choice).stdout  # noqa: E731
    newest = told()
    earlier = {told(*choice) for choice in (("--select", "greedy"), ("--dtype", "float32"), ("--run", 1))}
    assert earlier == {told("--threshold", 0.8)} != {newest} == {told("--select", "topn")}
    sentence = fresh.refused(*export, "--threshold", 0.7)
    assert sentence.startswith(
        "The store holds no circuit sample-0.1m@7000/ioi, threshold 0.7: `circuit-tui show circuits"
    )
