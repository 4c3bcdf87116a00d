"""What was computed of single checkpoints: results, and below each of them what it found."""

TABLES = """
CREATE TABLE task (                    -- as results were computed with it
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,         -- of its prompts and metric
    metric TEXT NOT NULL,
    prepend_bos INTEGER NOT NULL
);
CREATE TABLE result (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,          -- hash of all that the result depends on: never computed twice
    run_id INTEGER NOT NULL REFERENCES run,
    checkpoint_id INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    task_id INTEGER REFERENCES task,
    analysis TEXT NOT NULL,
    role TEXT,                         -- of heads, for the analysis 'heads'
    params TEXT NOT NULL,              -- JSON
    identity TEXT NOT NULL,            -- the source: weights, config and tokenizer by content; of an import, its file
    fingerprint TEXT,                  -- of the weights that were loaded
    dtype TEXT NOT NULL,
    version TEXT NOT NULL,             -- of the analysis and of what it rests on, as '3.2'; '0' of an import
    device TEXT NOT NULL,
    threads INTEGER NOT NULL,
    seconds REAL NOT NULL,
    reason TEXT,                       -- why values are missing
    asked INTEGER NOT NULL             -- the higher, the later it was computed or asked for: the highest answers
);
CREATE INDEX result_checkpoint ON result (checkpoint_id, analysis, role);
CREATE INDEX result_asked ON result (asked);

CREATE TABLE behaviour (
    result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
    value REAL,                        -- mean of the metric over the prompts
    stderr REAL,                       -- of the mean, by the kinds of prompts that the task balances
    stderr_plain REAL,                 -- as if it balanced none
    low REAL, high REAL,               -- 95 % interval
    n_examples INTEGER,
    n_distinct INTEGER,                -- different prompts among them
    pool INTEGER,                      -- different prompts that the task has; NULL of a user's file
    accuracy REAL
);
CREATE TABLE head_score (
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    layer INTEGER NOT NULL,
    head INTEGER NOT NULL,
    value REAL,                        -- raw - control where the role has a control
    raw REAL,
    control REAL,
    low REAL, high REAL,               -- 95 % interval of the value over prompts or sequences
    reason TEXT,                       -- why this head's value is missing, where that is not the result's reason
    PRIMARY KEY (result_id, layer, head)
) WITHOUT ROWID;
CREATE TABLE head_detail (             -- what a value is made of
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    layer INTEGER NOT NULL,
    head INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (result_id, layer, head, name)
) WITHOUT ROWID;
CREATE TABLE head_by_prompt (          -- for an analysis that takes other means of the scores than the one shown
    result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
    scores BLOB NOT NULL               -- float32 [layer * head, prompt], see blobs.py
);
CREATE TABLE attention_row (           -- what heads attend to from the answer position
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    prompt INTEGER NOT NULL,
    tokens TEXT NOT NULL,              -- JSON list
    positions TEXT NOT NULL,           -- JSON: place of each token that the task names, as {"IO": 2}
    weights TEXT NOT NULL,             -- JSON [layer * head][token], in ten-thousandths
    PRIMARY KEY (result_id, prompt)
) WITHOUT ROWID;

CREATE TABLE circuit (
    result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
    n_requested INTEGER,               -- edges selected, before pruning
    n_edges INTEGER,                   -- after it
    n_nodes INTEGER,
    n_edges_total INTEGER NOT NULL,    -- of the whole model
    metric_clean REAL,
    metric_corrupted REAL,             -- of the corrupted run against the clean answers
    metric_circuit REAL,
    faithfulness REAL,
    faithfulness_normalised REAL,
    threshold_reached INTEGER,         -- NULL where the circuit without edges reaches it, too
    held_out_faithfulness REAL,        -- on prompts that did not choose the circuit
    faithfulness_low REAL, faithfulness_high REAL, -- 95 % interval over prompts
    interval_of TEXT,                  -- which prompts that is over
    edge_floor REAL, edge_floor_low REAL, -- Jaccard of two halves of the prompts: mean, and 2.5 % quantile
    node_floor REAL, node_floor_low REAL,
    weighted_floor REAL, weighted_floor_low REAL,
    cpr REAL, cmd REAL,                -- MIB's areas
    areas_reason TEXT,                 -- why there are none
    imported_from TEXT,                -- name of a file; NULL: computed here
    original BLOB,                     -- that file, compressed
    scores BLOB,                       -- of every edge of the model [source, port], see blobs.py; NULL: it has none
    scores_dtype TEXT,
    scores_sources INTEGER,
    scores_ports INTEGER,
    scores_layout TEXT
);
CREATE TABLE circuit_edge (
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    src INTEGER NOT NULL,
    port INTEGER NOT NULL,
    score REAL,                        -- NULL: imported without scores
    se REAL,                           -- of the score over resamples of the prompts; NULL: none were asked for
    share REAL,                        -- of the resamples whose circuit holds the edge
    PRIMARY KEY (result_id, port, src)
) WITHOUT ROWID;
CREATE TABLE node_score (
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    src INTEGER NOT NULL,
    score REAL NOT NULL,               -- estimated rise of the loss if all that the node writes is corrupted
    PRIMARY KEY (result_id, src)
) WITHOUT ROWID;
CREATE TABLE faithfulness (            -- a row for each size that the search evaluated
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    n_requested INTEGER NOT NULL,
    n_edges INTEGER NOT NULL,
    n_nodes INTEGER NOT NULL,
    metric REAL,
    faithfulness REAL,
    faithfulness_normalised REAL,
    held_out_metric REAL,
    held_out_faithfulness REAL,
    random_baseline REAL,              -- mean faithfulness of random circuits of as many edges
    random_low REAL, random_high REAL, -- the least and the most of them
    PRIMARY KEY (result_id, n_requested)
) WITHOUT ROWID;

CREATE TABLE stage (                   -- of the IOI algorithm
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    place INTEGER NOT NULL,            -- in order of the algorithm
    stage TEXT NOT NULL,
    percent REAL,                      -- of the universe's effect that the heads account for
    low REAL, high REAL,               -- 95 % interval over prompts
    percent_random REAL,               -- mean percent of random sets of as many heads of each layer
    effect REAL,                       -- sum of the heads' effects, signed
    heads TEXT,                        -- JSON: kind -> names of heads
    universe TEXT NOT NULL,            -- which heads are the whole
    post_emergence INTEGER,            -- 1 if every stage has heads; NULL where that is not known
    reason TEXT,
    note TEXT,                         -- what the percent was measured without
    PRIMARY KEY (result_id, place)
) WITHOUT ROWID;
CREATE TABLE year_node (               -- what a circuit of greater-than does with years
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    src INTEGER NOT NULL,
    looks_at_year REAL,                -- of a head; so raises_year
    raises_year REAL,
    later_minus_others REAL,           -- of an MLP
    PRIMARY KEY (result_id, src)
) WITHOUT ROWID;
CREATE TABLE patch (                   -- path patching
    result_id INTEGER PRIMARY KEY REFERENCES result ON DELETE CASCADE,
    metric_clean REAL,
    metric_corrupted REAL
);
CREATE TABLE patch_effect (
    result_id INTEGER NOT NULL REFERENCES result ON DELETE CASCADE,
    layer INTEGER NOT NULL,            -- of the sender
    head INTEGER NOT NULL,
    metric REAL,                       -- after patching
    effect REAL,                       -- (metric - clean) / (clean - corrupted)
    PRIMARY KEY (result_id, layer, head)
) WITHOUT ROWID;
"""
