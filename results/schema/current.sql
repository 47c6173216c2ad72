-- The schema of the store as it is now, to be read; the program does not hold this file. What makes
-- and changes databases are the steps beside it: 1.sql, 2.sql ... in their order.
--
-- To change the schema, add a step with the next number, which never changes once released, and make
-- the same change here: a test makes a database of each and compares what they hold.
--
-- The views are the public interface. Tables may change with user_version, views only grow. NULL
-- means "not known" everywhere. Rates are stored as 0..1 and shown in percent. No number is infinite,
-- which 9e999 is.

-- ---- What a run is ----

-- What the program was: one row for each distinct build.
CREATE TABLE build (
    id               INTEGER PRIMARY KEY,
    version          TEXT NOT NULL,
    git_revision     TEXT NOT NULL,
    git_dirty        INTEGER NOT NULL CHECK (git_dirty IN (0, 1)),
    compiler         TEXT,
    flags            TEXT,
    numerics_version INTEGER NOT NULL,
    binary_id        TEXT              -- the linker's, which tells builds of a modified tree apart
) STRICT;

-- What the machine was, as far as it does not change from second to second: one row for each.
CREATE TABLE machine (
    id                  INTEGER PRIMARY KEY,
    cpu_model           TEXT,
    features            TEXT,
    kernel              TEXT,
    os                  TEXT,
    governor            TEXT,
    huge_pages          TEXT,
    hostname_hash       TEXT,
    n_cores             INTEGER,
    n_threads_available INTEGER,
    memory_bytes        INTEGER
) STRICT;

-- One invocation, resumed ones included. _before and _after: the machine's state at start and end.
CREATE TABLE run (
    id                   INTEGER PRIMARY KEY,
    name                 TEXT NOT NULL,
    status               TEXT NOT NULL
        CHECK (status IN ('running', 'done', 'interrupted', 'failed')),
    build                INTEGER NOT NULL REFERENCES build (id),
    machine              INTEGER NOT NULL REFERENCES machine (id),
    command_line         TEXT,
    config_path          TEXT,
    config_text          TEXT,
    config_hash          TEXT NOT NULL,
    isa                  TEXT,
    n_threads            INTEGER NOT NULL,
    started_unix_ms      INTEGER NOT NULL,
    finished_unix_ms     INTEGER,
    frequency_mhz_before REAL,
    frequency_mhz_after  REAL,
    temperature_c_before REAL,
    temperature_c_after  REAL,
    load_1min_before     REAL,
    load_1min_after      REAL
) STRICT;
CREATE INDEX run_by_config ON run (config_hash);

