-- Version 2. A response knows the logits that it was judged from: logits_hash is SHA-256 over the
-- SHA-256 of each row of float32 logits, by choice and position, or by generated token; '' where
-- nothing was computed. naive_tokens: tokens of the item's distinct sequences, each computed whole;
-- it meant something else before. A job's hash goes over its items in their order. wall_ns and
-- computed_*: what one process did for the job, without loading.
ALTER TABLE response ADD COLUMN naive_tokens INTEGER;
ALTER TABLE response ADD COLUMN logits_hash TEXT;
ALTER TABLE job ADD COLUMN computed_items INTEGER;
ALTER TABLE job ADD COLUMN wall_ns INTEGER;
ALTER TABLE job ADD COLUMN logits_hash TEXT;
UPDATE job SET naive_tokens = NULL;

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
