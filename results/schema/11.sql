-- Version 11. What comparisons of two runs need. A run has names that people give it. A response knows
-- its prompt, text and tokens, and where it was taken over from; what many prompts begin with is kept
-- once. Builds of one modified tree are told apart. A job knows how precise its score was asked to be.
-- A measurement knows how much of the machine others had meanwhile.
CREATE TABLE label (
    name         TEXT PRIMARY KEY,
    run          INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    made_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX label_by_run ON label (run);

CREATE TABLE prompt (
    id                  INTEGER PRIMARY KEY,
    hash                TEXT NOT NULL UNIQUE,
    base                INTEGER REFERENCES prompt (id),
    n_shared_characters INTEGER NOT NULL,
    rest                TEXT NOT NULL
) STRICT;
ALTER TABLE response ADD COLUMN prompt INTEGER REFERENCES prompt (id);
ALTER TABLE response ADD COLUMN tokens_hash TEXT;
ALTER TABLE response ADD COLUMN origin INTEGER REFERENCES run (id) ON DELETE SET NULL;

ALTER TABLE build ADD COLUMN binary_id TEXT;

ALTER TABLE job ADD COLUMN precision REAL;
ALTER TABLE job ADD COLUMN precision_items INTEGER;

ALTER TABLE speed_sample ADD COLUMN foreign_share REAL;

CREATE VIEW v_prompts AS
SELECT prompt.id AS prompt,
       prompt.hash AS hash,
       coalesce(substr(base.rest, 1, prompt.n_shared_characters), '') || prompt.rest AS text
FROM prompt
LEFT JOIN prompt AS base ON base.id = prompt.base;
