"""The tables of what was computed: results, what each kind of them found, trends."""

from sqlite_utils import Database


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