-- What people call a run: "baseline". A name has one run, the last that was given it.
CREATE TABLE label (
    name         TEXT PRIMARY KEY,
    run          INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    made_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX label_by_run ON label (run);

-- A model in one quantization.
CREATE TABLE model (
    id             INTEGER PRIMARY KEY,
    name_in_config TEXT NOT NULL,    -- the id of the configuration: "phi-3-mini"
    name           TEXT,             -- the file's own
    path           TEXT,
    architecture   TEXT,
    quantization   TEXT NOT NULL,
    hash           TEXT,             -- of the weights, or of the recipe that makes them
    tokenizer      TEXT,
    n_params       INTEGER NOT NULL,
    n_bytes        INTEGER NOT NULL,
    context_tokens INTEGER NOT NULL,
    is_synthetic   INTEGER NOT NULL CHECK (is_synthetic IN (0, 1)),
    published      TEXT              -- its name in published numbers
) STRICT;

-- The data files of a suite as they were read; hash covers their names and contents.
CREATE TABLE dataset (
    id      INTEGER PRIMARY KEY,
    suite   TEXT NOT NULL,
    path    TEXT NOT NULL,
    hash    TEXT NOT NULL,
    n_items INTEGER NOT NULL
) STRICT;
CREATE INDEX dataset_by_hash ON dataset (hash);

-- model x quantization x suite x protocol of one run.
CREATE TABLE job (
    id              INTEGER PRIMARY KEY,
    run             INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    model           INTEGER NOT NULL REFERENCES model (id),
    dataset         INTEGER REFERENCES dataset (id), -- none for throughput
    suite           TEXT NOT NULL,
    suite_version   INTEGER NOT NULL,
    protocol        TEXT NOT NULL,
    shots           INTEGER NOT NULL,
    metric          TEXT NOT NULL,    -- what a verdict's score is by: "acc", "points", "ppl" ...
    fingerprint     TEXT NOT NULL,    -- of whatever can change a bit of an answer
    bos             TEXT,
    context_tokens  INTEGER NOT NULL,
    parameters      TEXT CHECK (parameters IS NULL OR json_valid(parameters)),
    n_items         INTEGER NOT NULL,
    is_finished     INTEGER NOT NULL DEFAULT 0 CHECK (is_finished IN (0, 1)),
    duration_ns     INTEGER,          -- of its answers or measurements, wherever they come from
    naive_tokens    INTEGER,          -- to compute if nothing were shared between sequences
    computed_tokens INTEGER,          -- evaluated by one process, after prefixes were shared
    computed_items  INTEGER,          -- answered with them: the others were taken over
    wall_ns         INTEGER,          -- that this process took, without loading the model
    logits_hash     TEXT,             -- over the hashes of its responses, in the items' order
    -- 'questions' were asked and graded; of a 'text' the tokens were scored, and the metric is the
    -- perplexity; 'throughput' of a model and 'kernels' by themselves were timed.
    kind            TEXT NOT NULL DEFAULT 'questions'
        CHECK (kind IN ('questions', 'text', 'throughput', 'kernels')),
    chance          REAL,             -- what guessing scores by the metric, 0..1
    whole_items     INTEGER,          -- of the test that published numbers are of
    -- The half width of the interval, 0..1, at which asking was to end, and how many items had been
    -- answered when it ended so; NULL: all were asked.
    precision       REAL,
    precision_items INTEGER,
    UNIQUE (run, model, fingerprint)
) STRICT;
CREATE INDEX job_by_fingerprint ON job (fingerprint);
CREATE INDEX job_by_suite ON job (suite, protocol, shots);

-- ---- Questions and answers ----

-- A question of a data set. groups: [["subject","anatomy"],["subcategory","health"],...], the first
-- level being the finest: its names are those of `subset`.
CREATE TABLE item (
    id       INTEGER PRIMARY KEY,
    dataset  INTEGER NOT NULL REFERENCES dataset (id),
    key      TEXT NOT NULL,
    file     TEXT,
    line     INTEGER,
    subset   TEXT NOT NULL,
    expected TEXT,
    groups   TEXT NOT NULL CHECK (json_valid(groups)),
    UNIQUE (dataset, key)
) STRICT;

-- A picture, once for all items that show it. hash: the file's SHA-256; width and height: in pixels,
-- as it is looked at; thumbnail: a small PNG.
CREATE TABLE picture (
    id         INTEGER PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    media_type TEXT NOT NULL,         -- "image/jpeg"
    width      INTEGER NOT NULL CHECK (width > 0),
    height     INTEGER NOT NULL CHECK (height > 0),
    thumbnail  BLOB NOT NULL
) STRICT;

-- The pictures that an item asks about, by position from 1, as the last run saw them.
CREATE TABLE item_picture (
    item     INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    file     TEXT NOT NULL,
    picture  INTEGER NOT NULL REFERENCES picture (id),
    PRIMARY KEY (item, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_picture_by_picture ON item_picture (picture);

-- A prompt as text, once for all responses to it: the first n_shared_characters of that of `base`,
-- which has no base itself, and the rest. hash: the text's SHA-256.
CREATE TABLE prompt (
    id                  INTEGER PRIMARY KEY,
    hash                TEXT NOT NULL UNIQUE,
    base                INTEGER REFERENCES prompt (id),
    n_shared_characters INTEGER NOT NULL,
    rest                TEXT NOT NULL
) STRICT;

-- What a model answered, raw and complete: grading needs nothing else. Ids grow in storing order.
CREATE TABLE response (
    id              INTEGER PRIMARY KEY,
    job             INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    item            INTEGER NOT NULL REFERENCES item (id),
    content         TEXT NOT NULL CHECK (json_valid(content)),
    n_prompt_tokens INTEGER NOT NULL,
    n_new_tokens    INTEGER NOT NULL,
    duration_ns     INTEGER NOT NULL,
    naive_tokens    INTEGER,          -- of its distinct sequences, each computed whole
    logits_hash     TEXT,             -- SHA-256 over the SHA-256 of each row of float32 logits, by
                                      -- choice and position, or by generated token; '': no logits
    prompt          INTEGER REFERENCES prompt (id), -- NULL: of an older program, or of a text
    tokens_hash     TEXT,             -- SHA-256 of the prompt's token ids, choices included
    origin          INTEGER REFERENCES run (id) ON DELETE SET NULL, -- whose program computed it,
                                      -- where it was taken over from that run; NULL: this one
    UNIQUE (job, item)
) STRICT;

-- The grade of a response.
CREATE TABLE verdict (
    response   INTEGER PRIMARY KEY REFERENCES response (id) ON DELETE CASCADE,
    answered   INTEGER NOT NULL CHECK (answered IN (0, 1)),
    is_correct INTEGER NOT NULL CHECK (is_correct IN (0, 1)),
    score      REAL NOT NULL          -- by the job's metric: a rate, 1 to 10 points, a loss in nats
        CHECK (abs(score) < 9e999),
    predicted  TEXT,
    margin     REAL CHECK (abs(margin) < 9e999),
    others     TEXT CHECK (others IS NULL OR json_valid(others)) -- further rates: {"f1":0.5}
) STRICT;

-- Aggregates. depth 0: the whole (level and name ''); 1: the finest groups; 2 and more: coarser
-- ones. low and high: the 95% interval; error: standard error, clustered by the finest groups.
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

-- A judge's opinion of a response, or one of a pair of games where the prompt's name begins with
-- "pair-". score NULL: none was found in the reply that is on the scale.
CREATE TABLE judge_call (
    id              INTEGER PRIMARY KEY,
    response        INTEGER NOT NULL REFERENCES response (id) ON DELETE CASCADE,
    repetition      INTEGER NOT NULL,
    judge           TEXT NOT NULL,
    prompt_name     TEXT NOT NULL,
    request         TEXT NOT NULL,
    asked           TEXT,             -- SHA-256 of all that was sent and where to; NULL: not known
    reply           TEXT,
    score           REAL
        CHECK (CASE WHEN prompt_name GLOB 'pair-*' THEN score IN (0, 0.5, 1)
                    ELSE score BETWEEN 1 AND 10 END),
    n_prompt_tokens INTEGER,
    n_new_tokens    INTEGER,
    duration_ns     INTEGER,
    reasoning       TEXT,             -- what the judge said to itself before
    UNIQUE (response, judge, prompt_name, repetition)
) STRICT;
CREATE INDEX judge_call_by_judge ON judge_call (judge, prompt_name, repetition, asked);

-- ---- Measurements and circumstances ----

-- One repetition of one measurement.
CREATE TABLE speed_sample (
    id               INTEGER PRIMARY KEY,
    job              INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    test             TEXT NOT NULL,   -- "prefill", "decode", "limit_read", "kernel:gemm q4_0" ...
    prompt_tokens    INTEGER NOT NULL,
    generated_tokens INTEGER NOT NULL,
    batch            INTEGER NOT NULL,
    n_threads        INTEGER NOT NULL,
    isa              TEXT NOT NULL,
    is_warm_up       INTEGER NOT NULL CHECK (is_warm_up IN (0, 1)),
    repetition       INTEGER NOT NULL,
    duration_ns      INTEGER NOT NULL,
    tokens_per_s     REAL,
    gb_per_s         REAL,
    gmac_per_s       REAL,
    percent_of_limit REAL,
    rss_bytes        INTEGER,
    frequency_mhz    REAL,
    foreign_share    REAL,            -- of the machine's processor time, that others had meanwhile
    UNIQUE (job, test, prompt_tokens, generated_tokens, batch, n_threads, isa, is_warm_up,
            repetition)
) STRICT;

-- A counted circumstance of a job: truncated, dropped_shots, join_spanned, tie, double_bos, bos...
CREATE TABLE note (
    job   INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    kind  TEXT NOT NULL,
    count INTEGER NOT NULL,
    text  TEXT NOT NULL,
    PRIMARY KEY (job, kind)
) STRICT, WITHOUT ROWID;

-- ---- Views ----

-- Scores in their unit: percent, points of 1 to 10, nats, or '' for a perplexity. subset: '' the
-- whole suite, 'anatomy' a finest group as in v_items, 'category:STEM' a coarser one with its level.
-- metric: the job's, a micro average, or a further one; with '_macro' the mean over the finest
-- groups. chance: what guessing scores, of rows by the job's own metric alone.
CREATE VIEW v_scores AS
WITH shown AS (
    SELECT *,
           CASE WHEN metric GLOB 'points*' THEN 'points'
                WHEN metric GLOB 'ppl*' THEN ''
                WHEN metric GLOB 'kld*' OR metric = 'ln_ppl_ratio' THEN 'nats'
                ELSE 'percent' END AS unit
    FROM score),
scaled AS (
    SELECT *, CASE unit WHEN 'percent' THEN 100 ELSE 1 END AS factor
    FROM shown)
SELECT job.run AS run,
       model.name_in_config AS model,
       model.n_params AS params,
       model.quantization AS quantization,
       model.n_bytes AS bytes,
       job.suite AS suite,
       CASE WHEN depth < 2 THEN scaled.name ELSE level || ':' || scaled.name END AS subset,
       job.protocol AS protocol,
       job.shots AS shots,
       scaled.metric AS metric,
       factor * score AS score,
       factor * low AS low,
       factor * high AS high,
       n,
       unit,
       factor * error AS error,
       job.id AS job,
       depth,
       CASE scaled.metric WHEN job.metric THEN factor * job.chance END AS chance
FROM scaled
JOIN job ON job.id = scaled.job
JOIN model ON model.id = job.model;

-- Every measured repetition; warm-up is left out.
CREATE VIEW v_speed AS
SELECT job.run AS run,
       model.name_in_config AS model,
       model.n_params AS params,
       model.quantization AS quantization,
       model.n_bytes AS bytes,
       speed_sample.test AS test,
       speed_sample.prompt_tokens AS prompt,
       speed_sample.generated_tokens AS generate,
       speed_sample.batch AS batch,
       speed_sample.n_threads AS threads,
       speed_sample.isa AS isa,
       speed_sample.repetition AS repetition,
       speed_sample.tokens_per_s AS tokens_per_s,
       speed_sample.gb_per_s AS gb_per_s,
       speed_sample.gmac_per_s AS gmac_per_s,
       speed_sample.percent_of_limit AS percent_of_limit
FROM speed_sample
JOIN job ON job.id = speed_sample.job
JOIN model ON model.id = job.model
WHERE NOT speed_sample.is_warm_up;

-- Every graded answer; protocol and shots tell apart what was asked of an item.
CREATE VIEW v_items AS
SELECT job.run AS run,
       model.name_in_config AS model,
       model.quantization AS quantization,
       job.suite AS suite,
       item.subset AS subset,
       item.key AS item,
       verdict.is_correct AS correct,
       verdict.predicted AS predicted,
       item.expected AS expected,
       verdict.margin AS margin,
       job.protocol AS protocol,
       job.shots AS shots,
       verdict.score AS score,
       verdict.others AS others
FROM response
JOIN job ON job.id = response.job
JOIN model ON model.id = job.model
JOIN item ON item.id = response.item
JOIN verdict ON verdict.response = response.id;

-- Every job with what it took.
CREATE VIEW v_jobs AS
SELECT job.run AS run,
       job.id AS job,
       model.name_in_config AS model,
       model.quantization AS quantization,
       job.suite AS suite,
       job.protocol AS protocol,
       job.shots AS shots,
       job.n_items AS items,
       (SELECT count(*) FROM response WHERE response.job = job.id) AS answered,
       job.computed_items AS computed,
       job.naive_tokens AS naive_tokens,
       job.computed_tokens AS computed_tokens,
       job.wall_ns * 1e-9 AS seconds,
       job.computed_items / (nullif(job.wall_ns, 0) * 1e-9) AS items_per_s,
       job.computed_tokens / (nullif(job.wall_ns, 0) * 1e-9) AS tokens_per_s,
       job.logits_hash AS logits_hash
FROM job
JOIN model ON model.id = job.model;

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

-- Two jobs on the same questions (suite and its version, protocol, shots, metric, data) paired item
-- by item, in both orders. n: questions in both, without turns that a judge gave no points, which
-- is stored as 0. delta: b minus a, in percent, or in points; where the metric is 'ppl', the
-- difference of the losses in nats times 100: about the percent that the perplexities differ by.
CREATE VIEW v_compare AS
SELECT a.suite AS suite,
       a.protocol AS protocol,
       a.shots AS shots,
       a.metric AS metric,
       a.run AS run_a,
       model_a.name_in_config AS model_a,
       model_a.quantization AS quantization_a,
       b.run AS run_b,
       model_b.name_in_config AS model_b,
       model_b.quantization AS quantization_b,
       count(*) AS n,
       sum(verdict_a.is_correct AND verdict_b.is_correct) AS both_right,
       sum(verdict_a.is_correct AND NOT verdict_b.is_correct) AS only_a,
       sum(verdict_b.is_correct AND NOT verdict_a.is_correct) AS only_b,
       CASE a.metric WHEN 'points' THEN 1 ELSE 100 END
           * avg(verdict_b.score - verdict_a.score) AS delta
FROM job a
JOIN job b ON b.suite = a.suite AND b.protocol = a.protocol AND b.shots = a.shots
          AND b.suite_version = a.suite_version AND b.metric = a.metric AND b.id <> a.id
JOIN dataset dataset_a ON dataset_a.id = a.dataset
JOIN dataset dataset_b ON dataset_b.id = b.dataset AND dataset_b.hash = dataset_a.hash
JOIN model model_a ON model_a.id = a.model
JOIN model model_b ON model_b.id = b.model
JOIN response response_a ON response_a.job = a.id
JOIN item item_a ON item_a.id = response_a.item
JOIN item item_b ON item_b.dataset = b.dataset AND item_b.key = item_a.key
JOIN response response_b ON response_b.job = b.id AND response_b.item = item_b.id
JOIN verdict verdict_a ON verdict_a.response = response_a.id
JOIN verdict verdict_b ON verdict_b.response = response_b.id
WHERE NOT (a.metric = 'points' AND (verdict_a.score = 0 OR verdict_b.score = 0))
-- The shown columns too: then a condition on them picks the pairs before they are joined.
GROUP BY a.id, b.id, a.suite, a.protocol, a.shots, a.metric, a.run, model_a.name_in_config,
         model_a.quantization, b.run, model_b.name_in_config, model_b.quantization;

-- Every prompt, whole.
CREATE VIEW v_prompts AS
SELECT prompt.id AS prompt,
       prompt.hash AS hash,
       coalesce(substr(base.rest, 1, prompt.n_shared_characters), '') || prompt.rest AS text
FROM prompt
LEFT JOIN prompt AS base ON base.id = prompt.base;

-- Every picture of every item.
CREATE VIEW v_pictures AS
SELECT dataset.suite AS suite,
       dataset.hash AS data,
       item.key AS item,
       item_picture.position AS position,
       item_picture.file AS file,
       picture.hash AS hash,
       picture.media_type AS media_type,
       picture.width AS width,
       picture.height AS height,
       picture.thumbnail AS thumbnail
FROM item_picture
JOIN picture ON picture.id = item_picture.picture
JOIN item ON item.id = item_picture.item
JOIN dataset ON dataset.id = item.dataset;
