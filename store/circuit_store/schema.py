"""The tables, as named steps that each run once and in order.

    model ─< checkpoint ─< result >─ task        result >─ run ─< unit >─ checkpoint
                              └─ behaviour, head_score, circuit ─< circuit_edge, faithfulness

A `result` is one analysis of one checkpoint under one key (source, task, parameters, dtype); what it found lies in the
tables below it, or `reason` says why there is nothing. Nodes and ports are integers in the index layout of METHODS a.3.
"""

from sqlite_utils import Database, Migrations

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
