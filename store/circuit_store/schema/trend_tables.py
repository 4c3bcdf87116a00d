"""What training as a whole shows, from the results of all checkpoints of a model; see the views of the same names."""

TABLES = """
CREATE TABLE emergence (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,                -- of a role or a task
    task TEXT,                         -- whose prompts were used; so preset, text, dtype
    layer INTEGER, head INTEGER,
    step INTEGER,                      -- when it comes
    lost_step INTEGER,
    state TEXT,                        -- of a head: 'emerged', 'lost' or 'last checkpoint only'
    value REAL,                        -- a head's highest score; a task's final (or lowest) metric
    threshold REAL,                    -- what had to be reached
    floor REAL,                        -- the least score that counts as the role
    floor_from TEXT,                   -- 'role', or the untrained step whose scores raise it
    reason TEXT,                       -- why there is no step
    preset TEXT,
    text TEXT,
    dtype TEXT,
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- hash of the results and checkpoints of its series: the same, the same rows
);
CREATE INDEX emergence_model ON emergence (model_id);
CREATE TABLE handoff (                 -- a role that one head loses and another gains
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    role TEXT NOT NULL,
    task TEXT,                         -- whose prompts were used; so preset, text, dtype
    from_layer INTEGER NOT NULL, from_head INTEGER NOT NULL, lost_step INTEGER NOT NULL,
    to_layer INTEGER NOT NULL, to_head INTEGER NOT NULL, gained_step INTEGER NOT NULL,
    window INTEGER NOT NULL,           -- checkpoints that may lie between
    window_tokens INTEGER,             -- tokens seen from so many before the loss to as many after it
    fall REAL,                         -- of the score of the head that loses it
    rise REAL,                         -- of that of the head that gains it
    expected_by_chance REAL,           -- hand-offs of the role if its losses came at other times
    preset TEXT,
    text TEXT,
    dtype TEXT,
    last_result INTEGER NOT NULL       -- the highest `result.asked` that it rests on
);
CREATE INDEX handoff_model ON handoff (model_id);
CREATE TABLE logistic (                -- a rise over log tokens
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    kind TEXT NOT NULL,                -- 'task', 'role' or 'role_in_circuit'
    name TEXT NOT NULL,                -- of a role or a task
    task TEXT,                         -- whose prompts were used; so preset, text, dtype
    layer INTEGER, head INTEGER,       -- of a role's earliest head
    lower REAL, plateau REAL,
    midpoint REAL,                     -- tokens; so the ends of its 95 % interval
    midpoint_low REAL, midpoint_high REAL,
    interval_over TEXT,                -- what is resampled
    width REAL,                        -- in ln tokens
    r2 REAL,
    half_lower INTEGER, half_higher INTEGER, -- the rule's step with other thresholds
    floor_lower INTEGER, floor_higher INTEGER,
    reason TEXT,                       -- why there is no curve
    preset TEXT,
    text TEXT,
    dtype TEXT,
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- as of `emergence`
);
CREATE INDEX logistic_model ON logistic (model_id);
CREATE TABLE load (                    -- how many heads carry a role
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    role TEXT NOT NULL,
    task TEXT,                         -- whose prompts were used; so preset, text, dtype
    step INTEGER,
    heads INTEGER,                     -- that reach the floor
    scored INTEGER,
    load REAL,                         -- sum of their scores
    spread REAL,                       -- so many equal heads would be as uneven
    evenness REAL,                     -- 0 to 1
    floor REAL,
    reason TEXT,
    preset TEXT,
    text TEXT,
    dtype TEXT,
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- as of `emergence`
);
CREATE INDEX load_model ON load (model_id);
CREATE TABLE stability (               -- of a stage of the IOI algorithm, once it has emerged
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    task TEXT NOT NULL,
    stage TEXT,                        -- NULL: undefined at every checkpoint
    emerged_step INTEGER,
    checkpoints INTEGER,               -- from there on; so the others
    mean REAL, sd REAL, low REAL, high REAL, -- of its percent
    head_jaccard REAL,                 -- mean over neighbours
    reason TEXT,
    preset TEXT,
    dtype TEXT,
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- as of `emergence`
);
CREATE INDEX stability_model ON stability (model_id);
CREATE TABLE similarity (              -- of the circuits of two checkpoints
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    task TEXT NOT NULL,
    against TEXT,                      -- 'neighbour' or 'final': what step_b is to step_a
    step_a INTEGER, step_b INTEGER,
    result_a INTEGER, result_b INTEGER,
    edge_jaccard REAL, node_jaccard REAL, weighted_jaccard REAL,
    edge_ewma REAL, node_ewma REAL, weighted_ewma REAL,
    additions INTEGER, deletions INTEGER,
    added_score REAL, deleted_score REAL, -- sums of |score|
    score_drift REAL,                  -- over all edges; NULL unless the scores of all are kept
    counts INTEGER,                    -- 1 if both are their task's circuit
    reason TEXT,
    method TEXT,
    dtype TEXT,
    pair TEXT,                         -- the two results, each with `asked`: the same, the same values
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- as of `emergence`
);
CREATE INDEX similarity_model ON similarity (model_id);
CREATE TABLE mean_size (               -- of a task's circuits late enough, for `size_correlation`
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    task TEXT NOT NULL,
    nodes REAL NOT NULL,
    checkpoints INTEGER NOT NULL,
    last_result INTEGER NOT NULL,      -- the highest `result.asked` that it rests on
    rests_on TEXT                      -- as of `emergence`
);
CREATE INDEX mean_size_model ON mean_size (model_id);
CREATE TABLE size_correlation (        -- of circuits with models, over a suite
    id INTEGER PRIMARY KEY,
    suite TEXT NOT NULL,
    variant TEXT,
    task TEXT NOT NULL,
    models INTEGER NOT NULL,
    r REAL,
    r_log REAL,                        -- with the logarithm of parameters
    r_published REAL,                  -- with parameters as the paper's code has them
    reason TEXT
);
CREATE TABLE circuit_members (         -- the edges of a circuit once more, packed: trends read them of all checkpoints
    result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
    edges BLOB NOT NULL,               -- int32, ascending: port times the number of sources, plus source
    scores BLOB NOT NULL               -- float64; NaN where it has none
);
"""
