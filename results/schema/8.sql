-- Version 8. A job says what it is. kind: 'questions' were asked and graded; of a 'text' the tokens
-- were scored, and the job's own metric is the perplexity; 'throughput' of a model and 'kernels' by
-- themselves were timed. chance: what guessing scores by the job's metric, 0..1. whole_items: how
-- many items the test has that published numbers are of, where the job may hold fewer. NULL: there
-- is no such number. Jobs of older programs get what reports took for granted of their suites.
ALTER TABLE job ADD COLUMN kind TEXT NOT NULL DEFAULT 'questions'
    CHECK (kind IN ('questions', 'text', 'throughput', 'kernels'));
ALTER TABLE job ADD COLUMN chance REAL;
ALTER TABLE job ADD COLUMN whole_items INTEGER;
UPDATE job SET kind = CASE suite WHEN 'perplexity' THEN 'text' ELSE suite END
WHERE suite IN ('perplexity', 'throughput', 'kernels');
UPDATE job SET chance = 0.25, whole_items = 14042 WHERE suite = 'mmlu';

-- chance: of rows by the job's own metric alone, over all of its questions.
DROP VIEW v_scores;
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
