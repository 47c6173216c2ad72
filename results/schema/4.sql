-- Version 4. Metrics that are no rates: perplexities (ppl, ppl_reference), divergences in nats (kld
-- and its quantiles) and logarithms of ratios. v_scores says the unit, the job and the standard
-- error. Where the job's metric is ppl a verdict's score is a chunk's mean loss in nats, and
-- v_compare's delta its difference times 100: about the percent that the perplexities differ by.
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
       depth
FROM scaled
JOIN job ON job.id = scaled.job
JOIN model ON model.id = job.model;
