/* store_run.c - writing what a run is: build, machine, run, models, data sets, jobs, speeds, notes.
 *
 * Equal records share a row: one statement inserts unless an equal row is there, a second one with
 * the same parameters finds it. NULL and 0 stand for "not known" where store.h says so.
 */
#include "results/store_internal.h"

typedef void bind_fn(struct statement *statement, const void *record);

/* Runs both statements with the record's parameters; *id is the row that equals the record. */
static bool put_shared(struct store *store, const char *insert, const char *find, bind_fn *bind,
                       const void *record, int64_t *id, struct err *err)
{
    struct statement inserting = statement_begin(store, insert);
    bind(&inserting, record);
    if (!statement_run(&inserting, err)) return false;
    struct statement finding = statement_begin(store, find);
    bind(&finding, record);
    return statement_integer_of(&finding, 0, id, err);
}

/* Runs an UPDATE of the row `id` of a table, which must be there. */
static bool run_update(struct statement *update, const char *table, int64_t id, struct err *err)
{
    if (!statement_run(update, err)) return false;
    return sqlite3_changes(update->store->db) > 0 ||
           err_set_at(err, ERR_INPUT, update->store->path, 0, 0, "there is no %s %lld", table,
                      (long long)id);
}

/* ---- Build and machine ---- */

#define BUILD_COLUMNS "(version, git_revision, git_dirty, compiler, flags, numerics_version)"
static const char FIND_BUILD[] =
    "SELECT id FROM build WHERE " BUILD_COLUMNS " IS (?1, ?2, ?3, ?4, ?5, ?6)";
static const char INSERT_BUILD[] =
    "INSERT INTO build " BUILD_COLUMNS " SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
    "WHERE NOT EXISTS (SELECT 1 FROM build WHERE " BUILD_COLUMNS " IS (?1, ?2, ?3, ?4, ?5, ?6))";

