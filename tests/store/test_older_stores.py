"""What a store of an earlier version says and shows once it is brought up to date."""

import sqlite3
from contextlib import closing
from typing import Any

from sqlite_utils import Database

from circuit_store import models, queries, results, store, trends
from circuit_store.schema import migrations
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
DEFAULT = {"preset": "default"}
KEYS = {
    "induction": "b4e5aa332ee0f87fc0f11de6bbf9a44f3fa352b1499e95f348761728ca97232a",
    "name_mover": "efab95afa618eb5d477a539c7396dae78fe1b650908b5fbaa8cf042935f6c6b1",
}
"""What the program of that time made of toy@0, source `size` and version 2; of no task, and of IOI."""


def older(toy, path, stop_before: str = "results_asked_for") -> Any:
    """A store of before with the results of this one, opened to write."""
    old = Database(path)
    migrations.apply(old, stop_before=stop_before)
    assert isinstance(old.conn, sqlite3.Connection)
    for table in ("model", "checkpoint", "run", "task", "result", "behaviour", "head_score", "emergence", "handoff"):
        names = ", ".join(column.name for column in old[table].columns)
        marks = ", ".join("?" * len(old[table].columns))
        rows = toy.db.execute(f"SELECT {names} FROM {table}").fetchall()
        old.conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(map(tuple, rows)))
    old.conn.execute(f"PRAGMA application_id={store.APPLICATION_ID}")
    old.conn.execute("PRAGMA user_version=8")
    old.conn.commit()
    old.close()
    return closing(store.open_to_write(path))


def test_an_older_store_keeps_its_order(mixed, tmp_path):
    """Invariant: in a store of before, the newest result counts as asked for last, and is followed by what comes."""
    with older(mixed, tmp_path / "old.db") as db:
        found = queries.rows(db, VIEWS["history"], {"layer": 0, "head": 0})
        assert [(row["step"], row["value"]) for row in found] == [(10, 0.9)] and results.next_asked(db) == 5


def test_trends_of_an_older_store_are_stale(mixed, tmp_path):
    """Invariant: which set they rest on is not known, and their empty fields do not say that there was none."""
    came, passed = (
        trends.EmergenceRecord("role", "induction", 1, 0, 10),
        trends.HandoffRecord("induction", None, 1, 0, 20, 1, 1, 20, 2),
    )
    trends.replace(mixed.db, "toy", [came], [passed], trends.last_result(mixed.db, "toy"))
    with older(mixed, tmp_path / "old.db") as db:
        assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(db, VIEWS[view])] == [1, 1]
        trends.replace(db, "toy", [came], [passed], trends.last_result(db, "toy"))
        assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(db, VIEWS[view])] == [0, 0]


def test_trends_by_the_rules_of_before_are_stale_until_they_are_told_anew(toy, tmp_path):
    """Invariant: floors and hand-offs have other rules now, so that what was told before is not taken for theirs."""
    assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(toy.full().db, VIEWS[view])] == [
        0,
        0,
    ]
    with older(toy, tmp_path / "old.db", "floors_and_handoffs") as db:
        assert [row["stale"] for view in ("emergence", "handoffs") for row in queries.rows(db, VIEWS[view])] == [1, 1]
        assert trends.of_earlier_rules(db, "toy") and not trends.of_earlier_rules(toy.db, "toy")
        trends.replace(db, "toy", [trends.EmergenceRecord("role", "induction")], [], trends.last_result(db, "toy"))
        assert not trends.of_earlier_rules(db, "toy")
        assert [(row["stale"], row["floor"]) for row in queries.rows(db, VIEWS["emergence"])] == [(0, None)]


def test_results_of_an_older_store_keep_their_version(toy, tmp_path):
    """Invariant: a step that is computed now joins the series of before where the analysis is of the same version."""
    for role, task in (("induction", None), ("name_mover", IOI)):
        toy.score(0, 0.1, DEFAULT, role, task, key=KEYS[role])
    toy.score(0, 0.1, DEFAULT, "successor")
    with older(toy, tmp_path / "old.db") as db:
        found = db.execute("SELECT role, version FROM result ORDER BY id")
        assert list(map(tuple, found)) == [("induction", "2"), ("name_mover", "2"), ("successor", "0")]


