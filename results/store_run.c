/* store_run.c - writing what a run is: build, machine, run, models, data sets, jobs, speeds, notes.
 *
 * Equal records share a row: one statement inserts unless an equal row is there, a second one with
 * the same parameters finds it. NULL and 0 stand for "not known" where store.h says so.
 */
#include "results/store_internal.h"

typedef void bind_fn(struct query *query, const void *record);

/* Runs both statements with the record's parameters; *id is the row that equals the record. */
static bool put_shared(struct store *store, const char *insert, const char *find, bind_fn *bind,
                       const void *record, int64_t *id, struct err *err)
{
    struct query *inserting = query_begin(store, insert, err);
    bind(inserting, record);
    if (!query_run(inserting, err)) return false;
    struct query *finding = query_begin(store, find, err);
    bind(finding, record);
    return query_integer_of(finding, 0, id, err);
}

/* Runs an UPDATE of the row `id` of a table, which must be there. */
static bool run_update(struct store *store, struct query *update, const char *table, int64_t id,
                       struct err *err)
{
    if (!query_run(update, err)) return false;
    return sqlite3_changes(store->db) > 0 ||
           err_set_at(err, ERR_INPUT, store->path, 0, 0, "there is no %s %lld", table,
                      (long long)id);
}

/* ---- Build and machine ---- */

#define BUILD_COLUMNS                                                                              \
    "(version, git_revision, git_dirty, compiler, flags, numerics_version, binary_id)"
#define BUILD_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7"
static const char FIND_BUILD[] =
    "SELECT id FROM build WHERE " BUILD_COLUMNS " IS (" BUILD_VALUES ")";
static const char INSERT_BUILD[] =
    "INSERT INTO build " BUILD_COLUMNS " SELECT " BUILD_VALUES
    " WHERE NOT EXISTS (SELECT 1 FROM build WHERE " BUILD_COLUMNS " IS (" BUILD_VALUES "))";

static void bind_build(struct query *query, const void *record)
{
    const struct build_record *build = record;
    query_add_text(query, build->version);
    query_add_text(query, build->git_revision);
    query_add_integer(query, build->git_dirty);
    query_add_text(query, build->compiler);
    query_add_text(query, build->flags);
    query_add_integer(query, build->numerics_version);
    query_add_text(query, *build->id ? build->id : NULL);
}

#define MACHINE_COLUMNS                                                                            \
    "(cpu_model, features, kernel, os, governor, huge_pages, hostname_hash, n_cores, "             \
    "n_threads_available, memory_bytes)"
#define MACHINE_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10"
static const char FIND_MACHINE[] =
    "SELECT id FROM machine WHERE " MACHINE_COLUMNS " IS (" MACHINE_VALUES ")";
static const char INSERT_MACHINE[] =
    "INSERT INTO machine " MACHINE_COLUMNS " SELECT " MACHINE_VALUES
    " WHERE NOT EXISTS (SELECT 1 FROM machine WHERE " MACHINE_COLUMNS " IS (" MACHINE_VALUES "))";

static void bind_machine(struct query *query, const void *record)
{
    const struct machine_record *machine = record;
    query_add_text(query, machine->cpu_model);
    query_add_text(query, machine->features);
    query_add_text(query, machine->kernel);
    query_add_text(query, machine->os);
    query_add_text(query, machine->governor);
    query_add_text(query, machine->huge_pages);
    query_add_text(query, machine->hostname_hash);
    query_add_known_integer(query, machine->n_cores);
    query_add_known_integer(query, machine->n_threads_available);
    query_add_known_integer(query, (int64_t)machine->memory_bytes);
}

/* ---- Runs ---- */

static const char *status_name(enum run_status status)
{
    static const char *const names[] = {"running", "done", "interrupted", "failed"};
    return names[status];
}

