/* cmd_runs.c - phibench runs and show: what the store holds, for people.
 *
 * The table of scores is that of the report.
 * Writes nothing to the store.
 */
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "reports/report.h"

#include <string.h>

struct options {
    struct db_options db;
    bool json;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    OPTION_JSON(struct options, json),
};

/* The jobs as people read them. */
static struct query *select_jobs(struct store *store, int64_t run, struct err *err)
{
    struct query *query =
        query_open(store,
                   "SELECT model, quantization, suite, protocol, shots, items, answered, computed, "
                   "round(seconds, 1) AS seconds, round(items_per_s, 2) AS items_per_s, "
                   "naive_tokens, computed_tokens, round(tokens_per_s, 1) AS tokens_per_s, "
                   "logits_hash FROM v_jobs WHERE run = ? ORDER BY job",
                   err);
    query_bind_integer(query, 1, run);
    return query;
}

/* Prints the query and closes it. */
static bool print_query(struct query *query, bool json, const char *type, const char *heading,
                        struct err *err)
{
    if (query && heading && !json) printf("\n%s\n", heading);
    bool ok = rows_print(query, json ? ROWS_JSONL : ROWS_TABLE, type, err);
    query_close(query);
    return ok;
}

static bool run_runs(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct store *store = rows_open_store(&options->db, STORE_READ, err);
    bool ok = store && print_query(runs_list(store, err), options->json, NULL, NULL, err);
    store_close(store);
    return ok;
}

/* One "name  value" line for each column that is known. */
static bool print_run(struct store *store, int64_t run, struct err *err)
{
    struct query *query = runs_describe(store, run, err);
    bool ok = query_need(query, "the machine or the build of the run", err);
    for (int i = 0; ok && i < query_columns(query); i++)
        if (!query_is_null(query, i) && *query_text(query, i))
            visible_printf(stdout, "%-18s %s\n", query_column_name(query, i), query_text(query, i));
    query_close(query);
    return ok;
}

static bool run_show(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const char *name = invocation->n_arguments ? invocation->arguments[0] : NULL;
    int64_t run;
    struct store *store = rows_open_store(&options->db, STORE_READ, err);
    bool ok = store && labels_resolve(store, name, &run, err);
    if (ok && options->json)
        ok = print_query(runs_describe(store, run, err), true, "run", NULL, err);
    else if (ok) ok = print_run(store, run, err);
    ok = ok && print_query(select_jobs(store, run, err), options->json, "job", "jobs", err) &&
         print_query(runs_notes(store, run, err), options->json, "note", "notes", err);
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
    COMMAND_OPTIONS(OPTIONS, struct options),
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
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details = "Shows what a run was made with and what came out: command line, build, machine and "
               "its state before "
               "and after, jobs with the tokens computed, the counted traps, scores and speeds. "
               "Without RUN, the "
               "newest.",
    .examples = SHOW_EXAMPLES,
    .run = run_show,
};