def test_attention_of_before_is_computed_anew(toy, tmp_path):
    """Invariant: rows that SQL cannot read do not stay as if they were there; all other results do."""
    toy.full()
    with older(toy, tmp_path / "old.db") as db:
        assert db.execute("SELECT count(*) FROM result WHERE analysis = 'attention'").fetchone()[0] == 0
        kept = toy.db.execute("SELECT count(*) FROM result WHERE analysis != 'attention'").fetchone()[0]
        assert db.execute("SELECT count(*) FROM result").fetchone()[0] == kept > 0
        assert queries.rows(db, VIEWS["attention"]) == []


def test_results_filed_under_files_of_before_stay(toy, tmp_path):
    """Invariant: they are shown, whatever they were computed from; fingerprints that saw a part of the weights are not,
    nor parameters that were counted in any file."""
    for step in (0, 10, 20):
        toy.behaviour(step, float(step))
        models.checkpoint_loaded(toy.db, toy.ids[step], "ok", "of first bytes")
    with older(toy, tmp_path / "old.db") as db:
        assert [row["value"] for row in queries.rows(db, VIEWS["behaviour"])] == [0.0, 10.0, 20.0]
        shown = queries.rows(db, VIEWS["checkpoints"])
        assert [(row["fingerprint"], row["status"]) for row in shown] == [(None, "ok")] * 3
        assert [(row["params"], row["n_layers"]) for row in queries.rows(db, VIEWS["models"])] == [(None, 2)]


def test_circuits_of_before_say_why_they_have_no_areas(tmp_path):
    """Invariant: an import was never evaluated, and of all others areas as MIB has them were not asked for."""
    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_circuits")
    database.conn.executescript(f"""
        PRAGMA application_id={store.APPLICATION_ID}; PRAGMA user_version=8; PRAGMA foreign_keys=OFF;
        INSERT INTO result (id, key, run_id, checkpoint_id, analysis, params, identity, dtype, device, threads, seconds)
            SELECT value, value, 1, 1, 'circuit', '{{}}', '', '', '', 1, 1 FROM json_each('[1, 2, 3]');
        INSERT INTO circuit (result_id, n_edges_total, imported_from, cpr)
            VALUES (1, 9, 'file.json', NULL), (2, 9, NULL, NULL), (3, 9, NULL, 0.5);
    """)
    database.close()
    db = store.open_to_write(path)
    found = db.execute("SELECT reason, areas_reason FROM result JOIN circuit ON result_id = id ORDER BY id").fetchall()
    imported, later = "imported: never evaluated here", "not asked for: `run --areas mib` computes CPR and CMD"
    assert [tuple(row) for row in found] == [(imported, imported), (None, later), (None, later)]
    db.close()


def test_areas_and_thresholds_of_another_definition_are_shown_no_more(tmp_path):
    """Invariant: areas of the search's curve are not MIB's; where the empty circuit passes, none reaches it."""
    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="areas_and_thresholds")
    database.conn.executescript(f"""
        PRAGMA application_id={store.APPLICATION_ID}; PRAGMA user_version=8; PRAGMA foreign_keys=OFF;
        INSERT INTO result (id, key, run_id, checkpoint_id, analysis, params, identity, dtype, device, threads, seconds)
            SELECT value, value, 1, 1, 'circuit', '{{"threshold": 0.8}}', '', '', '', 1, 1 FROM json_each('[1, 2, 3]');
        INSERT INTO circuit (result_id, n_edges_total, metric_clean, metric_corrupted, threshold_reached, cpr, cmd)
            VALUES (1, 9, 2.0, 1.7, 1, 0.9, 0.1), (2, 9, 2.0, 1.5, 1, 0.9, 0.1), (3, 9, 2.0, -1.5, 0, 0.9, 0.1);
        INSERT INTO circuit_edge VALUES (1, 0, 2, 0.5);
    """)
    database.close()
    with closing(store.open_to_write(path)) as db:
        found = db.execute("SELECT threshold_reached, cpr, cmd FROM circuit ORDER BY result_id")
        assert [tuple(row) for row in found] == [(None, None, None), (1, None, None), (0, None, None)]
        assert [row["score"] for row in db.execute("SELECT * FROM circuit_edge")] == [0.5]


