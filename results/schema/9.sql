-- Version 9. A number that is infinite is no result, nor is a score outside of a judge's scale: such
-- judgments count as missing, and the next run asks again. What they led to is made anew: verdicts
-- here, the rows of `score` by the program, where a note "judgment_outside" says how many it were.
-- A judgment also keeps what tells one question to a judge from every other.
INSERT OR REPLACE INTO note (job, kind, count, text)
SELECT response.job, 'judgment_outside', count(*),
       'judgments of an older program whose score is not on the scale: they count as missing'
FROM judge_call
JOIN response ON response.id = judge_call.response
WHERE prompt_name NOT GLOB 'pair-*' AND score NOT BETWEEN 1 AND 10
GROUP BY response.job;

CREATE TEMP TABLE old_judge_call AS SELECT * FROM judge_call;
DROP TABLE judge_call;
CREATE TABLE judge_call (
    id              INTEGER PRIMARY KEY,
    response        INTEGER NOT NULL REFERENCES response (id) ON DELETE CASCADE,
    repetition      INTEGER NOT NULL,
    judge           TEXT NOT NULL,
    prompt_name     TEXT NOT NULL,
    request         TEXT NOT NULL,
    asked           TEXT,
    reply           TEXT,
    score           REAL
        CHECK (CASE WHEN prompt_name GLOB 'pair-*' THEN score IN (0, 0.5, 1)
                    ELSE score BETWEEN 1 AND 10 END),
    n_prompt_tokens INTEGER,
    n_new_tokens    INTEGER,
    duration_ns     INTEGER,
    UNIQUE (response, judge, prompt_name, repetition)
) STRICT;
CREATE INDEX judge_call_by_judge ON judge_call (judge, prompt_name, repetition, asked);
INSERT INTO judge_call (id, response, repetition, judge, prompt_name, request, reply, score,
                        n_prompt_tokens, n_new_tokens, duration_ns)
SELECT id, response, repetition, judge, prompt_name, request, reply,
       CASE WHEN prompt_name GLOB 'pair-*' OR score BETWEEN 1 AND 10 THEN score END,
       n_prompt_tokens, n_new_tokens, duration_ns
FROM old_judge_call;
DROP TABLE old_judge_call;

CREATE TEMP TABLE old_verdict AS SELECT * FROM verdict;
DROP TABLE verdict;
CREATE TABLE verdict (
    response   INTEGER PRIMARY KEY REFERENCES response (id) ON DELETE CASCADE,
    answered   INTEGER NOT NULL CHECK (answered IN (0, 1)),
    is_correct INTEGER NOT NULL CHECK (is_correct IN (0, 1)),
    score      REAL NOT NULL
        CHECK (abs(score) < 9e999),
    predicted  TEXT,
    margin     REAL CHECK (abs(margin) < 9e999),
    others     TEXT CHECK (others IS NULL OR json_valid(others))
) STRICT;
INSERT INTO verdict (response, answered, is_correct, score, predicted, margin, others)
SELECT response, answered AND abs(score) < 9e999, is_correct,
       CASE WHEN abs(score) < 9e999 THEN score ELSE 0 END, predicted,
       CASE WHEN abs(margin) < 9e999 THEN margin ELSE 0 END, others
FROM old_verdict;
DROP TABLE old_verdict;
UPDATE verdict
SET (score, is_correct) = (
    SELECT coalesce(avg(score), 0), coalesce(avg(score), 0) = 10
    FROM judge_call
    WHERE judge_call.response = verdict.response AND prompt_name NOT GLOB 'pair-*')
WHERE response IN (
    SELECT response.id
    FROM response
    JOIN note ON note.job = response.job
    WHERE note.kind = 'judgment_outside');

CREATE TEMP TABLE old_score AS SELECT * FROM score;
DROP TABLE score;
CREATE TABLE score (
    job    INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    depth  INTEGER NOT NULL,
    level  TEXT NOT NULL,
    name   TEXT NOT NULL,
    metric TEXT NOT NULL,
    score  REAL NOT NULL CHECK (abs(score) < 9e999),
    low    REAL NOT NULL CHECK (abs(low) < 9e999),
    high   REAL NOT NULL CHECK (abs(high) < 9e999),
    error  REAL CHECK (abs(error) < 9e999),
    n      INTEGER NOT NULL,
    PRIMARY KEY (job, depth, level, name, metric)
) STRICT, WITHOUT ROWID;
INSERT INTO score (job, depth, level, name, metric, score, low, high, error, n)
SELECT job, depth, level, name, metric, score, CASE WHEN abs(low) < 9e999 THEN low ELSE score END,
       CASE WHEN abs(high) < 9e999 THEN high ELSE score END,
       CASE WHEN abs(error) < 9e999 THEN error END, n
FROM old_score
WHERE abs(score) < 9e999
  AND job NOT IN (SELECT job FROM note WHERE kind = 'judgment_outside');
DROP TABLE old_score;
