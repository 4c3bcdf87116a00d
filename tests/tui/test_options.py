"""The command that the queue shows for a run asks for the same run."""

import shlex
from contextlib import closing
from dataclasses import dataclass

import click
import pytest

from circuit_store import addresses, queries
from circuit_store.queue import requests, runs
from circuit_store.store import open_to_write
from circuit_sweep.planning.options import option, options_of
from circuit_sweep.planning.request import Request
from circuit_tui.explorer.screens import exports
from circuit_tui.runs import flags, options, run_request


def row(path, words: list[str], **request) -> dict:
    """As the queue has it of what was typed."""
    asked = run_request.parsed(words)
    held = {"models": list(asked.models), "checkpoints": asked.checkpoints, **vars(asked.request), **request}
    with closing(open_to_write(path)) as db:
        run = requests.add_run(db, held, [], asked.how.priority, vars(asked.slots))
        return runs.listed(db, run)[0]


@pytest.mark.parametrize(
    "line",
    [
        "toy-a",
        "toy-a --analyses circuit,heads,behaviour",
        "toy-a --preset paper-code",
        "toy-a --preset paper-code --ig-steps 5 --ig-rule paper --search grid",
        "toy-a 'my model' --checkpoints 0,final --tasks ioi,pairs~2,ioi+bos --analyses all --sizes 10,20",
        "toy-a --method eap --select topn --threshold 0.5 --held-out 20 --dtype float64",
        "toy-a --threshold-on normalised --areas mib",
        "toy-a --device cuda:0,cuda:1 --per-gpu 2 --workers 3 --priority 5",
    ],
)
def test_the_command_asks_for_the_same(tmp_path, line):
    """Invariant: typed, it gives the same request of the same models, in the same place."""
    words = shlex.split(line)
    shown = shlex.split(options.command(row(tmp_path / "x.db", words)))
    assert shown[:2] == ["circuit-tui", "run"]
    given, again = run_request.parsed(words), run_request.parsed(shown[2:])
    assert (again.models, again.checkpoints, again.how) == (given.models, given.checkpoints, given.how)
    same = {"analyses": tuple(sorted(given.request.analyses))}
    assert vars(again.request) | {"analyses": tuple(sorted(again.request.analyses))} == vars(given.request) | same


def test_what_is_as_usual_is_not_said(tmp_path):
    shown = options.command(row(tmp_path / "x.db", ["toy-a", "--analyses", "heads,circuit,behaviour"]))
    assert shown == "circuit-tui run toy-a"


def test_a_text_is_named_by_its_hash(tmp_path):
    shown = options.command(row(tmp_path / "x.db", ["toy-a", "--analyses", "heads"], text="abc123"))
    assert shown == "circuit-tui run toy-a --analyses heads   with the text abc123"


def test_an_import_is_shown_as_one():
    request = {"imported": "my circuit.json", "circuit": "org/toy@10/ioi+bos"}
    shown = options.command({"request": request, "slots": {}, "priority": 0})
    at = ["--model", "org/toy", "--step", "10", "--task", "ioi+bos"]
    assert shlex.split(shown) == ["circuit-tui", "circuit", "import", "my circuit.json", *at]


def test_a_run_of_before_slots_were_noted_is_shown():
    assert options.command({"request": {"models": ["toy-a"], "tasks": ["ioi"]}}) == "circuit-tui run toy-a"


@pytest.mark.parametrize("preset, said", [("default", ""), ("paper-code", " --preset paper-code")])
def test_a_result_is_computed_again_by_the_same_options(preset, said):
    facts = {"model": "toy-a", "step": 10, "analysis": "heads", "role": "induction", "dtype": "float64"}
    shown = exports.recompute(queries.ResultOrigin(facts, {"preset": preset, "text": "abc"}))
    assert shown == f"circuit-tui run toy-a --checkpoints 10 --analyses heads{said} --dtype float64"


def test_every_option_is_one_of_the_command():
    """Invariant: the flags of `run` are those of the table, and all but two fields of a request have one."""
    from circuit_tui.cli.run import run

    flags = {flag for parameter in run.params for flag in (*parameter.opts, *parameter.secondary_opts)} - {"models"}
    listed = [flag for of in (*options.OPTIONS, *options.OF_THE_COMMAND) for flag in of.flag.split("/")]
    assert sorted(listed) == sorted(flags)
    said = {of.name for of in options.OPTIONS if of.shown}
    assert said >= {of.name for of in options.OPTIONS if of.paper_code is not None} == {"ig_steps", "ig_rule", "search"}
    assert set(vars(Request())) - said == {"text", "patch"}


def test_without_options_the_defaults_of_the_request_are_asked_for():
    """Invariant: the library, the command line and the dialog begin with the same request."""
    asked = run_request.parsed(["toy"])
    assert (asked.request, asked.how, asked.checkpoints) == (Request(), run_request.How(), "auto")


def test_an_option_is_made_of_its_field(monkeypatch):
    """Invariant: what is said beside a field is its flag, the bounds of it, its word in a command, and its row."""

    @dataclass
    class More:
        skipped: int = option(4, "Layers that are left out.", least=1, hint="a number of layers")

    (of,) = options_of(More)
    monkeypatch.setattr(options, "OPTIONS", (*options.OPTIONS, of))
    command = click.command()(flags.of_a_sweep(lambda **given: None))
    ctx = command.make_context("run", ["toy", "--skipped", "7"])
    assert (More().skipped, flags.given(ctx)) == (4, {"models": ("toy",), "skipped": 7})
    with pytest.raises(click.UsageError, match="0 is not in the range x>=1"):
        command.make_context("run", ["toy", "--skipped", "0"])
    assert options.words({"skipped": 7}) == ["--skipped", "7"] and options.words({"skipped": 4}) == []
    assert "Layers that are left out." in command.get_help(click.Context(command))
    assert (of.label, of.usual, of.possible) == ("skipped", "4", "a number of layers")


def test_what_a_preset_sets_needs_no_command_line():
    """Invariant: the request follows from what was given, and nothing else: here nobody has read words."""
    request = run_request.asked({"models": ("toy",), "preset": "paper-code", "ig_steps": 5}).request
    assert (request.ig_steps, request.ig_rule, request.search, request.tasks) == (5, "code", "code", ("ioi",))


@pytest.mark.parametrize("name", ["analyses", "tasks"])
def test_the_dialog_says_what_is_possible(name):
    """Invariant: every word that completes a field is in its hint, and the command takes each."""
    from circuit_tui.explorer.screens import run_dialog

    of = run_dialog.OPTIONS[name]
    assert of.completions and all(word in run_dialog.HINTS[name] for word in of.completions)
    for word in of.completions:
        run_request.parsed(["toy", of.flag, word])


def test_results_are_chosen_by_what_the_store_tells_apart():
    """Invariant: the flags of `show` are the store's choices."""
    assert {of.name for of in options.OPTIONS if of.narrows} | {"run"} == addresses.CHOICES.keys()
