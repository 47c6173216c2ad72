-- Version 7. Turns that a judge gave no points, which is stored as 0, are in no pair.
DROP VIEW v_compare;
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
GROUP BY a.id, b.id, a.suite, a.protocol, a.shots, a.metric, a.run, model_a.name_in_config,
         model_a.quantization, b.run, model_b.name_in_config, model_b.quantization;
