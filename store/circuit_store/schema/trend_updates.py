"""What trends of a later definition say besides; those of an earlier one are stale until they are computed anew."""

from sqlite_utils import Database


def floors_and_handoffs(db: Database) -> None:
    """Events have a floor that chance raises, and a loss has one taker; what was told by other rules is marked."""
    db.executescript("""
        ALTER TABLE emergence ADD COLUMN state TEXT;
        ALTER TABLE emergence ADD COLUMN floor REAL;
        ALTER TABLE emergence ADD COLUMN floor_from TEXT;
        ALTER TABLE handoff ADD COLUMN window_tokens INTEGER;
        ALTER TABLE handoff ADD COLUMN fall REAL;
        ALTER TABLE handoff ADD COLUMN rise REAL;
        ALTER TABLE handoff ADD COLUMN expected_by_chance REAL;
        UPDATE emergence SET last_result = -1;
        UPDATE handoff SET last_result = -1;
    """)
