/* runs.c - see runs.h.
 *
 * Columns of rows that are shown as they are have the names and the rounding that users know from
 * `runs`, `show`, `export` and the report.
 */
#include "results/runs.h"

#include "results/store_internal.h"

#include <math.h>

/* The text in the first row's first column, "" if there is none; closes the query. */
static const char *text_of(struct query *query, struct arena *arena, struct err *err)
{
    int more = query_next(query, err);
    const char *text = more < 0 ? NULL : arena_string(arena, more ? query_text(query, 0) : "", err);
    query_close(query);
    return text;
}

/* ---- Runs ---- */

bool runs_newest(struct store *store, bool prefers_done, int64_t *run, struct err *err)
{
    static const char NEWEST_RUN[] =
        "SELECT id FROM run ORDER BY (status = 'done') AND ?1 DESC, id DESC LIMIT 1";
    return query_integer_of(query_begin_of(store, NEWEST_RUN, prefers_done, err), 0, run, err);
}

bool runs_has(struct store *store, int64_t run, bool *has, struct err *err)
{
    static const char HAS_RUN[] = "SELECT count(*) FROM run WHERE id = ?1";
    int64_t n;
    bool is_read = query_integer_of(query_begin_of(store, HAS_RUN, run, err), 0, &n, err);
    *has = is_read && n > 0;
    return is_read;
}

bool runs_configuration(struct store *store, int64_t run, struct arena *arena, const char **name,
                        const char **text, struct err *err)
{
    static const char CONFIGURATION[] = "SELECT name, config_text FROM run WHERE id = ?1";
    struct query *query = query_begin_of(store, CONFIGURATION, run, err);
    int more = query_next(query, err);
    if (more == 0)
        err_set_at(err, ERR_INPUT, store->path, 0, 0, "there is no run %lld", (long long)run);
    *name = more > 0 ? arena_string(arena, query_text(query, 0), err) : NULL;
    *text = *name ? arena_string(arena, query_text(query, 1), err) : NULL;
    query_close(query);
    return *text != NULL;
}

const char *runs_cpu_model(struct store *store, int64_t run, struct arena *arena, struct err *err)
{
    static const char CPU_MODEL[] =
        "SELECT cpu_model FROM run JOIN machine ON machine.id = run.machine WHERE run.id = ?1";
    return text_of(query_begin_of(store, CPU_MODEL, run, err), arena, err);
}

struct query *runs_list(struct store *store, struct err *err)
{
    static const char RUNS[] =
        "SELECT run.id AS run, "
        "strftime('%Y-%m-%dT%H:%M:%SZ', run.started_unix_ms / 1000, 'unixepoch') AS started, "
        "run.name AS name, run.status AS status, count(job.id) AS jobs, "
        "coalesce(sum(job.is_finished), 0) AS finished, "
        "(SELECT group_concat(DISTINCT m.name_in_config) FROM job j JOIN model m "
        "ON m.id = j.model WHERE j.run = run.id) AS models, "
        "substr(build.git_revision, 1, 10) AS revision "
        "FROM run JOIN build ON build.id = run.build LEFT JOIN job ON job.run = run.id "
        "GROUP BY run.id ORDER BY run.id";
    return query_begin(store, RUNS, err);
}

#define FROM_RUN                                                                                   \
    "FROM run JOIN build ON build.id = run.build JOIN machine ON machine.id = run.machine "        \
    "WHERE run.id = ?1"

struct query *runs_describe(struct store *store, int64_t run, struct err *err)
{
    static const char DESCRIPTION[] =
        "SELECT run.id AS run, run.name AS name, run.status AS status, "
        "run.command_line AS command, "
        "strftime('%Y-%m-%dT%H:%M:%SZ', run.started_unix_ms / 1000, 'unixepoch') AS started, "
        "strftime('%Y-%m-%dT%H:%M:%SZ', run.finished_unix_ms / 1000, 'unixepoch') AS finished, "
        "run.isa AS isa, run.n_threads AS threads, run.config_path AS config, "
        "run.config_hash AS config_hash, build.version || ' ' || build.git_revision || "
        "CASE build.git_dirty WHEN 1 THEN ' (modified)' ELSE '' END AS build, "
        "build.numerics_version AS numerics, build.compiler AS compiler, build.flags AS flags, "
        "machine.cpu_model AS cpu, machine.features AS features, machine.n_cores AS cores, "
        "machine.n_threads_available AS threads_available, "
        "round(machine.memory_bytes / 1073741824.0, 1) AS memory_gib, machine.kernel AS kernel, "
        "machine.os AS os, machine.governor AS governor, machine.huge_pages AS huge_pages, "
        "round(run.frequency_mhz_before) AS mhz_before, "
        "round(run.frequency_mhz_after) AS mhz_after, "
        "run.temperature_c_before AS celsius_before, run.temperature_c_after AS celsius_after, "
        "run.load_1min_before AS load_before, run.load_1min_after AS load_after " FROM_RUN;
    return query_begin_of(store, DESCRIPTION, run, err);
}

