"""What stages of the IOI algorithm say besides their percent."""

from sqlite_utils import Database


def random_sets_and_signed_effects(db: Database) -> None:
    """Two more figures, empty for stages of before; whether every stage has heads may be unknown.

    SQLite drops no NOT NULL, so the table is written anew; views of it, a person's too, stay as they are.
    """
    kept = "result_id, place, stage, percent, low, high, heads, universe, post_emergence, reason, note"
    for statement in (
        """CREATE TABLE stage_new (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            place INTEGER NOT NULL,
            stage TEXT NOT NULL,
            percent REAL, low REAL, high REAL, percent_random REAL, effect REAL,
            heads TEXT, universe TEXT NOT NULL,
            post_emergence INTEGER,
            reason TEXT, note TEXT,
            PRIMARY KEY (result_id, place)
        ) WITHOUT ROWID""",
        f"INSERT INTO stage_new ({kept}) SELECT {kept} FROM stage",
        "DROP TABLE stage",
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE stage_new RENAME TO stage",
        "PRAGMA legacy_alter_table = OFF",
    ):
        db.execute(statement)
