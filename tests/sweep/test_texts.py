"""Which text copy suppression is scored on when none is given: the one that was last used for the model."""

from contextlib import closing

import pytest

from circuit_core.sweep import texts
from circuit_core.sweep.request import Request
from circuit_store import models, requests, results, task_files
from circuit_store.store import open_to_write
from circuit_tui import queueing
from circuit_tui.asking import Asked


@pytest.fixture
def db(tmp_path):
    with closing(open_to_write(tmp_path / "x.db")) as db:
        for name, folder in (("mine", str(tmp_path / "mine")), ("other", "other")):
            model = models.Model(name, "folder", folder, None, None, 1, 3, 3, 8, True)
            models.add_model(db, model, [models.Checkpoint(7000, None, "step7000")])
        for text in ("first", "second"):
            task_files.keep_text(db, text, f"the {text} text")
        requests.add_run(db, {"models": ["mine", "other"]}, [1, 2])
        yield db


def scored(db, checkpoint: int, text: str | None, analysis="heads", role: str | None = "copy_suppression") -> str:
    """A result on a text; returns its key."""
    key = f"{checkpoint} {text} {analysis}"
    params = {"preset": "default", "text": text}
    of = results.Provenance(key, 1, checkpoint, analysis, params, "size", "f", "float32", 1.0, role)
    results.write(db, of, results.Undefined("not looked at"))
    return key


@pytest.mark.parametrize("suite", ["folder", "sample"])
def test_without_a_text_the_last_of_the_model_is_taken(db, suite):
    """Invariant: what was asked for last of this model, of a text that the store keeps; a given one first."""
    asked = lambda **of: texts.asked(db, Request(**of), "mine", suite)  # noqa: E731
    own = asked()
    assert (own is None) == (suite == "folder")
    scored(db, 2, "second")
    scored(db, 1, None)
    scored(db, 1, "gone")
    assert asked() == own
    first = scored(db, 1, "first")
    scored(db, 1, "second", "algorithm", None)
    assert (asked(), asked(text="first")) == ("second", "first")
    scored(db, 1, None)
    assert asked() == "second"
    db.execute("UPDATE result SET asked = 99 WHERE key = ?", (first,))
    before = db.total_changes
    assert asked() == "first" == texts.chosen(db, Request(), "mine", suite) and db.total_changes == before


def test_the_sample_suites_own_is_kept_when_it_is_chosen(db):
    digest = texts.chosen(db, Request(), "new", "sample")
    assert digest and digest == texts.asked(None, Request(), "new", "sample")
    assert task_files.text_of(db, digest) and texts.chosen(db, Request(), "new", "folder") is None


def test_a_later_request_without_a_text_asks_for_the_same_scores(db, copied):
    """Invariant: scores stay those that answer; none is asked for that is undefined for want of a text."""
    copied("mine", 7000)
    scored(db, 1, "first")
    planned = queueing.plan(db, Asked(("mine",), "all", Request(("greater_than",), ("heads", "algorithm"))))
    (lacking,) = planned.surveys[0].missing.values()
    assert {job.params["text"] for job in lacking if "text" in job.params} == {"first"}