static bool insert_run(struct store *store, const struct run_record *run, int64_t build,
                       int64_t machine, struct err *err)
{
    static const char INSERT_RUN[] =
        "INSERT INTO run (name, status, build, machine, command_line, config_path, config_text, "
        "config_hash, isa, n_threads, started_unix_ms, frequency_mhz_before, "
        "temperature_c_before, load_1min_before) "
        "VALUES (?1, 'running', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    struct query *insert = query_begin(store, INSERT_RUN, err);
    query_add_text(insert, run->name);
    query_add_integer(insert, build);
    query_add_integer(insert, machine);
    query_add_text(insert, run->command_line);
    query_add_text(insert, run->config_path);
    query_add_text(insert, run->config_text);
    query_add_text(insert, run->config_hash);
    query_add_text(insert, run->isa);
    query_add_integer(insert, run->n_threads);
    query_add_integer(insert, run->started_unix_ms);
    query_add_known_number(insert, run->machine.frequency_mhz);
    query_add_known_number(insert, run->machine.temperature_c);
    query_add_known_number(insert, run->machine.load_1min);
    return query_run(insert, err);
}

bool store_begin_run(struct store *store, const struct run_record *run, int64_t *id,
                     struct err *err)
{
    int64_t build, machine;
    if (!put_shared(store, INSERT_BUILD, FIND_BUILD, bind_build, &run->build, &build, err) ||
        !put_shared(store, INSERT_MACHINE, FIND_MACHINE, bind_machine, &run->machine, &machine,
                    err) ||
        !insert_run(store, run, build, machine, err))
        return false;
    *id = sqlite3_last_insert_rowid(store->db);
    return true;
}

bool store_find_unfinished_run(struct store *store, const struct run_record *run, int64_t *id,
                               struct err *err)
{
    static const char FIND_RUN[] =
        "SELECT run.id FROM run JOIN build ON build.id = run.build "
        "JOIN machine ON machine.id = run.machine "
        "WHERE " BUILD_COLUMNS " IS (" BUILD_VALUES ") AND run.status <> 'done' "
        "AND run.config_hash = ?8 AND run.isa IS ?9 AND machine.cpu_model IS ?10 "
        "ORDER BY run.id DESC LIMIT 1";
    struct query *find = query_begin(store, FIND_RUN, err);
    bind_build(find, &run->build);
    query_add_text(find, run->config_hash);
    query_add_text(find, run->isa);
    query_add_text(find, run->machine.cpu_model);
    return query_integer_of(find, 0, id, err);
}

bool store_finish_run(struct store *store, int64_t run, enum run_status status,
                      int64_t finished_unix_ms, const struct machine_record *after, struct err *err)
{
    static const char FINISH_RUN[] =
        "UPDATE run SET status = ?2, finished_unix_ms = ?3, frequency_mhz_after = ?4, "
        "temperature_c_after = ?5, load_1min_after = ?6 WHERE id = ?1";
    struct query *finish = query_begin_of(store, FINISH_RUN, run, err);
    query_add_text(finish, status_name(status));
    query_add_known_integer(finish, finished_unix_ms);
    query_add_known_number(finish, after ? after->frequency_mhz : 0);
    query_add_known_number(finish, after ? after->temperature_c : 0);
    query_add_known_number(finish, after ? after->load_1min : 0);
    return run_update(store, finish, "run", run, err);
}

/* ---- Models, data sets, jobs ---- */

#define MODEL_COLUMNS                                                                              \
    "(name_in_config, name, path, architecture, quantization, hash, tokenizer, n_params, "         \
    "n_bytes, context_tokens, is_synthetic, published)"
#define MODEL_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
static const char FIND_MODEL[] =
    "SELECT id FROM model WHERE " MODEL_COLUMNS " IS (" MODEL_VALUES ")";
static const char INSERT_MODEL[] =
    "INSERT INTO model " MODEL_COLUMNS " SELECT " MODEL_VALUES
    " WHERE NOT EXISTS (SELECT 1 FROM model WHERE " MODEL_COLUMNS " IS (" MODEL_VALUES "))";