static void bind_build(struct statement *statement, const void *record)
{
    const struct build_record *build = record;
    statement_text(statement, build->version);
    statement_text(statement, build->git_revision);
    statement_integer(statement, build->git_dirty);
    statement_text(statement, build->compiler);
    statement_text(statement, build->flags);
    statement_integer(statement, build->numerics_version);
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

static void bind_machine(struct statement *statement, const void *record)
{
    const struct machine_record *machine = record;
    statement_text(statement, machine->cpu_model);
    statement_text(statement, machine->features);
    statement_text(statement, machine->kernel);
    statement_text(statement, machine->os);
    statement_text(statement, machine->governor);
    statement_text(statement, machine->huge_pages);
    statement_text(statement, machine->hostname_hash);
    statement_known_integer(statement, machine->n_cores);
    statement_known_integer(statement, machine->n_threads_available);
    statement_known_integer(statement, (int64_t)machine->memory_bytes);
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
    struct statement insert = statement_begin(store, INSERT_RUN);
    statement_text(&insert, run->name);
    statement_integer(&insert, build);
    statement_integer(&insert, machine);
    statement_text(&insert, run->command_line);
    statement_text(&insert, run->config_path);
    statement_text(&insert, run->config_text);
    statement_text(&insert, run->config_hash);
    statement_text(&insert, run->isa);
    statement_integer(&insert, run->n_threads);
    statement_integer(&insert, run->started_unix_ms);
    statement_known_number(&insert, run->machine.frequency_mhz);
    statement_known_number(&insert, run->machine.temperature_c);
    statement_known_number(&insert, run->machine.load_1min);
    return statement_run(&insert, err);
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
        "WHERE " BUILD_COLUMNS " IS (?1, ?2, ?3, ?4, ?5, ?6) AND run.status <> 'done' "
        "AND run.config_hash = ?7 AND run.isa IS ?8 AND machine.cpu_model IS ?9 "
        "ORDER BY run.id DESC LIMIT 1";
    struct statement find = statement_begin(store, FIND_RUN);
    bind_build(&find, &run->build);
    statement_text(&find, run->config_hash);
    statement_text(&find, run->isa);
    statement_text(&find, run->machine.cpu_model);
    return statement_integer_of(&find, 0, id, err);
}

bool store_finish_run(struct store *store, int64_t run, enum run_status status,
                      int64_t finished_unix_ms, const struct machine_record *after, struct err *err)
{
    static const char FINISH_RUN[] =
        "UPDATE run SET status = ?2, finished_unix_ms = ?3, frequency_mhz_after = ?4, "
        "temperature_c_after = ?5, load_1min_after = ?6 WHERE id = ?1";
    struct statement finish = statement_begin(store, FINISH_RUN);
    statement_integer(&finish, run);
    statement_text(&finish, status_name(status));
    statement_known_integer(&finish, finished_unix_ms);
    statement_known_number(&finish, after ? after->frequency_mhz : 0);
    statement_known_number(&finish, after ? after->temperature_c : 0);
    statement_known_number(&finish, after ? after->load_1min : 0);
    return run_update(&finish, "run", run, err);
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

static void bind_model(struct statement *statement, const void *record)
{
    const struct model_record *model = record;
    statement_text(statement, model->id);
    statement_text(statement, model->name);
    statement_text(statement, model->path);
    statement_text(statement, model->architecture);
    statement_text(statement, model->quantization);
    statement_text(statement, model->hash);
    statement_text(statement, model->tokenizer);
    statement_integer(statement, (int64_t)model->n_params);
    statement_integer(statement, (int64_t)model->n_bytes);
    statement_integer(statement, model->context_tokens);
    statement_integer(statement, model->synthetic);
    statement_text(statement, model->published);
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

static void bind_dataset(struct statement *statement, const void *record)
{
    const struct dataset_record *dataset = record;
    statement_text(statement, dataset->suite);
    statement_text(statement, dataset->path);
    statement_text(statement, dataset->hash);
    statement_integer(statement, (int64_t)dataset->n_items);
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
        "fingerprint, bos, context_tokens, parameters, n_items) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
        "ON CONFLICT (run, model, fingerprint) DO NOTHING";
    struct statement insert = statement_begin(store, INSERT_JOB);
    statement_integer(&insert, job->run);
    statement_integer(&insert, job->model);
    statement_known_integer(&insert, job->dataset);
    statement_text(&insert, job->suite);
    statement_integer(&insert, job->suite_version);
    statement_text(&insert, job->protocol);
    statement_integer(&insert, job->shots);
    statement_text(&insert, job->metric);
    statement_text(&insert, job->fingerprint);
    statement_text(&insert, job->bos);
    statement_integer(&insert, job->context_tokens);
    statement_text(&insert, job->parameters_json);
    statement_integer(&insert, (int64_t)job->n_items);
    return statement_run(&insert, err);
}

bool store_put_job(struct store *store, const struct job_record *job, int64_t *id, struct err *err)
{
    static const char FIND_JOB[] =
        "SELECT id FROM job WHERE run = ?1 AND model = ?2 AND fingerprint = ?3";
    if (!insert_job(store, job, err)) return false;
    struct statement find = statement_begin(store, FIND_JOB);
    statement_integer(&find, job->run);
    statement_integer(&find, job->model);
    statement_text(&find, job->fingerprint);
    return statement_integer_of(&find, 0, id, err);
}

bool store_finish_job(struct store *store, int64_t job, const struct job_result *result,
                      struct err *err)
{
    static const char FINISH_JOB[] =
        "UPDATE job SET is_finished = 1, duration_ns = ?2, naive_tokens = nullif(?3, -1), "
        "computed_tokens = nullif(?4, -1), computed_items = nullif(?5, -1), "
        "wall_ns = nullif(?6, -1), logits_hash = ?7 WHERE id = ?1";
    struct statement finish = statement_begin(store, FINISH_JOB);
    statement_integer(&finish, job);
    statement_integer(&finish, result->duration_ns);
    statement_integer(&finish, result->naive_tokens);
    statement_integer(&finish, result->computed_tokens);
    statement_integer(&finish, result->computed_items);
    statement_integer(&finish, result->wall_ns);
    statement_text(&finish, result->logits_hash);
    return run_update(&finish, "job", job, err);
}

/* ---- Speed, notes ---- */

static void bind_speed_key(struct statement *statement, int64_t job,
                           const struct speed_record *speed)
{
    statement_integer(statement, job);
    statement_text(statement, speed->test);
    statement_integer(statement, speed->prompt_tokens);
    statement_integer(statement, speed->generated_tokens);
    statement_integer(statement, speed->batch);
    statement_integer(statement, speed->n_threads);
    statement_text(statement, speed->isa);
    statement_integer(statement, speed->warm_up);
    statement_integer(statement, speed->repetition);
}

bool store_put_speed(struct store *store, int64_t job, const struct speed_record *speed,
                     struct err *err)
{
    static const char INSERT_SPEED[] =
        "INSERT INTO speed_sample (job, test, prompt_tokens, generated_tokens, batch, n_threads, "
        "isa, is_warm_up, repetition, duration_ns, tokens_per_s, gb_per_s, gmac_per_s, "
        "percent_of_limit, rss_bytes, frequency_mhz) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
        "ON CONFLICT DO NOTHING";
    struct statement insert = statement_begin(store, INSERT_SPEED);
    bind_speed_key(&insert, job, speed);
    statement_integer(&insert, speed->duration_ns);
    statement_known_number(&insert, speed->tokens_per_s);
    statement_known_number(&insert, speed->gb_per_s);
    statement_known_number(&insert, speed->gmac_per_s);
    statement_known_number(&insert, speed->percent_of_limit);
    statement_known_integer(&insert, (int64_t)speed->rss_bytes);
    statement_known_number(&insert, speed->frequency_mhz);
    return statement_run(&insert, err);
}

bool store_has_speed(struct store *store, int64_t job, const struct speed_record *speed, bool *has,
                     struct err *err)
{
    static const char HAS_SPEED[] =
        "SELECT 1 FROM speed_sample WHERE job = ?1 AND test = ?2 AND prompt_tokens = ?3 AND "
        "generated_tokens = ?4 AND batch = ?5 AND n_threads = ?6 AND isa = ?7 AND "
        "is_warm_up = ?8 AND repetition = ?9";
    struct statement find = statement_begin(store, HAS_SPEED);
    bind_speed_key(&find, job, speed);
    int64_t found;
    if (!statement_integer_of(&find, 0, &found, err)) return false;
    *has = found != 0;
    return true;
}

bool store_put_note(struct store *store, int64_t job, const char *kind, int64_t count,
                    const char *text, struct err *err)
{
    static const char PUT_NOTE[] =
        "INSERT INTO note (job, kind, count, text) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (job, kind) DO UPDATE SET count = excluded.count, text = excluded.text";
    struct statement put = statement_begin(store, PUT_NOTE);
    statement_integer(&put, job);
    statement_text(&put, kind);
    statement_integer(&put, count);
    statement_text(&put, text ? text : "");
    return statement_run(&put, err);
}
