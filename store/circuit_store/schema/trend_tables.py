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
"""