static void bind_model(struct query *query, const void *record)
{
    const struct model_record *model = record;
    query_add_text(query, model->id);
    query_add_text(query, model->name);
    query_add_text(query, model->path);
    query_add_text(query, model->architecture);
    query_add_text(query, model->quantization);
    query_add_text(query, model->hash);
    query_add_text(query, model->tokenizer);
    query_add_integer(query, (int64_t)model->n_params);
    query_add_integer(query, (int64_t)model->n_bytes);
    query_add_integer(query, model->context_tokens);
    query_add_integer(query, model->synthetic);
    query_add_text(query, model->published);
}

bool store_put_model(struct store *store, const struct model_record *model, int64_t *id,
                     struct err *err)
{
    return put_shared(store, INSERT_MODEL, FIND_MODEL, bind_model, model, id, err);
}

#define DATASET_COLUMNS "(suite, path, hash, n_items)"
static const char FIND_DATASET[] =
    "SELECT id FROM dataset WHERE " DATASET_COLUMNS " IS (?1, ?2, ?3, ?4)";
static const char INSERT_DATASET[] =
    "INSERT INTO dataset " DATASET_COLUMNS " SELECT ?1, ?2, ?3, ?4 "
    "WHERE NOT EXISTS (SELECT 1 FROM dataset WHERE " DATASET_COLUMNS " IS (?1, ?2, ?3, ?4))";

static void bind_dataset(struct query *query, const void *record)
{
    const struct dataset_record *dataset = record;
    query_add_text(query, dataset->suite);
    query_add_text(query, dataset->path);
    query_add_text(query, dataset->hash);
    query_add_integer(query, (int64_t)dataset->n_items);
}

bool store_put_dataset(struct store *store, const struct dataset_record *dataset, int64_t *id,
                       struct err *err)
{
    return put_shared(store, INSERT_DATASET, FIND_DATASET, bind_dataset, dataset, id, err);
}

static bool insert_job(struct store *store, const struct job_record *job, struct err *err)
{
    static const char INSERT_JOB[] =
        "INSERT INTO job (run, model, dataset, suite, suite_version, protocol, shots, metric, "
        "fingerprint, bos, context_tokens, parameters, n_items, kind, whole_items, chance, "
        "precision) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
        "ON CONFLICT (run, model, fingerprint) DO NOTHING";
    static const char *const KINDS[] = {"questions", "text", "throughput", "kernels"};
    struct query *insert = query_begin(store, INSERT_JOB, err);
    query_add_integer(insert, job->run);
    query_add_integer(insert, job->model);
    query_add_known_integer(insert, job->dataset);
    query_add_text(insert, job->suite);
    query_add_integer(insert, job->suite_version);
    query_add_text(insert, job->protocol);
    query_add_integer(insert, job->shots);
    query_add_text(insert, job->metric);
    query_add_text(insert, job->fingerprint);
    query_add_text(insert, job->bos);
    query_add_integer(insert, job->context_tokens);
    query_add_text(insert, job->parameters_json);
    query_add_integer(insert, (int64_t)job->n_items);
    query_add_text(insert, KINDS[job->kind]);
    query_add_known_integer(insert, (int64_t)job->n_whole);
    query_add_known_number(insert, job->chance);
    query_add_known_number(insert, job->precision);
    return query_run(insert, err);
}

bool store_put_job(struct store *store, const struct job_record *job, int64_t *id, struct err *err)
{
    static const char FIND_JOB[] =
        "SELECT id FROM job WHERE run = ?1 AND model = ?2 AND fingerprint = ?3";
    if (!insert_job(store, job, err)) return false;
    struct query *find = query_begin(store, FIND_JOB, err);
    query_add_integer(find, job->run);
    query_add_integer(find, job->model);
    query_add_text(find, job->fingerprint);
    return query_integer_of(find, 0, id, err);
}

bool store_finish_job(struct store *store, int64_t job, const struct job_result *result,
                      struct err *err)
{
    static const char FINISH_JOB[] =
        "UPDATE job SET is_finished = 1, duration_ns = ?2, naive_tokens = nullif(?3, -1), "
        "computed_tokens = nullif(?4, -1), computed_items = nullif(?5, -1), "
        "wall_ns = nullif(?6, -1), logits_hash = ?7 WHERE id = ?1";
    struct query *finish = query_begin_of(store, FINISH_JOB, job, err);
    query_add_integer(finish, result->duration_ns);
    query_add_integer(finish, result->naive_tokens);
    query_add_integer(finish, result->computed_tokens);
    query_add_integer(finish, result->computed_items);
    query_add_integer(finish, result->wall_ns);
    query_add_text(finish, result->logits_hash);
    return run_update(store, finish, "job", job, err);
}

