"""The tables, as named steps that each run once and in order.

    model ─< checkpoint ─< result >─ task        result >─ run ─< unit >─ checkpoint
                              └─ behaviour, head_score, circuit ─< circuit_edge, node_score, faithfulness

A `result` is one analysis of one checkpoint under one key (source, task, parameters, dtype); what it found lies in the
tables below it, or `reason` says why there is nothing. Nodes and ports are integers in the index layout of METHODS a.3.
"""

from sqlite_utils import Database, Migrations

from circuit_store.earlier_versions import versions

migrations = Migrations("circuit_store")


@migrations()
def models_and_checkpoints(db: Database) -> None:
    db.executescript("""
        CREATE TABLE model (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            suite TEXT NOT NULL,
            source TEXT NOT NULL,
            pattern TEXT,
            tokens_per_step INTEGER,
            params INTEGER, n_layers INTEGER, n_heads INTEGER, d_model INTEGER, parallel INTEGER
        );
        CREATE TABLE checkpoint (
            id INTEGER PRIMARY KEY,
            model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
            step INTEGER NOT NULL,
            tokens INTEGER,
            revision TEXT NOT NULL,
            fingerprint TEXT,
            status TEXT,
            detail TEXT,
            UNIQUE (model_id, step)
        );
    """)


@migrations()
def requests(db: Database) -> None:
    db.executescript("""
        CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            request TEXT NOT NULL,
            state TEXT NOT NULL,
            cancel INTEGER NOT NULL DEFAULT 0,
            created TEXT NOT NULL, started TEXT, ended TEXT,
            host TEXT, pid INTEGER, versions TEXT
        );
        CREATE TABLE unit (
            id INTEGER PRIMARY KEY,
            run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
            checkpoint_id INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
            state TEXT NOT NULL DEFAULT 'queued',
            doing TEXT,
            fraction REAL NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            seconds REAL, device TEXT, error TEXT,
            UNIQUE (run_id, checkpoint_id)
        );
        CREATE INDEX unit_state ON unit (state);
    """)


@migrations()
def results(db: Database) -> None:
    db.executescript("""
        CREATE TABLE task (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            hash TEXT NOT NULL UNIQUE,
            metric TEXT NOT NULL,
            prepend_bos INTEGER NOT NULL
        );
        CREATE TABLE result (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            run_id INTEGER NOT NULL REFERENCES run,
            checkpoint_id INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
            task_id INTEGER REFERENCES task,
            analysis TEXT NOT NULL,
            role TEXT,
            params TEXT NOT NULL,
            identity TEXT NOT NULL,
            fingerprint TEXT,
            dtype TEXT NOT NULL,
            device TEXT NOT NULL,
            threads INTEGER NOT NULL,
            seconds REAL NOT NULL,
            reason TEXT
        );
        CREATE INDEX result_checkpoint ON result (checkpoint_id, analysis, role);
        CREATE TABLE behaviour (
            result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
            value REAL, stderr REAL, low REAL, high REAL, n_examples INTEGER, accuracy REAL
        );
        CREATE TABLE head_score (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            layer INTEGER NOT NULL,
            head INTEGER NOT NULL,
            value REAL, raw REAL, control REAL,
            PRIMARY KEY (result_id, layer, head)
        ) WITHOUT ROWID;
        CREATE TABLE circuit (
            result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
            n_edges INTEGER, n_nodes INTEGER, n_edges_total INTEGER NOT NULL,
            metric_clean REAL, metric_corrupted REAL, metric_circuit REAL,
            faithfulness REAL, faithfulness_normalised REAL, threshold_reached INTEGER,
            scores BLOB, scores_dtype TEXT, scores_sources INTEGER, scores_ports INTEGER, scores_layout TEXT
        );
        CREATE TABLE circuit_edge (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            src INTEGER NOT NULL,
            port INTEGER NOT NULL,
            score REAL NOT NULL,
            PRIMARY KEY (result_id, port, src)
        ) WITHOUT ROWID;
        CREATE TABLE faithfulness (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            n_requested INTEGER NOT NULL,
            n_edges INTEGER NOT NULL, n_nodes INTEGER NOT NULL,
            metric REAL, faithfulness REAL, faithfulness_normalised REAL, random_baseline REAL,
            PRIMARY KEY (result_id, n_requested)
        ) WITHOUT ROWID;
    """)


