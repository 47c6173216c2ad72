/* cmd_runs.c - phibench runs and show: what the store holds, for people.
 *
 * Owns the queries of both; the table of scores is that of the report.
 * Writes nothing to the store.
 */
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "reports/report.h"

#include <string.h>

struct options {
    const char *db;
    bool json;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    OPTION_JSON(struct options, json),
};

static const char RUNS_SQL[] = "SELECT run.id AS run, strftime('%Y-%m-%dT%H:%M:%SZ', "
                               "run.started_unix_ms / 1000, 'unixepoch') AS started,"
                               " run.name AS name, run.status AS status, count(job.id) AS jobs, "
                               "coalesce(sum(job.is_finished), 0) AS finished,"
                               " (SELECT group_concat(DISTINCT m.name_in_config) FROM job j JOIN "
                               "model m ON m.id = j.model WHERE j.run = run.id)"
                               " AS models, substr(build.git_revision, 1, 10) AS revision "
                               "FROM run JOIN build ON build.id = run.build LEFT JOIN job ON "
                               "job.run = run.id GROUP BY run.id ORDER BY run.id";

static const char JOBS_SQL[] =
    "SELECT model, quantization, suite, protocol, shots, items, answered, computed,"
    " round(seconds, 1) AS seconds, round(items_per_s, 2) AS items_per_s, naive_tokens,"
    " computed_tokens, round(tokens_per_s, 1) AS tokens_per_s, logits_hash "
    "FROM v_jobs WHERE run = ? ORDER BY job";

static const char NOTES_SQL[] =
    "SELECT model.name_in_config AS model, model.quantization AS quantization, job.suite AS suite,"
    " job.protocol AS protocol, note.kind AS note, note.count AS count, note.text AS text "
    "FROM note JOIN job ON job.id = note.job JOIN model ON model.id = job.model WHERE job.run = ?"
    " ORDER BY job.id, note.kind";

static const char RUN_SQL[] =
    "SELECT run.id AS run, run.name AS name, run.status AS status, run.command_line AS command,"
    " strftime('%Y-%m-%dT%H:%M:%SZ', run.started_unix_ms / 1000, 'unixepoch') AS started,"
    " strftime('%Y-%m-%dT%H:%M:%SZ', run.finished_unix_ms / 1000, 'unixepoch') AS finished,"
    " run.isa AS isa, run.n_threads AS threads, run.config_path AS config, run.config_hash AS "
    "config_hash,"
    " build.version || ' ' || build.git_revision || CASE build.git_dirty WHEN 1 THEN ' (modified)' "
    "ELSE '' END AS build,"
    " build.numerics_version AS numerics, build.compiler AS compiler, build.flags AS flags,"
    " machine.cpu_model AS cpu, machine.features AS features, machine.n_cores AS cores,"
    " machine.n_threads_available AS threads_available, round(machine.memory_bytes / 1073741824.0, "
    "1) AS memory_gib,"
    " machine.kernel AS kernel, machine.os AS os, machine.governor AS governor, machine.huge_pages "
    "AS huge_pages,"
    " round(run.frequency_mhz_before) AS mhz_before, round(run.frequency_mhz_after) AS mhz_after,"
    " run.temperature_c_before AS celsius_before, run.temperature_c_after AS celsius_after,"
    " run.load_1min_before AS load_before, run.load_1min_after AS load_after "
    "FROM run JOIN build ON build.id = run.build JOIN machine ON machine.id = run.machine WHERE "
    "run.id = ?";

static bool print_selection(struct store *store, const char *sql, int64_t run, bool json,
                            const char *type, const char *heading, struct err *err)
{
    struct query *query = query_open(store, sql, err);
    if (!query) return false;
    if (run) query_bind_integer(query, 1, run);
    if (heading && !json) printf("\n%s\n", heading);
    bool ok = rows_print(query, json ? ROWS_JSONL : ROWS_TABLE, type, err);
    query_close(query);
    return ok;
}

static bool run_runs(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct store *store = rows_open_store(options->db, STORE_READ, err);
    bool ok = store && print_selection(store, RUNS_SQL, 0, options->json, NULL, NULL, err);
    store_close(store);
    return ok;
}

/* One "name  value" line for each column that is known. */
static bool print_run(struct store *store, int64_t run, struct err *err)
{
    struct query *query = query_open(store, RUN_SQL, err);
    if (!query) return false;
    query_bind_integer(query, 1, run);
    int more = query_next(query, err);
    for (int i = 0; more > 0 && i < query_columns(query); i++)
        if (!query_is_null(query, i) && *query_text(query, i))
            printf("%-18s %s\n", query_column_name(query, i), query_text(query, i));
    query_close(query);
    return more > 0;
}

static bool run_show(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *name = invocation->n_arguments ? invocation->arguments[0] : NULL;
    int64_t run;
    struct store *store = rows_open_store(options->db, STORE_READ, err);
    bool ok = store && rows_find_run(store, name, &run, err);
    if (ok && options->json) ok = print_selection(store, RUN_SQL, run, true, "run", NULL, err);
    else if (ok) ok = print_run(store, run, err);
    ok = ok && print_selection(store, JOBS_SQL, run, options->json, "job", "jobs", err) &&
         print_selection(store, NOTES_SQL, run, options->json, "note", "notes", err);
    if (ok && !options->json) {
        struct report *report = report_open(store, &run, 1, err);
        putchar('\n');
        if (report) report_print(report, SIZE_MAX, stdout);
        ok = report != NULL;
        report_free(report);
    }
    store_close(store);
    return ok;
}

static const char *const RUNS_EXAMPLES[] = {"phibench runs --db out/example.db", NULL};
static const char *const SHOW_EXAMPLES[] = {"phibench show last --db out/example.db", NULL};

const struct command COMMAND_RUNS = {
    .name = "runs",
    .summary = "list the runs in the store",
    .arguments = "",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .options_size = sizeof(struct options),
    .details =
        "Lists every run with its number, which other commands take, its state and its models.",
    .examples = RUNS_EXAMPLES,
    .run = run_runs,
};

const struct command COMMAND_SHOW = {
    .name = "show",
    .summary = "show one run: machine, build, jobs, notes, scores",
    .arguments = "[RUN]",
    .n_max = 1,
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
    .options_size = sizeof(struct options),
    .details = "Shows what a run was made with and what came out: command line, build, machine and "
               "its state before "
               "and after, jobs with the tokens computed, the counted traps, scores and speeds. "
               "Without RUN, the "
               "newest.",
    .examples = SHOW_EXAMPLES,
    .run = run_show,
};
