/* schema.c - migrations: from an empty file, or an older program's, to the version this one knows.
 *
 * A database is ours if its application_id says so. user_version counts the steps that were taken.
 * Everything that decides is read before anything is written, and read again under the write lock,
 * since another process may be making the same file at the same moment.
 */
#include "results/store_internal.h"

/* Version 2. A response knows the logits that it was judged from: logits_hash is SHA-256 over the
 * SHA-256 of each row of float32 logits, by choice and position, or by generated token; '' where
 * nothing was computed. naive_tokens: tokens of the item's distinct sequences, each computed whole;
 * it meant something else before. A job's hash goes over its items in their order. wall_ns and
 * computed_*: what one process did for the job, without loading. */
static const char ADD_LOGITS_HASH[] =
    "ALTER TABLE response ADD COLUMN naive_tokens INTEGER;"
    "ALTER TABLE response ADD COLUMN logits_hash TEXT;"
    "ALTER TABLE job ADD COLUMN computed_items INTEGER;"
    "ALTER TABLE job ADD COLUMN wall_ns INTEGER;"
    "ALTER TABLE job ADD COLUMN logits_hash TEXT;"
    "UPDATE job SET naive_tokens = NULL;"
    "CREATE VIEW v_jobs AS "
    "SELECT job.run AS run, job.id AS job, model.name_in_config AS model, "
    "model.quantization AS quantization, job.suite AS suite, job.protocol AS protocol, "
    "job.shots AS shots, job.n_items AS items, "
    "(SELECT count(*) FROM response WHERE response.job = job.id) AS answered, "
    "job.computed_items AS computed, job.naive_tokens AS naive_tokens, "
    "job.computed_tokens AS computed_tokens, job.wall_ns * 1e-9 AS seconds, "
    "job.computed_items / (nullif(job.wall_ns, 0) * 1e-9) AS items_per_s, "
    "job.computed_tokens / (nullif(job.wall_ns, 0) * 1e-9) AS tokens_per_s, "
    "job.logits_hash AS logits_hash "
    "FROM job JOIN model ON model.id = job.model";

/* Version 3. A verdict has further metrics beside its score: {"f1":0.5}, each a rate of 0..1 with
 * rows of `score` of its own; NULL: none. Items are told apart by what was asked of them too. */
static const char ADD_OTHER_METRICS[] =
    "ALTER TABLE verdict ADD COLUMN others TEXT CHECK (others IS NULL OR json_valid(others));"
    "DROP VIEW v_items;"
    "CREATE VIEW v_items AS "
    "SELECT job.run AS run, model.name_in_config AS model, model.quantization AS quantization, "
    "job.suite AS suite, item.subset AS subset, item.key AS item, verdict.is_correct AS correct, "
    "verdict.predicted AS predicted, item.expected AS expected, verdict.margin AS margin, "
    "job.protocol AS protocol, job.shots AS shots, verdict.score AS score, "
    "verdict.others AS others "
    "FROM response JOIN job ON job.id = response.job JOIN model ON model.id = job.model "
    "JOIN item ON item.id = response.item JOIN verdict ON verdict.response = response.id";

/* Version 4. Metrics that are no rates: perplexities (ppl, ppl_reference), divergences in nats (kld
 * and its quantiles) and logarithms of ratios. v_scores says the unit, the job and the standard
 * error. Where the job's metric is ppl a verdict's score is a chunk's mean loss in nats, and
 * v_compare's delta its difference times 100: about the percent that the perplexities differ by. */
