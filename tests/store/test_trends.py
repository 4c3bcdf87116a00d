"""Trends rest on one set of results: which, when they are stale, and which of two computations of them stays."""

import recorded

from circuit_store import queries, results, trends
from circuit_store.views import VIEWS

PAPER = {"preset": "paper-code"}
IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)


def test_trends_are_stale_when_others_were_asked_for(mixed):
    """Invariant: trends of what answered before are stale at once."""
    came = trends.EmergenceRecord("role", "induction", 1, 0, 10, preset="paper-code", dtype="float32")
    trends.replace(mixed.db, "toy", [came], [], trends.last_result(mixed.db, "toy"))
    (row,) = queries.rows(mixed.db, VIEWS["emergence"])
    assert (row["stale"], row["preset"], row["dtype"], row["task"]) == (0, "paper-code", "float32", None)
    results.ask_again(mixed.db, "toy", mixed.keys)
    assert [row["stale"] for row in queries.rows(mixed.db, VIEWS["emergence"])] == [1]


def emerged(toy) -> list[tuple[int | None, int]]:
    """Step and whether stale, of each row of the trends."""
    return [(row["step"], row["stale"]) for row in queries.rows(toy.db, VIEWS["emergence"])]


def test_older_trends_do_not_replace_later_ones(mixed):
    """Invariant: trends that were begun earlier and end later are dropped; those on as much or more are taken."""
    at = lambda step: [trends.EmergenceRecord("role", "induction", 1, 0, step)]  # noqa: E731
    begun = trends.last_result(mixed.db, "toy")
    mixed.score(20, 0.8, PAPER)
    trends.replace(mixed.db, "toy", at(20), [], trends.last_result(mixed.db, "toy"))
    trends.replace(mixed.db, "toy", at(10), [], begun)
    assert emerged(mixed) == [(20, 0)]
    trends.replace(mixed.db, "toy", at(0), [], trends.last_result(mixed.db, "toy"))
    assert emerged(mixed) == [(0, 0)]
    results.ask_again(mixed.db, "toy", mixed.keys)
    assert emerged(mixed) == [(0, 1)]
    trends.replace(mixed.db, "toy", at(10), [], trends.last_result(mixed.db, "toy"))
    assert emerged(mixed) == [(10, 0)]


def test_trends_on_what_is_gone_are_replaced(mixed):
    """Invariant: trends that name a later number than the store holds keep nothing out."""
    for number, step in ((99, 10), (trends.last_result(mixed.db, "toy"), 20)):
        trends.replace(mixed.db, "toy", [trends.EmergenceRecord("role", "induction", 1, 0, step)], [], number)
    assert emerged(mixed) == [(20, 0)]


def test_the_circuits_of_trends_are_of_one_kind(toy):
    """Invariant: heads in circuits are counted over one set of parameters; a file's circuit does not displace it."""
    for step in (0, 10, 20):
        toy.circuit(step, [(0, 2, 0.5), (1, 14, 1.0)])
    toy.circuit(10, [(2, 14, 0.25)], method="imported", file="x")
    assert set(toy.in_circuits()) == {0, 10, 20}
    toy.circuit(10, [(2, 14, 0.25)], method="eap")
    assert toy.in_circuits() == {10: {"a0.h1->logits"}}


def patched(toy, to: str, dtype: str = "float32") -> str:
    """Write path patching into receivers; returns the result's key."""
    key, params = f"10 {to} {dtype}", {"to": to, "senders": "all", "freeze_mlps": False}
    of = results.Provenance(key, toy.run, toy.ids[10], "patch", params, "size", "f10", dtype, 0.5, task=IOI)
    results.write(toy.db, of, recorded.effects([(0, 1, 1.5, -0.5)], 2.0, -1.0))
    return key


def test_path_patching_into_other_receivers_is_no_rival(mixed):
    """Invariant: asking again for receivers changes nothing where others have come; other precisions are rivals.

    Trends do not rest on path patching: they are neither stale after it nor due when it is asked for again.
    """
    trends.replace(mixed.db, "toy", [trends.EmergenceRecord("role", "x")], [], trends.last_result(mixed.db, "toy"))
    key, _ = patched(mixed, "logits"), patched(mixed, "a1.h0<q>")
    before = mixed.db.total_changes
    assert not results.ask_again(mixed.db, "toy", [key]) and mixed.db.total_changes == before
    patched(mixed, "logits", "float64")
    answers = lambda: {(r["receivers"], r["dtype"]) for r in queries.rows(mixed.db, VIEWS["patches"])}  # noqa: E731
    assert answers() == {("logits", "float64"), ("a1.h0<q>", "float32")}
    assert not results.ask_again(mixed.db, "toy", [key])
    assert answers() == {("logits", "float32"), ("a1.h0<q>", "float32")} and emerged(mixed) == [(None, 0)]


def test_the_tables_of_the_sample_suite_are_printed_from_a_store(toy, capsys):
    """What docs/results.md shows: a head with its steps, the reason where there is none, and what was not computed."""
    import emergence

    toy.full()
    none = trends.EmergenceRecord("role", "duplicate_token", reason="no head reaches the floor (0.30)")
    kept = [trends.EmergenceRecord("head", "name_mover", 1, h, h, value=0.5, state="emerged") for h in (1, 0)]
    role = trends.EmergenceRecord("role", "induction", 1, 0, 10, 20, 0.9, 0.45)
    trends.replace(toy.db, "toy", [role, none, *kept], [], trends.last_result(toy.db, "toy"))
    emergence.main(str(toy.path))
    lines = (line.strip("|` ").rpartition(" | ") for line in capsys.readouterr().out.splitlines())
    told = {label: cell for label, _, cell in lines}
    assert told["induction`"] == "a1.h0, step 10 to 20"
    assert told["name_mover`, for good"] == "a1.h0, step 0"
    assert told["duplicate_token`"] == "no head reaches the floor (0.30)"
    assert told["S-inhibition"] == "80 % (70 to 90)" and told["induction and duplicates"] == "not computed"