struct query *runs_describe_in_words(struct store *store, int64_t run, struct err *err)
{
    static const char DESCRIPTION[] =
        "SELECT run.name AS \"name\", run.status AS \"status\", "
        "strftime('%Y-%m-%d %H:%M:%S UTC', run.started_unix_ms / 1000, 'unixepoch') "
        "AS \"started\", "
        "strftime('%Y-%m-%d %H:%M:%S UTC', run.finished_unix_ms / 1000, 'unixepoch') "
        "AS \"finished\", "
        "run.command_line AS \"command\", "
        "substr(run.config_hash, 1, 16) AS \"configuration hash\", "
        "'phibench ' || build.version || ', ' || build.git_revision || "
        "CASE build.git_dirty WHEN 1 THEN ', modified' ELSE '' END AS \"build\", "
        "build.compiler AS \"compiler\", build.numerics_version AS \"numerics version\", "
        "run.isa AS \"instruction set\", run.n_threads AS \"threads\", "
        "machine.cpu_model AS \"CPU\", machine.n_cores AS \"cores\", "
        "round(machine.memory_bytes / 1073741824.0, 1) || ' GiB' AS \"memory\", "
        "machine.os AS \"system\", machine.kernel AS \"kernel\", "
        "machine.governor AS \"governor\", machine.huge_pages AS \"huge pages\", "
        "round(run.frequency_mhz_before) || ' / ' || round(run.frequency_mhz_after) "
        "AS \"MHz before / after\", "
        "run.temperature_c_before || ' / ' || run.temperature_c_after "
        "AS \"°C before / after\", "
        "run.load_1min_before || ' / ' || run.load_1min_after "
        "AS \"load before / after\" " FROM_RUN;
    return query_begin_of(store, DESCRIPTION, run, err);
}

/* Columns `before` and `kind`, between them whose note it is. */
#define NOTES(before, kind)                                                                        \
    "SELECT " before "model.name_in_config AS model, model.quantization AS quantization, "         \
    "job.suite AS suite, job.protocol AS protocol, " kind ", note.count AS count, "                \
    "note.text AS text FROM note JOIN job ON job.id = note.job "                                   \
    "JOIN model ON model.id = job.model WHERE job.run = ?1 ORDER BY job.id, note.kind"

struct query *runs_notes(struct store *store, int64_t run, struct err *err)
{
    static const char SHOWN_NOTES[] = NOTES("", "note.kind AS note");
    return query_begin_of(store, SHOWN_NOTES, run, err);
}

struct query *runs_exported_notes(struct store *store, int64_t run, struct err *err)
{
    static const char EXPORTED_NOTES[] = NOTES("job.run AS run, ", "note.kind AS kind");
    return query_begin_of(store, EXPORTED_NOTES, run, err);
}

struct query *runs_exported_responses(struct store *store, int64_t run, struct err *err)
{
    static const char RESPONSES[] =
        "SELECT job.run AS run, model.name_in_config AS model, "
        "model.quantization AS quantization, job.suite AS suite, job.protocol AS protocol, "
        "item.key AS item, response.content AS response_json, "
        "response.n_prompt_tokens AS prompt_tokens, response.n_new_tokens AS new_tokens, "
        "response.logits_hash AS logits_hash, " PROMPT_TEXT " AS prompt, "
        "response.tokens_hash AS tokens_hash FROM response JOIN job ON job.id = response.job "
        "JOIN model ON model.id = job.model JOIN item ON item.id = response.item " JOIN_PROMPT
        " WHERE job.run = ?1 ORDER BY response.id";
    return query_begin_of(store, RESPONSES, run, err);
}

struct query *runs_conditions(struct store *store, int64_t run, struct err *err)
{
    static const char CONDITIONS[] =
        "SELECT model.name_in_config, model.quantization, job.suite, job.protocol, job.shots, "
        "job.n_items, job.bos, job.context_tokens, json_extract(job.parameters, '$.kv'), "
        "substr(model.hash, 1, 12), substr(dataset.hash, 1, 12), "
        "substr(job.logits_hash, 1, 12), round(job.wall_ns * 1e-9, 1), model.is_synthetic "
        "FROM job JOIN model ON model.id = job.model JOIN dataset ON dataset.id = job.dataset "
        "WHERE job.run = ?1 ORDER BY job.id";
    return query_begin_of(store, CONDITIONS, run, err);
}

/* ---- Jobs ---- */

struct query *runs_jobs(struct store *store, int64_t run, struct err *err)
{
    static const char JOBS[] =
        "SELECT id, suite, protocol, fingerprint, json_extract(parameters, '$.task'), "
        "protocol GLOB 'judge *' FROM job WHERE run = ?1 ORDER BY id";
    return query_begin_of(store, JOBS, run, err);
}

struct job_row runs_job(const struct query *query)
{
    return (struct job_row){.id = query_integer(query, 0),
                            .suite = query_text(query, 1),
                            .protocol = query_text(query, 2),
                            .fingerprint = query_text(query, 3),
                            .task = query_text(query, 4),
                            .is_judged = query_integer(query, 5) != 0};
}

