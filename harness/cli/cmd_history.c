/* cmd_history.c - phibench history: speeds, memory and scores over the program's revisions.
 *
 * results/history.h reads, reports/history_*.h show, harness/run/revisions.h measures what is not
 * there yet; this file reads the options.
 */
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/revision_options.h"
#include "harness/cli/rows.h"
#include "reports/history_chart.h"
#include "reports/history_tables.h"

#include <string.h>

enum { MAX_COLUMNS = 16 }; /* of a table in a terminal */

struct options {
    struct db_options db;
    const char *metric, *model, *suite, *output, *out, *range, *config;
    int64_t step;
    struct revision_options revisions;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    {"metric", 0, OPTION_TEXT, "METRIC",
     "speed, memory, load, first_token, or a score's name, such as acc",
     offsetof(struct options, metric), 0, 0, 0},
    {"model", 'm', OPTION_TEXT, "MODEL", "the id of one model", offsetof(struct options, model), 0,
     0, 0},
    {"suite", 0, OPTION_TEXT, "SUITE", "one suite, or one test of speed: prefill, decode",
     offsetof(struct options, suite), 0, 0, 0},
    OPTION_OUTPUT(struct options, output, "table (default), json, csv or md"),
    {"out", 0, OPTION_TEXT, "DIR", "also write history.md, history.csv and charts to this folder",
     offsetof(struct options, out), 0, 0, 0},
    {"measure", 0, OPTION_TEXT, "A..B",
     "first build and run the revisions of a range, or those of a list",
     offsetof(struct options, range), 0, 0, 0},
    {"run", 0, OPTION_TEXT, "CONFIG", "the configuration that --measure runs",
     offsetof(struct options, config), 0, 0, 0},
    {"step", 0, OPTION_INTEGER, "N", "measure every N-th revision, and the last",
     offsetof(struct options, step), 1, 100000, 1},
    OPTIONS_REVISIONS(struct options, revisions),
};

/* ---- Output ---- */

static void print_table(const struct history_view *view, const struct table *overview,
                        const struct table *values, struct buf *changes)
{
    if (*view->common) visible_printf(stdout, "%s\n\n", view->common);
    table_print(overview, stdout);
    visible_printf(stdout, "\nchanges of level\n");
    if (!changes->n_bytes) printf("none\n");
    else visible_print(stdout, buf_string(changes), changes->n_bytes, VISIBLE_LINES);
    if (values->n_columns <= MAX_COLUMNS) {
        putchar('\n');
        table_print(values, stdout);
    } else
        printf("\nvalues: too many series to stand side by side; choose by --metric, --model or "
               "--suite, or take -o csv\n");
}

static bool output_table(const struct history_view *view, struct err *err)
{
    struct table *overview = history_overview(view, err);
    struct table *values = overview ? history_values(view, err) : NULL;
    struct buf changes = {0};
    history_changes(view, &changes);
    bool ok = values && buf_check(&changes, err);
    if (ok) print_table(view, overview, values, &changes);
    buf_free(&changes);
    return ok;
}

static bool output_json(const struct history_view *view, struct err *err)
{
    struct buf text = {0};
    history_json(view, &text);
    return buf_print(&text, stdout, err);
}

static bool output_csv(const struct history_view *view, struct err *err)
{
    struct buf text = {0};
    struct table *rows = history_rows(view, err);
    if (!rows) return false;
    table_csv(rows, &text);
    return buf_print(&text, stdout, err);
}

static bool output_markdown(const struct history_view *view, struct err *err)
{
    struct buf text = {0};
    if (history_markdown(view, &text, err)) return buf_print(&text, stdout, err);
    buf_free(&text);
    return false;
}

struct format {
    const char *name;
    bool (*output)(const struct history_view *view, struct err *err);
};
static const struct format FORMATS[] = {
    {"table", output_table}, {"json", output_json}, {"csv", output_csv}, {"md", output_markdown}};

static const struct format *find_format(const char *name, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(FORMATS); i++)
        if (!name || !strcmp(name, FORMATS[i].name)) return &FORMATS[i];
    err_set(err, ERR_USAGE, "--output takes table, json, csv or md, not \"%s\"", name);
    return NULL;
}

/* ---- Measuring ---- */

