"""Which text copy suppression is scored on when none is given: the one that last gave the model scores."""

from contextlib import closing

import pytest
import recorded

from circuit_core.errors import CircuitError
from circuit_store import models, results, task_files
from circuit_store.queue import requests
from circuit_store.store import open_to_write
from circuit_sweep.planning import texts
from circuit_sweep.planning.request import Request
from circuit_tui.runs import submit
from circuit_tui.runs.run_request import RunRequest

SCORES = recorded.head_scores([(1, 0, 0.5, None, None), (1, 1, None, None, None)])
NONE = recorded.head_scores([(1, 0, None, None, None)], reason="mean-ablating the head changes no prediction")


def algorithm(**heads: list[str]) -> results.Record:
    return recorded.algorithm([recorded.stage("movers_and_suppressors", 9.0, 1.0, 10.0, heads, "all", True, None)])


COUNTED, NOT_COUNTED = algorithm(name_mover=[], copy_suppression=[]), algorithm(name_mover=["a1.h0"])


@pytest.fixture
def db(tmp_path):
    with closing(open_to_write(tmp_path / "x.db")) as db:
        for name, folder in (("mine", str(tmp_path / "mine")), ("other", "other")):
            model = models.Model(name, "folder", folder, 1, 3, 3, 8, True)
            models.add_model(db, model, [models.CheckpointRecord(7000, None, "step7000")])
        for text in ("first", "second"):
            task_files.keep_text(db, text, f"the {text} text")
        requests.add_run(db, {"models": ["mine", "other"]}, [1, 2])
        yield db


def scored(db, checkpoint: int, text: str | None, analysis="heads", record: results.Record = SCORES) -> str:
    """A result on a text; returns its key."""
    key = f"{checkpoint} {text} {analysis} {record}"
    params, role = {"preset": "default", "text": text}, "copy_suppression" if analysis == "heads" else None
    of = results.Provenance(key, 1, checkpoint, analysis, params, "size", "f", "float32", 1.0, role)
    results.write(db, of, record)
    return key


@pytest.mark.parametrize("suite", ["folder", "sample"])
def test_without_a_text_the_last_of_the_model_is_taken(db, suite):
    """Invariant: of the scores of this model, those asked for last, of a text that is kept; a given one first."""
    asked = lambda **of: texts.asked(db, Request(**of), "mine", suite)  # noqa: E731
    own = asked()
    assert (own is None) == (suite == "folder")
    scored(db, 2, "second")
    scored(db, 1, None)
    scored(db, 1, "gone")
    assert asked() == own
    first = scored(db, 1, "first")
    scored(db, 1, "second", "algorithm", COUNTED)
    assert (asked(), asked(text="first")) == ("second", "first")
    scored(db, 1, None, record=results.Undefined("no text"))
    assert asked() == "second"
    db.execute("UPDATE result SET asked = 99 WHERE key = ?", (first,))
    before = db.total_changes
    assert asked() == "first" == texts.chosen(db, Request(), "mine", suite) and db.total_changes == before


@pytest.mark.parametrize(
    "analysis, record",
    [("heads", results.Undefined("too short")), ("heads", NONE), ("algorithm", NOT_COUNTED)],
)
def test_a_text_that_gave_no_score_is_not_taken_again(db, analysis, record):
    """Invariant: one text that is too short does not become the model's, nor take the place of one that scores."""
    scored(db, 1, "second", analysis, record)
    assert texts.asked(db, Request(), "mine", "folder") is None
    scored(db, 1, "first")
    scored(db, 1, "second", "algorithm", NOT_COUNTED)
    scored(db, 1, "second", record=results.Undefined("asked once more"))
    assert texts.asked(db, Request(), "mine", "folder") == "first"


def test_what_a_text_needs_is_what_is_read_of_it(tmp_path):
    """Invariant: a text of fewer bytes than tokens are needed is refused before it is queued; one of as many is not."""
    from circuit_core.heads.text_rows import REFERENCE, SCORED, WIDTH

    assert texts.LEAST == WIDTH * (SCORED + REFERENCE)
    (tmp_path / "short.txt").write_bytes(b"x" * (texts.LEAST - 1))
    with pytest.raises(CircuitError, match=r"short.txt has 7019 bytes, and 7,020 tokens are needed"):
        texts.given(tmp_path / "short.txt")
    (tmp_path / "enough.txt").write_bytes(b"x" * texts.LEAST)
    assert len(texts.given(tmp_path / "enough.txt").content) == texts.LEAST


def test_the_sample_suites_own_is_kept_when_it_is_chosen(db):
    digest = texts.chosen(db, Request(), "new", "sample")
    assert digest and digest == texts.asked(None, Request(), "new", "sample")
    assert task_files.text_of(db, digest) and texts.chosen(db, Request(), "new", "folder") is None


def test_a_later_request_without_a_text_asks_for_the_same_scores(db, copied):
    """Invariant: scores stay those that answer; none is asked for that is undefined for want of a text."""
    copied("mine", 7000)
    scored(db, 1, "first")
    planned = submit.plan(db, RunRequest(("mine",), "all", Request(("greater_than",), ("heads", "algorithm"))))
    (lacking,) = planned.surveys[0].missing.values()
    assert {analysis.params["text"] for analysis in lacking if "text" in analysis.params} == {"first"}
