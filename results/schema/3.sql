-- Version 3. A verdict has further metrics beside its score: {"f1":0.5}, each a rate of 0..1 with
-- rows of `score` of its own; NULL: none. Items are told apart by what was asked of them too.
ALTER TABLE verdict ADD COLUMN others TEXT CHECK (others IS NULL OR json_valid(others));

DROP VIEW v_items;
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
