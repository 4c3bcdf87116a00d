"""Behaviour gets a second standard error, and the numbers of its prompts."""

from sqlite_utils import Database


def plain_errors_and_pools(db: Database) -> None:
    """Errors of before were plain ones; `stderr` keeps them until the task is computed again."""
    db.executescript("""
        ALTER TABLE behaviour ADD COLUMN stderr_plain REAL;
        ALTER TABLE behaviour ADD COLUMN n_distinct INTEGER;
        ALTER TABLE behaviour ADD COLUMN pool INTEGER;
        UPDATE behaviour SET stderr_plain = stderr;
    """)