def test_circuits_of_before_lose_what_is_defined_otherwise_now(tmp_path):
    """Invariant: a baseline of other random circuits is none, and a circuit without edges reaches no threshold."""
    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_circuits")
    database.conn.executescript(f"""
        PRAGMA application_id={store.APPLICATION_ID}; PRAGMA user_version=8; PRAGMA foreign_keys=OFF;
        INSERT INTO circuit (result_id, n_edges_total, n_edges, threshold_reached)
            VALUES (1, 9, 0, 1), (2, 9, 3, 1), (3, 9, 0, NULL), (4, 9, 3, 0);
        INSERT INTO faithfulness (result_id, n_requested, n_edges, n_nodes, faithfulness, random_baseline)
            VALUES (2, 4, 3, 2, 0.9, 0.5);
    """)
    database.close()
    with closing(store.open_to_write(path)) as db:
        reached = db.execute("SELECT threshold_reached FROM circuit ORDER BY result_id")
        assert [row[0] for row in reached] == [0, 1, None, 0]
        assert tuple(db.execute("SELECT faithfulness, random_baseline FROM faithfulness").fetchone()) == (0.9, None)


def test_an_older_store_learns_what_its_results_left_unsaid(tmp_path):
    """Invariant: a migration computes no score, but says what follows from those that are stored."""
    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="reasons_of_heads_and_greater_than")
    early = "copy suppression is not looked for before layer 1"
    stages = [("movers_and_suppressors", 80.0, '{"name_mover": []}'), ("s_inhibition", 5.0, "{}")]
    stages += [("induction_and_duplicate", 3.0, "{}")]
    with database.conn:
        execute = database.conn.execute
        execute("PRAGMA foreign_keys=OFF")
        fields = "id, key, run_id, checkpoint_id, analysis, role, params, identity, dtype, device, threads, seconds"
        for at, role, reason in (
            (1, "copy_suppression", early),
            (2, "induction", "not finite"),
            (3, None, None),
            (4, None, None),
        ):
            analysis = "heads" if role else "algorithm"
            row = (at, str(at), 1, 1, analysis, role, "{}", "", "float32", "cpu", 1, 1.0, reason)
            execute(f"INSERT INTO result ({fields}, reason) VALUES (?{', ?' * 12})", row)
        for result in (1, 2):
            for layer, value in ((0, None), (1, None), (2, 0.5)):
                execute("INSERT INTO head_score VALUES (?, ?, 0, ?, NULL, NULL)", (result, layer, value))
        for result, text in ((3, stages[0][2]), (4, '{"name_mover": [], "copy_suppression": []}')):
            for place, (stage, percent, heads) in enumerate(stages):
                row = (result, place, stage, percent, 0.0, 1.0, heads if place else text, "all", 0, None)
                execute(f"INSERT INTO stage VALUES (?{', ?' * 9})", row)
        execute(f"PRAGMA application_id={store.APPLICATION_ID}")
        execute("PRAGMA user_version=8")
    database.close()
    db = store.open_to_write(path)
    found = [tuple(row) for row in db.execute("SELECT result_id, layer, reason FROM head_score WHERE reason NOTNULL")]
    assert found == [(1, 1, "mean-ablating the head changes no prediction, or activations are not finite")]
    noted = "copy suppression is not counted"
    notes = [row["note"] for row in db.execute("SELECT note FROM stage ORDER BY result_id, place")]
    assert notes == [noted, None, noted, None, None, None]
    kept = db.execute(
        "SELECT percent, percent_random, effect, post_emergence FROM stage WHERE result_id = 3"
    ).fetchall()
    assert [tuple(row) for row in kept] == [(percent, None, None, 0) for _, percent, _ in stages]
    db.close()


def test_views_of_stages_that_a_person_made_stay(tmp_path):
    """The table of stages is written anew, since whether every stage has heads may be unknown from now on."""
    path = tmp_path / "old.db"
    database = Database(path)
    migrations.apply(database, stop_before="random_sets_and_signed_effects")
    database.execute("CREATE VIEW mine AS SELECT percent, post_emergence FROM stage")
    database.conn.execute(f"PRAGMA application_id={store.APPLICATION_ID}")
    database.conn.execute("PRAGMA user_version=11")
    database.close()
    db = store.open_to_write(path)
    db.execute("PRAGMA foreign_keys=OFF")
    db.execute("INSERT INTO stage (result_id, place, stage, percent, universe) VALUES (1, 0, 's_inhibition', 5, 'all')")
    assert tuple(db.execute("SELECT * FROM mine").fetchone()) == (5, None)
    db.close()


def test_errors_of_an_older_store_are_plain(toy, tmp_path):
    """Invariant: the rule that a model does the task finds its error; how many prompts differ is not known."""
    toy.behaviour(10, 1.0)
    with older(toy, tmp_path / "old.db", "plain_errors_and_pools") as db:
        (row,) = queries.rows(db, VIEWS["behaviour"])
    assert (row["stderr"], row["stderr_plain"], row["n_distinct"], row["pool"]) == (0.1, 0.1, None, None)