bool store_end_early(struct store *store, int64_t job, int64_t n_items, struct err *err)
{
    static const char END_EARLY[] = "UPDATE job SET precision_items = ?2 WHERE id = ?1";
    struct query *end = query_begin_of(store, END_EARLY, job, err);
    query_add_known_integer(end, n_items);
    return run_update(store, end, "job", job, err);
}

/* ---- Speed, notes ---- */

static void bind_speed_key(struct query *query, int64_t job, const struct speed_record *speed)
{
    query_add_integer(query, job);
    query_add_text(query, speed->test);
    query_add_integer(query, speed->prompt_tokens);
    query_add_integer(query, speed->generated_tokens);
    query_add_integer(query, speed->batch);
    query_add_integer(query, speed->n_threads);
    query_add_text(query, speed->isa);
    query_add_integer(query, speed->warm_up);
    query_add_integer(query, speed->repetition);
}

bool store_put_speed(struct store *store, int64_t job, const struct speed_record *speed,
                     struct err *err)
{
    static const char INSERT_SPEED[] =
        "INSERT INTO speed_sample (job, test, prompt_tokens, generated_tokens, batch, n_threads, "
        "isa, is_warm_up, repetition, duration_ns, tokens_per_s, gb_per_s, gmac_per_s, "
        "percent_of_limit, rss_bytes, frequency_mhz, foreign_share) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
        "nullif(?17, -1)) "
        "ON CONFLICT DO NOTHING";
    struct query *insert = query_begin(store, INSERT_SPEED, err);
    bind_speed_key(insert, job, speed);
    query_add_integer(insert, speed->duration_ns);
    query_add_known_number(insert, speed->tokens_per_s);
    query_add_known_number(insert, speed->gb_per_s);
    query_add_known_number(insert, speed->gmac_per_s);
    query_add_known_number(insert, speed->percent_of_limit);
    query_add_known_integer(insert, (int64_t)speed->rss_bytes);
    query_add_known_number(insert, speed->frequency_mhz);
    query_add_number(insert, speed->foreign_share);
    return query_run(insert, err);
}

bool store_has_speed(struct store *store, int64_t job, const struct speed_record *speed, bool *has,
                     struct err *err)
{
    static const char HAS_SPEED[] =
        "SELECT 1 FROM speed_sample WHERE job = ?1 AND test = ?2 AND prompt_tokens = ?3 AND "
        "generated_tokens = ?4 AND batch = ?5 AND n_threads = ?6 AND isa = ?7 AND "
        "is_warm_up = ?8 AND repetition = ?9";
    struct query *find = query_begin(store, HAS_SPEED, err);
    bind_speed_key(find, job, speed);
    int64_t found;
    if (!query_integer_of(find, 0, &found, err)) return false;
    *has = found != 0;
    return true;
}

bool store_put_note(struct store *store, int64_t job, const char *kind, int64_t count,
                    const char *text, struct err *err)
{
    static const char PUT_NOTE[] =
        "INSERT INTO note (job, kind, count, text) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (job, kind) DO UPDATE SET count = excluded.count, text = excluded.text";
    struct query *put = query_begin_of(store, PUT_NOTE, job, err);
    query_add_text(put, kind);
    query_add_integer(put, count);
    query_add_text(put, text ? text : "");
    return query_run(put, err);
}

bool store_drop_note(struct store *store, int64_t job, const char *kind, struct err *err)
{
    static const char DROP_NOTE[] = "DELETE FROM note WHERE job = ?1 AND kind = ?2";
    struct query *drop = query_begin_of(store, DROP_NOTE, job, err);
    query_add_text(drop, kind);
    return query_run(drop, err);
}
