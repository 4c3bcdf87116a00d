"""Fingerprints are of a sample of all weights; the files that they were taken from are known by size and times."""

from sqlite_utils import Database


def present_sources(db: Database) -> None:
    """What each checkpoint's source holds now; of results of before it is not known."""
    db.execute("ALTER TABLE checkpoint ADD COLUMN present TEXT")


def fingerprints_of_samples(db: Database) -> None:
    """Those of before were of the first bytes of each tensor, without edited heads: the next run takes them anew.

    So it does with the parameters of a folder, which counted files that are not loaded, and no pickles. Results stay,
    but the next run computes what it asks for anew: their identity was of files, not of what these held.
    """
    db.executescript("""
        ALTER TABLE checkpoint ADD COLUMN files TEXT;
        UPDATE checkpoint SET fingerprint = NULL;
        UPDATE model SET params = NULL WHERE suite = 'folder';
    """)