static const char ADD_UNITS[] =
    "DROP VIEW v_scores;"
    "CREATE VIEW v_scores AS WITH shown AS (SELECT *, CASE WHEN metric GLOB 'points*' THEN "
    "'points' WHEN metric GLOB 'ppl*' THEN '' WHEN metric GLOB 'kld*' OR metric = 'ln_ppl_ratio' "
    "THEN 'nats' ELSE 'percent' END AS unit FROM score), "
    "scaled AS (SELECT *, CASE unit WHEN 'percent' THEN 100 ELSE 1 END AS factor FROM shown) "
    "SELECT job.run AS run, model.name_in_config AS model, model.n_params AS params, "
    "model.quantization AS quantization, model.n_bytes AS bytes, job.suite AS suite, "
    "CASE WHEN depth < 2 THEN scaled.name ELSE level || ':' || scaled.name END AS subset, "
    "job.protocol AS protocol, job.shots AS shots, scaled.metric AS metric, "
    "factor * score AS score, factor * low AS low, factor * high AS high, n, unit, "
    "factor * error AS error, job.id AS job, depth "
    "FROM scaled JOIN job ON job.id = scaled.job JOIN model ON model.id = job.model";

/* Version 5. A model's name in published numbers. */
static const char ADD_PUBLISHED[] = "ALTER TABLE model ADD COLUMN published TEXT";

/* Version 6. A judge may be asked several times about a response; a NULL score is a judgment in
 * which none was found. No program has written to the table before. */
static const char REPEAT_JUDGMENTS[] =
    "DROP TABLE judge_call;"
    "CREATE TABLE judge_call (id INTEGER PRIMARY KEY, "
    "response INTEGER NOT NULL REFERENCES response (id) ON DELETE CASCADE, "
    "repetition INTEGER NOT NULL, judge TEXT NOT NULL, prompt_name TEXT NOT NULL, "
    "request TEXT NOT NULL, reply TEXT, score REAL, n_prompt_tokens INTEGER, "
    "n_new_tokens INTEGER, duration_ns INTEGER, "
    "UNIQUE (response, judge, prompt_name, repetition)) STRICT;"
    "CREATE INDEX judge_call_by_judge ON judge_call (judge, prompt_name, repetition);"
    "CREATE VIEW v_judgments AS "
    "SELECT job.run AS run, model.name_in_config AS model, model.quantization AS quantization, "
    "item.subset AS subset, item.key AS item, judge_call.judge AS judge, "
    "judge_call.prompt_name AS prompt_name, judge_call.repetition AS repetition, "
    "judge_call.score AS score, judge_call.reply AS reply FROM judge_call "
    "JOIN response ON response.id = judge_call.response JOIN job ON job.id = response.job "
    "JOIN model ON model.id = job.model JOIN item ON item.id = response.item";

/* Version 7. Turns that a judge gave no points, which is stored as 0, are in no pair. */
static const char COMPARE_JUDGED_ONLY[] =
    "DROP VIEW v_compare;"
    "CREATE VIEW v_compare AS SELECT a.suite AS suite, a.protocol AS protocol, a.shots AS shots, "
    "a.metric AS metric, a.run AS run_a, model_a.name_in_config AS model_a, "
    "model_a.quantization AS quantization_a, b.run AS run_b, model_b.name_in_config AS model_b, "
    "model_b.quantization AS quantization_b, count(*) AS n, "
    "sum(verdict_a.is_correct AND verdict_b.is_correct) AS both_right, "
    "sum(verdict_a.is_correct AND NOT verdict_b.is_correct) AS only_a, "
    "sum(verdict_b.is_correct AND NOT verdict_a.is_correct) AS only_b, "
    "CASE a.metric WHEN 'points' THEN 1 ELSE 100 END * avg(verdict_b.score - verdict_a.score) "
    "AS delta FROM job a "
    "JOIN job b ON b.suite = a.suite AND b.protocol = a.protocol AND b.shots = a.shots "
    "AND b.suite_version = a.suite_version AND b.metric = a.metric AND b.id <> a.id "
    "JOIN dataset dataset_a ON dataset_a.id = a.dataset "
    "JOIN dataset dataset_b ON dataset_b.id = b.dataset AND dataset_b.hash = dataset_a.hash "
    "JOIN model model_a ON model_a.id = a.model JOIN model model_b ON model_b.id = b.model "
    "JOIN response response_a ON response_a.job = a.id "
    "JOIN item item_a ON item_a.id = response_a.item "
    "JOIN item item_b ON item_b.dataset = b.dataset AND item_b.key = item_a.key "
    "JOIN response response_b ON response_b.job = b.id AND response_b.item = item_b.id "
    "JOIN verdict verdict_a ON verdict_a.response = response_a.id "
    "JOIN verdict verdict_b ON verdict_b.response = response_b.id "
    "WHERE NOT (a.metric = 'points' AND (verdict_a.score = 0 OR verdict_b.score = 0)) "
    "GROUP BY a.id, b.id, a.suite, a.protocol, a.shots, a.metric, a.run, model_a.name_in_config, "
    "model_a.quantization, b.run, model_b.name_in_config, model_b.quantization";

