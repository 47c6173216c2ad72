/* cmd_report.c - phibench report: draws the page of one or more runs.
 *
 * Chooses runs and folder; what a report looks like is decided in reports/.
 * The only reader of PHIBENCH_GNUPLOT besides run and doctor.
 */
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "reports/report.h"

struct options {
    struct db_options db;
    const char *out;
    struct text_list runs;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    {"run", 0, OPTION_LIST, "RUN", "which run, a number or last; default: the newest finished one",
     offsetof(struct options, runs), 0, 0, 0},
    {"out", 'o', OPTION_TEXT, "DIR", "folder to write, default out/report",
     offsetof(struct options, out), 0, 0, 0},
};

enum { MAX_RUNS = 64 };

/* A run that is named twice is drawn once. */
static bool find_runs(struct store *store, const struct text_list *names, int64_t *runs, size_t *n,
                      struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        size_t known = 0;
        if (!labels_resolve(store, names->items[i], &runs[*n], err)) return false;
        while (runs[known] != runs[*n]) known++;
        if (known == *n) ++*n;
    }
    return true;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    int64_t runs[MAX_RUNS];
    size_t n_runs = 0;
    const char *out = options->out ? options->out : "out/report";
    if (options->runs.n > MAX_RUNS)
        return err_set(err, ERR_USAGE, "more than %d runs in one report", MAX_RUNS);
    struct store *store = rows_open_store(&options->db, STORE_READ, err);
    struct report *report = store && find_runs(store, &options->runs, runs, &n_runs, err)
                                ? report_open(store, runs, n_runs, err)
                                : NULL;
    bool ok =
        report && report_write(report, out, invocation->gnuplot, &invocation->console.log, err);
    if (ok) visible_printf(stdout, "%s/index.html\n", out);
    report_free(report);
    store_close(store);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench report --db out/example.db --out out/example-report", NULL};

const struct command COMMAND_REPORT = {
    .name = "report",
    .summary = "draw tables and charts of one or more runs",
    .arguments = "",
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Writes index.html, which holds everything and refers to nothing outside itself, "
        "each chart as SVG and "
        "PNG with the gnuplot script and data that drew it, and the tables as Markdown and "
        "CSV (where a text that a spreadsheet would run as a formula gets a ' in front). "
        "A chart that gnuplot cannot draw is told in its place, with a "
        "warning; if it can draw none, the report fails and the page stays as it was. Scores of "
        "different protocols never share a column without saying so.",
    .examples = EXAMPLES,
    .run = run,
};
