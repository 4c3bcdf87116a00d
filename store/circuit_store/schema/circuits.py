"""Circuits: members without scores, CPR and CMD of another definition, intervals and spread of random circuits."""

from sqlite_utils import Database


def circuits_without_scores(db: Database) -> None:
    """A circuit from a file may have members and no scores: NULL, never 0."""
    db.executescript("""
        CREATE TABLE scored_edge AS SELECT result_id, src, port, score FROM circuit_edge;
        DROP TABLE circuit_edge;
        CREATE TABLE circuit_edge (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            src INTEGER NOT NULL,
            port INTEGER NOT NULL,
            score REAL,
            PRIMARY KEY (result_id, port, src)
        ) WITHOUT ROWID;
        INSERT INTO circuit_edge SELECT result_id, src, port, score FROM scored_edge;
        DROP TABLE scored_edge;
    """)


def areas_and_thresholds(db: Database) -> None:
    """CPR and CMD of before were of the curve of the search, not of plain circuits: they are not those of MIB.

    Where the empty circuit reached the threshold, a circuit says nothing by reaching it too; that the store knows from
    the metrics. What was not measured then is NULL.
    """
    empty = "metric_corrupted / metric_clean >= coalesce(json_extract(params, '$.threshold'), 2)"
    db.executescript(f"""
        UPDATE circuit SET cpr = NULL, cmd = NULL,
            areas_reason = CASE WHEN imported_from IS NULL THEN 'not asked for: `run --areas mib` computes CPR and CMD'
                ELSE areas_reason END;
        UPDATE circuit SET threshold_reached = NULL WHERE threshold_reached NOTNULL AND EXISTS (
            SELECT 1 FROM result WHERE id = result_id AND {empty}
        );
        ALTER TABLE circuit ADD COLUMN faithfulness_low REAL;
        ALTER TABLE circuit ADD COLUMN faithfulness_high REAL;
        ALTER TABLE circuit ADD COLUMN interval_of TEXT;
        ALTER TABLE faithfulness ADD COLUMN random_low REAL;
        ALTER TABLE faithfulness ADD COLUMN random_high REAL;
    """)