static const char *const STEPS[] = {SCHEMA_SQL,    ADD_LOGITS_HASH,  ADD_OTHER_METRICS,  ADD_UNITS,
                                    ADD_PUBLISHED, REPEAT_JUDGMENTS, COMPARE_JUDGED_ONLY};

const struct schema *schema_current(void)
{
    static const struct schema current = {STEPS, sizeof STEPS / sizeof *STEPS};
    return &current;
}

static bool run_sql(sqlite3 *db, const char *path, const char *sql, struct err *err)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fail_code(db, code, path, err);
}

static bool read_integer(sqlite3 *db, const char *path, const char *sql, int64_t *value,
                         struct err *err)
{
    sqlite3_stmt *handle = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &handle, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(handle);
    if (code == SQLITE_ROW) *value = sqlite3_column_int64(handle, 0);
    bool done = code == SQLITE_ROW || store_fail_code(db, code, path, err);
    sqlite3_finalize(handle);
    return done;
}

/* The version of a file that is ours; -1 for an empty one. */
static bool read_version(sqlite3 *db, const char *path, const struct schema *schema,
                         bool may_create, int64_t *version, struct err *err)
{
    int64_t application, n_objects;
    if (!read_integer(db, path, "PRAGMA application_id", &application, err) ||
        !read_integer(db, path, "PRAGMA user_version", version, err) ||
        !read_integer(db, path, "SELECT count(*) FROM sqlite_schema", &n_objects, err))
        return false;
    if (application == 0 && *version == 0 && n_objects == 0) {
        *version = -1;
        return may_create ||
               err_set_at(err, ERR_INPUT, path, 0, 0, "this is no phibench database: it is empty");
    }
    if (application != SCHEMA_APPLICATION_ID)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "this is a database of another program, not of phibench");
    if (*version < 1 || *version > schema->n_steps)
        return err_set_at(err, ERR_INPUT, path, 0, 0,
                          "this database has version %lld, and this phibench knows 1 to %d: it "
                          "takes a newer phibench",
                          (long long)*version, schema->n_steps);
    return true;
}

static bool take_steps(sqlite3 *db, const char *path, const struct schema *schema, int64_t version,
                       struct err *err)
{
    for (int64_t step = version < 0 ? 0 : version; step < schema->n_steps; step++)
        if (!run_sql(db, path, schema->steps[step], err))
            return err_context(err, "bringing the database to version %lld", (long long)step + 1);
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, schema->n_steps);
    return run_sql(db, path, marks, err);
}

bool schema_migrate(sqlite3 *db, const char *path, const struct schema *schema, bool may_create,
                    struct err *err)
{
    int64_t version;
    if (!read_version(db, path, schema, may_create, &version, err)) return false;
    if (version == schema->n_steps) return true;
    if (!run_sql(db, path, "BEGIN IMMEDIATE", err)) return false;
    if (read_version(db, path, schema, may_create, &version, err) &&
        take_steps(db, path, schema, version, err) && run_sql(db, path, "COMMIT", err))
        return true;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
