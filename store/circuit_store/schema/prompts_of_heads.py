"""Scores of heads prompt by prompt, for an analysis that asks for other means of them than the one that is shown."""

from sqlite_utils import Database


def scores_by_prompt(db: Database) -> None:
    """Results of before have none: the algorithm scores their heads once more."""
    db.executescript("""
        CREATE TABLE head_by_prompt (
            result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
            scores BLOB NOT NULL
        );
    """)
