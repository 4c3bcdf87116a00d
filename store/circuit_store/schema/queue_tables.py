"""What is to be computed: models and their checkpoints, runs and their units, files of the user's own."""

from circuit_store.queue.states import UnitState

TABLES = f"""
CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    suite TEXT NOT NULL,               -- 'folder': a folder of the user's own
    family TEXT,                       -- with size and variant it says which model it is; NULL: nobody has told
    size TEXT,
    variant TEXT,                      -- what sets it apart from others of family and size: 'deduped'
    seed INTEGER,                      -- models that differ in nothing but this are replicates
    source TEXT NOT NULL,              -- a folder or a hub id
    pattern TEXT,                      -- regular expression of its folders' names, if they are not the usual ones
    tokens_per_step INTEGER,
    base TEXT,                         -- of a finetune: 'MODEL@STEP' that its steps count on from
    base_tokens INTEGER,               -- seen in training until then
    params INTEGER,                    -- tied weights counted once
    n_layers INTEGER,
    n_heads INTEGER,                   -- a layer
    d_model INTEGER,
    parallel INTEGER,                  -- 1: attention and MLP of a layer read the same residual stream
    kv_heads INTEGER                   -- of keys and values a layer, as trained; repeated for each head when loaded
);
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    step INTEGER NOT NULL,
    tokens INTEGER,                    -- seen in training
    revision TEXT NOT NULL,            -- folder below the model's, or branch
    fingerprint TEXT,                  -- hash over a sample of the weights; NULL until they are read
    files TEXT,                        -- the weight files' names, sizes and times when that was taken
    present TEXT,                      -- what the source holds now, as `result.identity`; NULL until it is loaded
    status TEXT,                       -- 'ok', 'missing', 'unreadable' or 'mismatch'; NULL until it is loaded
    detail TEXT,                       -- why it is not 'ok'
    UNIQUE (model_id, step)
);
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL,             -- JSON of what was asked for
    state TEXT NOT NULL,               -- see queue/states.py
    reason TEXT,                       -- why it was cancelled or interrupted
    priority INTEGER NOT NULL DEFAULT 0, -- a higher one comes first
    slots TEXT,                        -- JSON of where it asked to be computed
    created TEXT NOT NULL,
    started TEXT,                      -- when its first unit was taken
    ended TEXT,
    host TEXT,                         -- of the runner that computed it last; so pid, versions, log
    pid INTEGER,
    versions TEXT,                     -- JSON: package -> version
    log TEXT,                          -- file
    hidden INTEGER NOT NULL DEFAULT 0  -- 1: forgotten, kept for its results
);
CREATE TABLE unit (                    -- a checkpoint to compute for a run
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    checkpoint_id INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT '{UnitState.QUEUED}', -- see queue/states.py
    doing TEXT,                        -- the computation under way
    fraction REAL NOT NULL DEFAULT 0,  -- of its computations that lie behind, 0 to 1
    attempts INTEGER NOT NULL DEFAULT 0, -- times it was begun
    crashes INTEGER NOT NULL DEFAULT 0, -- workers that died of it since it was asked for
    seconds REAL,                      -- that it took
    device TEXT,
    slot TEXT,                         -- the worker's place, as '0:cpu'
    heartbeat TEXT,                    -- when its runner was last seen to live
    error TEXT,                        -- why it failed
    UNIQUE (run_id, checkpoint_id)
);
CREATE INDEX unit_state ON unit (state);
CREATE TABLE asker (                   -- who waits for a run
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,              -- 0: nobody, it goes on by itself
    PRIMARY KEY (run_id, host, pid)
) WITHOUT ROWID;
CREATE TABLE runner (                  -- the one process that computes for the store
    id INTEGER PRIMARY KEY CHECK (id = 1),
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    beat INTEGER NOT NULL DEFAULT 0,   -- raised every few seconds
    seen TEXT NOT NULL                 -- when it was raised last
);
CREATE TABLE task_file (               -- tasks of the user's own
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,              -- the file's ending
    content TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE text_file (               -- texts for copy suppression
    hash TEXT PRIMARY KEY,
    content TEXT NOT NULL
) WITHOUT ROWID;
"""
