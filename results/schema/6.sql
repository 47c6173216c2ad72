-- Version 6. A judge may be asked several times about a response; a NULL score is a judgment in
-- which none was found. No program has written to the table before.
DROP TABLE judge_call;
CREATE TABLE judge_call (
    id              INTEGER PRIMARY KEY,
    response        INTEGER NOT NULL REFERENCES response (id) ON DELETE CASCADE,
    repetition      INTEGER NOT NULL,
    judge           TEXT NOT NULL,
    prompt_name     TEXT NOT NULL,
    request         TEXT NOT NULL,
    reply           TEXT,
    score           REAL,
    n_prompt_tokens INTEGER,
    n_new_tokens    INTEGER,
    duration_ns     INTEGER,
    UNIQUE (response, judge, prompt_name, repetition)
) STRICT;
CREATE INDEX judge_call_by_judge ON judge_call (judge, prompt_name, repetition);

-- Every reply of a judge.
CREATE VIEW v_judgments AS
SELECT job.run AS run,
       model.name_in_config AS model,
       model.quantization AS quantization,
       item.subset AS subset,
       item.key AS item,
       judge_call.judge AS judge,
       judge_call.prompt_name AS prompt_name,
       judge_call.repetition AS repetition,
       judge_call.score AS score,
       judge_call.reply AS reply
FROM judge_call
JOIN response ON response.id = judge_call.response
JOIN job ON job.id = response.job
JOIN model ON model.id = job.model
JOIN item ON item.id = response.item;
