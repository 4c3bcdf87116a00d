"""The tables of what is to be computed: models, checkpoints, runs and their units, tasks from files."""

from sqlite_utils import Database


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


def tasks_from_files(db: Database) -> None:
    db.executescript("""
        CREATE TABLE task_file (
            name TEXT PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            format TEXT NOT NULL,
            content TEXT NOT NULL
        ) WITHOUT ROWID;
    """)


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