/* The oldest first: a newer program brings the database to its own version, which an older one does
 * not open. *n_done: how many were built and measured. */
static bool measure_each(const struct invocation *invocation, struct revisions *revisions,
                         struct arena *arena, size_t *n_done, struct err *err)
{
    const struct options *options = invocation->options;
    const struct log *log = &invocation->console.log;
    const char *const *commits = NULL;
    size_t n = 0;
    bool ok =
        revisions_list(revisions, options->range, (size_t)options->step, arena, &commits, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        const char *program;
        bool is_done = false;
        ok = revisions_build(revisions, commits[i], arena, &program, err);
        if (!ok || !program) continue;
        log_info(log, "measuring %.7s, %zu of %zu", commits[i], i + 1, n);
        ok = revisions_measure(revisions, program, options->config, rows_db_path(&options->db),
                               &is_done, err);
        *n_done += is_done;
    }
    if (ok) log_info(log, "%zu of %zu revisions were measured", *n_done, n);
    return ok;
}

static bool measure(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    size_t n_done = 0;
    if (!options->config)
        return err_set(err, ERR_USAGE, "--measure needs what to run: --run CONFIG");
    struct arena *arena = arena_new(0, err);
    struct revisions *revisions =
        arena ? revision_options_open(&options->revisions, &invocation->console.log, err) : NULL;
    bool ok = revisions && measure_each(invocation, revisions, arena, &n_done, err);
    if (ok && !n_done)
        ok = err_set(err, ERR_IO, "no revision of %s could be built and run", options->range);
    revisions_close(revisions);
    arena_free(arena);
    return ok;
}

/* ---- The command ---- */

static bool show(const struct invocation *invocation, const struct history *history,
                 const struct format *format, struct err *err)
{
    const struct options *options = invocation->options;
    struct history_view *view = history_view_make(history, err);
    if (!view || !format->output(view, err)) return false;
    if (!options->out) return true;
    log_info(&invocation->console.log, "writing %s/history.md", options->out);
    return history_write(view, options->out, invocation->gnuplot, err);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    const struct history_filter filter = {options->metric, options->model, options->suite};
    const struct format *format = find_format(options->output, err);
    if (!format || (options->range && !measure(invocation, err))) return false;
    struct store *store = rows_open_store(&options->db, STORE_READ, err);
    struct history *history = store ? history_load(store, &filter, err) : NULL;
    bool ok = history != NULL;
    if (ok && !history->n_series)
        ok = err_set_at(err, ERR_INPUT, store_path(store), 0, 0,
                        "nothing was measured%s; 'phibench runs' lists what there is",
                        filter.metric || filter.model || filter.suite
                            ? " of this metric, model and suite"
                            : "");
    ok = ok && show(invocation, history, format, err);
    history_free(history);
    store_close(store);
    return ok;
}

static const char *const EXAMPLES[] = {"phibench history --db out/example.db --metric speed", NULL};

const struct command COMMAND_HISTORY = {
    .name = "history",
    .summary = "speeds, memory and scores over the program's revisions",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Shows every series of numbers in the database that can be compared: the same model, "
        "quantization, KV cache and test or suite, and for speeds, memory and times the same "
        "machine, instruction set and number of threads. A series has a number for each revision "
        "that was run, in the order of their first runs: the median over its runs of the median "
        "over a run's repetitions. The mark + stands behind a revision whose files were changed "
        "when it was built.\n\n"
        "Changes of level are found by E-divisive with Student's test, as Apache Otava does it, "
        "and named with the first revision of the new level, their size and p-value; in the "
        "table of values they have a star. noise is what a series changes by from one revision to "
        "the next without a reason: the third quartile and three times the distance between the "
        "quartiles of its changes, those of level left out; it takes five changes.\n\n"
        "--measure builds the revisions of a range of this program's repository (what git rev-list "
        "--first-parent names), or those that are listed in their order with spaces between them, "
        "each "
        "in a worktree that is removed at the end, and runs a "
        "configuration with each program into the database, the oldest first. A revision that does "
        "not build or run is told and left out. With --work, programs are kept: the same command "
        "goes on where it was interrupted without building again. Paths in CONFIG are relative to "
        "the current folder; its keys have to be known to the oldest program.",
    .examples = EXAMPLES,
    .run = run,
};
