"""What results of earlier versions leave unsaid, told from what is stored; no score is computed again."""

from sqlite_utils import Database

from circuit_store.schema.earlier_versions import versions


def reasons_of_circuits(db: Database) -> None:
    """Results of before get the reasons that can be told without computing them again.

    Their baseline was of other circuits (edges drawn evenly, fewer left after pruning), and one without edges could
    reach the threshold.
    """
    db.executescript("""
        ALTER TABLE circuit ADD COLUMN areas_reason TEXT;
        UPDATE result SET reason = 'imported: never evaluated here'
            WHERE reason IS NULL AND id IN (SELECT result_id FROM circuit WHERE imported_from IS NOT NULL);
        UPDATE circuit SET areas_reason = coalesce(
            (SELECT reason FROM result WHERE id = result_id),
            'the curve lacks some of the ten sizes that the areas need; search `grid` evaluates them'
        ) WHERE cpr IS NULL;
        UPDATE faithfulness SET random_baseline = NULL;
        UPDATE circuit SET threshold_reached = 0 WHERE threshold_reached AND n_edges = 0;
    """)


def reasons_of_heads_and_greater_than(db: Database) -> None:
    """What stored results leave unsaid follows from them: see the two updates."""
    db.executescript("""
        ALTER TABLE head_score ADD COLUMN reason TEXT;
        ALTER TABLE stage ADD COLUMN note TEXT;
        CREATE TABLE year_node (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            src INTEGER NOT NULL,
            looks_at_year REAL, raises_year REAL, later_minus_others REAL,
            PRIMARY KEY (result_id, src)
        ) WITHOUT ROWID;
        UPDATE head_score SET reason = 'mean-ablating the head changes no prediction, or activations are not finite'
        WHERE value IS NULL AND EXISTS (
            SELECT 1 FROM result WHERE id = result_id AND role = 'copy_suppression'
            AND result.reason LIKE 'copy suppression is not looked for before layer %'
            AND layer >= CAST(replace(result.reason, 'copy suppression is not looked for before layer ', '') AS INTEGER)
        );
        UPDATE stage SET note = 'copy suppression is not counted'
        WHERE percent IS NOT NULL AND stage != 's_inhibition' AND EXISTS (
            SELECT 1 FROM stage AS first WHERE first.result_id = stage.result_id
            AND first.stage = 'movers_and_suppressors' AND json_type(first.heads, '$.copy_suppression') IS NULL
        );
    """)


def results_asked_for(db: Database) -> None:
    """What was asked for last answers; trends say of which results they are, and those that do not are stale.

    Attention was packed so that SQL could not read it: the next run computes it anew.
    """
    db.executescript("""
        ALTER TABLE result ADD COLUMN version TEXT NOT NULL DEFAULT '0';
        ALTER TABLE result ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
        UPDATE result SET asked = id;
        CREATE INDEX result_asked ON result (asked);
        ALTER TABLE emergence ADD COLUMN task TEXT;
        ALTER TABLE emergence ADD COLUMN preset TEXT;
        ALTER TABLE emergence ADD COLUMN text TEXT;
        ALTER TABLE emergence ADD COLUMN dtype TEXT;
        ALTER TABLE handoff ADD COLUMN preset TEXT;
        ALTER TABLE handoff ADD COLUMN text TEXT;
        ALTER TABLE handoff ADD COLUMN dtype TEXT;
        UPDATE emergence SET last_result = -1;
        UPDATE handoff SET last_result = -1;
        DELETE FROM result WHERE analysis = 'attention';
        DROP TABLE attention_row;
        CREATE TABLE attention_row (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            prompt INTEGER NOT NULL,
            tokens TEXT NOT NULL,
            weights TEXT NOT NULL,
            PRIMARY KEY (result_id, prompt)
        ) WITHOUT ROWID;
    """)
    for result, version in versions(db.conn):
        db.execute("UPDATE result SET version = ? WHERE id = ?", (version, result))