@migrations()
def more_of_circuits(db: Database) -> None:
    db.executescript("""
        ALTER TABLE circuit ADD COLUMN n_requested INTEGER;
        ALTER TABLE circuit ADD COLUMN cpr REAL;
        ALTER TABLE circuit ADD COLUMN cmd REAL;
        ALTER TABLE circuit ADD COLUMN held_out_faithfulness REAL;
        ALTER TABLE circuit ADD COLUMN imported_from TEXT;
        ALTER TABLE circuit ADD COLUMN original BLOB;
        ALTER TABLE faithfulness ADD COLUMN held_out_metric REAL;
        ALTER TABLE faithfulness ADD COLUMN held_out_faithfulness REAL;
        CREATE TABLE node_score (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            src INTEGER NOT NULL,
            score REAL NOT NULL,
            PRIMARY KEY (result_id, src)
        ) WITHOUT ROWID;
    """)


@migrations()
def tasks_from_files(db: Database) -> None:
    db.executescript("""
        CREATE TABLE task_file (
            name TEXT PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            format TEXT NOT NULL,
            content TEXT NOT NULL
        ) WITHOUT ROWID;
    """)


@migrations()
def trends(db: Database) -> None:
    db.executescript("""
        CREATE TABLE emergence (
            id INTEGER PRIMARY KEY,
            model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            layer INTEGER, head INTEGER, step INTEGER, lost_step INTEGER,
            value REAL, threshold REAL, reason TEXT,
            last_result INTEGER NOT NULL
        );
        CREATE INDEX emergence_model ON emergence (model_id);
        CREATE TABLE handoff (
            id INTEGER PRIMARY KEY,
            model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
            role TEXT NOT NULL,
            task TEXT,
            from_layer INTEGER NOT NULL, from_head INTEGER NOT NULL, lost_step INTEGER NOT NULL,
            to_layer INTEGER NOT NULL, to_head INTEGER NOT NULL, gained_step INTEGER NOT NULL,
            window INTEGER NOT NULL,
            last_result INTEGER NOT NULL
        );
        CREATE INDEX handoff_model ON handoff (model_id);
    """)


@migrations()
def algorithm_and_patching(db: Database) -> None:
    db.executescript("""
        CREATE TABLE head_detail (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            layer INTEGER NOT NULL,
            head INTEGER NOT NULL,
            name TEXT NOT NULL,
            value REAL,
            PRIMARY KEY (result_id, layer, head, name)
        ) WITHOUT ROWID;
        CREATE TABLE stage (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            place INTEGER NOT NULL,
            stage TEXT NOT NULL,
            percent REAL, low REAL, high REAL,
            heads TEXT, universe TEXT NOT NULL,
            post_emergence INTEGER NOT NULL,
            reason TEXT,
            PRIMARY KEY (result_id, place)
        ) WITHOUT ROWID;
        CREATE TABLE patch (
            result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
            metric_clean REAL, metric_corrupted REAL
        );
        CREATE TABLE patch_effect (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            layer INTEGER NOT NULL,
            head INTEGER NOT NULL,
            metric REAL, effect REAL,
            PRIMARY KEY (result_id, layer, head)
        ) WITHOUT ROWID;
        CREATE TABLE attention_row (
            result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
            prompt INTEGER NOT NULL,
            tokens TEXT NOT NULL,
            weights BLOB NOT NULL,
            PRIMARY KEY (result_id, prompt)
        ) WITHOUT ROWID;
        CREATE TABLE text_file (hash TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
    """)


@migrations()
def background_jobs(db: Database) -> None:
    db.executescript("""
        ALTER TABLE run ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE run ADD COLUMN slots TEXT;
        ALTER TABLE run ADD COLUMN log TEXT;
        ALTER TABLE run ADD COLUMN reason TEXT;
        ALTER TABLE run ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE unit ADD COLUMN slot TEXT;
        ALTER TABLE unit ADD COLUMN heartbeat TEXT;
        ALTER TABLE unit ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE asker (
            run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
            host TEXT NOT NULL,
            pid INTEGER NOT NULL,
            PRIMARY KEY (run_id, host, pid)
        ) WITHOUT ROWID;
        CREATE TABLE runner (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            host TEXT NOT NULL,
            pid INTEGER NOT NULL,
            beat INTEGER NOT NULL DEFAULT 0,
            seen TEXT NOT NULL
        );
    """)


@migrations()
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


@migrations()
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


@migrations()
def results_asked_for(db: Database) -> None:
    """What was asked for last answers; trends say of which results they are, and those that do not are stale."""
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
    """)
    for result, version in versions(db.conn):
        db.execute("UPDATE result SET version = ? WHERE id = ?", (version, result))