bool runs_find_job(struct store *store, int64_t run, const char *fingerprint, int64_t *job,
                   struct err *err)
{
    static const char FIND_JOB[] = "SELECT id FROM job WHERE run = ?1 AND fingerprint = ?2";
    struct query *find = query_begin_of(store, FIND_JOB, run, err);
    query_add_text(find, fingerprint);
    return query_integer_of(find, 0, job, err);
}

bool runs_job_is_finished(struct store *store, int64_t job, bool *is_finished, struct err *err)
{
    static const char IS_FINISHED[] = "SELECT is_finished FROM job WHERE id = ?1";
    struct query *query = query_begin_of(store, IS_FINISHED, job, err);
    int64_t finished;
    bool is_read = query_integer_of(query, 0, &finished, err);
    *is_finished = is_read && finished;
    return is_read;
}

const char *runs_job_baseline(struct store *store, int64_t job, struct arena *arena,
                              struct err *err)
{
    static const char BASELINE[] =
        "SELECT json_extract(parameters, '$.baseline') FROM job WHERE id = ?1";
    struct query *query = query_begin_of(store, BASELINE, job, err);
    return text_of(query, arena, err);
}

/* ---- Rates ---- */

/* Reads seconds and run of the first row, if there is one, and closes the query. */
static bool read_rate(struct query *query, struct measured_rate *rate, struct err *err)
{
    int more = query_next(query, err);
    *rate = (struct measured_rate){0};
    if (more > 0 && query_number(query, 0) > 0)
        *rate = (struct measured_rate){query_number(query, 0), query_integer(query, 1)};
    query_close(query);
    return more >= 0;
}

bool runs_time_of_item(struct store *store, const char *model_hash, const char *suite,
                       const char *protocol, int shots, struct measured_rate *rate, struct err *err)
{
    static const char TIME_OF_ITEM[] =
        "SELECT job.wall_ns * 1e-9 / job.computed_items, job.run FROM job "
        "JOIN model ON model.id = job.model WHERE model.hash = ?1 AND job.suite = ?2 "
        "AND job.protocol = ?3 AND job.shots = ?4 AND job.computed_items > 0 "
        "AND job.wall_ns > 0 ORDER BY job.id DESC LIMIT 1";
    struct query *query = query_begin(store, TIME_OF_ITEM, err);
    query_add_text(query, model_hash);
    query_add_text(query, suite);
    query_add_text(query, protocol);
    query_add_integer(query, shots);
    return read_rate(query, rate, err);
}

bool runs_time_of_token(struct store *store, const char *model_hash, struct measured_rate *rate,
                        struct err *err)
{
    static const char IN_A_JOB[] =
        "SELECT job.wall_ns * 1e-9 / job.computed_tokens, job.run FROM job "
        "JOIN model ON model.id = job.model WHERE model.hash = ?1 AND job.computed_tokens > 0 "
        "AND job.wall_ns > 0 AND job.suite IN ('mmlu', 'perplexity') "
        "ORDER BY job.id DESC LIMIT 1";
    static const char OF_PREFILL[] =
        "SELECT 1 / avg(speed_sample.tokens_per_s), job.run FROM speed_sample "
        "JOIN job ON job.id = speed_sample.job JOIN model ON model.id = job.model "
        "WHERE model.hash = ?1 AND speed_sample.test = 'prefill' "
        "AND NOT speed_sample.is_warm_up AND speed_sample.tokens_per_s > 0 "
        "GROUP BY job.id ORDER BY job.id DESC LIMIT 1";
    struct query *query = query_begin(store, IN_A_JOB, err);
    query_add_text(query, model_hash);
    if (!read_rate(query, rate, err)) return false;
    if (rate->seconds > 0) return true;
    query = query_begin(store, OF_PREFILL, err);
    query_add_text(query, model_hash);
    return read_rate(query, rate, err);
}

/* ---- Scores ---- */

bool runs_last_score(struct store *store, const char *model_hash, const char *suite,
                     const char *protocol, int shots, struct known_score *known, struct err *err)
{
    static const char LAST_SCORE[] =
        "SELECT score.score, score.error, coalesce(job.precision_items, job.n_items), job.run "
        "FROM job JOIN model ON model.id = job.model JOIN score ON score.job = job.id "
        "AND score.depth = 0 AND score.metric = job.metric WHERE model.hash = ?1 "
        "AND job.suite = ?2 AND job.protocol = ?3 AND job.shots = ?4 AND job.is_finished "
        "ORDER BY job.id DESC LIMIT 1";
    struct query *query = query_begin(store, LAST_SCORE, err);
    query_add_text(query, model_hash);
    query_add_text(query, suite);
    query_add_text(query, protocol);
    query_add_integer(query, shots);
    int more = query_next(query, err);
    *known = (struct known_score){.error = NAN};
    if (more > 0)
        *known = (struct known_score){query_number(query, 0),
                                      query_is_null(query, 1) ? NAN : query_number(query, 1),
                                      query_integer(query, 2), query_integer(query, 3)};
    query_close(query);
    return more >= 0;
}
