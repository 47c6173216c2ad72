/* cmd_run.c - phibench run: a configuration becomes a plan, the plan a stored run, the run a table
 * and a report. Options that change the configuration become overrides like those of --set, so that
 * they are checked alike and count in the run's hash; where the database lies does not.
 */
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/model_options.h"
#include "harness/cli/rows.h"
#include "harness/run/runner.h"
#include "reports/report.h"

#include <stdlib.h>
#include <string.h>

/* What a terminal can hold; longer tables are in the page. */
enum { MAX_PRINTED_ROWS = 40 };

struct options {
    const char *isa;
    struct db_options db;
    int64_t limit, n_threads;
    double precision;
    struct text_list set;
    bool is_fresh, must_resume, no_prefix_sharing, dry_run;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB_AS(struct options, db, "database, in place of the configuration's"),
    {"limit", 0, OPTION_INTEGER, "N", "items of each subset at most, the first ones",
     offsetof(struct options, limit), 1, INT32_MAX, 0},
    {"precision", 0, OPTION_NUMBER, "X", "end a suite when its score is known to ±X percent points",
     offsetof(struct options, precision), 0, 50, 0},
    {"threads", 't', OPTION_INTEGER, "N", "threads, in place of the configuration's",
     offsetof(struct options, n_threads), 1, 1024, 0},
    OPTION_ISA(struct options, isa),
    OPTION_SET(struct options, set),
    {"fresh", 0, OPTION_FLAG, NULL, "compute everything, continue and reuse nothing",
     offsetof(struct options, is_fresh), 0, 0, 0},
    {"resume", 0, OPTION_FLAG, NULL, "only go on with an unfinished run",
     offsetof(struct options, must_resume), 0, 0, 0},
    {"no-prefix-sharing", 0, OPTION_FLAG, NULL,
     "compute every prompt from its first token, to measure what sharing saves",
     offsetof(struct options, no_prefix_sharing), 0, 0, 0},
    {"dry-run", 0, OPTION_FLAG, NULL, "print the jobs and stop", offsetof(struct options, dry_run),
     0, 0, 0},
};

/* The overrides of --set, and those that other options stand for. */
struct overrides {
    const char **items;
    size_t n, capacity;
    struct arena *arena;
};

__attribute__((format(printf, 3, 4))) static bool
add_override(struct overrides *overrides, struct err *err, const char *format, ...)
{
    char text[4200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!mem_grow((void **)&overrides->items, &overrides->capacity, overrides->n + 1,
                  sizeof *overrides->items, 1 << 20, err))
        return false;
    overrides->items[overrides->n] = arena_string(overrides->arena, text, err);
    return overrides->items[overrides->n++] != NULL;
}

static bool has_limit(const struct config_suite *suite)
{
    return suite->kind != CONFIG_SUITE_THROUGHPUT;
}

/* Every suite that can have it gets the value, *n of them; which suites there are is known once the
 * file was read without it. */
static bool add_to_suites(struct overrides *overrides, const char *path, const char *key,
                          double value, bool can_have(const struct config_suite *suite), size_t *n,
                          struct err *err)
{
    struct config *config = config_read(path, overrides->items, overrides->n, err);
    bool ok = config != NULL;
    for (size_t i = 0; ok && i < config->n_suites; i++) {
        const struct config_suite *suite = &config->suites[i];
        if (suite->is_implied || !can_have(suite)) continue;
        *n += 1;
        ok = add_override(overrides, err, "suites.%zu.%s=%.15g", suite->i_list, key, value);
    }
    config_free(config);
    return ok;
}

/* --limit and --precision. */
static bool add_limits(struct overrides *overrides, const struct invocation *invocation,
                       struct err *err)
{
    const struct options *options = invocation->options;
    const char *path = invocation->arguments[0];
    size_t n_limited = 0, n_rated = 0;
    if (options->limit && !add_to_suites(overrides, path, "limit", (double)options->limit,
                                         has_limit, &n_limited, err))
        return false;
    if (!(options->precision > 0)) return true;
    if (!add_to_suites(overrides, path, "precision", options->precision, config_suite_is_rated,
                       &n_rated, err))
        return false;
    return n_rated || err_set(err, ERR_USAGE,
                              "%s has no suite whose score is between 0 and 100%%, which "
                              "--precision is of",
                              path);
}

static struct config *read_config(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct overrides overrides = {.arena = arena_new(0, err)};
    struct config *config = NULL;
    bool ok = overrides.arena != NULL;
    for (size_t i = 0; ok && i < options->set.n; i++)
        ok = add_override(&overrides, err, "%s", options->set.items[i]);
    if (ok && options->isa) ok = add_override(&overrides, err, "defaults.isa=%s", options->isa);
    if (ok && options->n_threads)
        ok = add_override(&overrides, err, "defaults.threads=%lld", (long long)options->n_threads);
    if (ok && options->no_prefix_sharing)
        ok = add_override(&overrides, err, "defaults.prefix_sharing=false");
    ok = ok && add_limits(&overrides, invocation, err);
    if (ok) config = config_read(invocation->arguments[0], overrides.items, overrides.n, err);
    free(overrides.items);
    arena_free(overrides.arena);
    return config;
}

static bool make_report(const struct invocation *invocation, const struct config *config,
                        struct store *store, int64_t run, struct err *err)
{
    struct report *report = report_open(store, &run, 1, err);
    if (!report) return false;
    report_print(report, MAX_PRINTED_ROWS, stdout);
    bool ok = !config->report_out ||
              report_write(report, config->report_out, invocation->gnuplot,
                           &invocation->console.log, err) ||
              err_context(err, "writing the report to %s", config->report_out);
    if (ok && config->report_out)
        visible_printf(stdout, "\nreport: %s/index.html\n", config->report_out);
    report_free(report);
    return ok;
}

static bool execute(const struct invocation *invocation, const struct config *config,
                    struct plan *plan, struct err *err)
{
    const struct options *options = invocation->options;
    struct runner_options runner = {.console = invocation->console,
                                    .command_line = invocation->command_line,
                                    .cache = invocation->cache,
                                    .is_fresh = options->is_fresh,
                                    .must_resume = options->must_resume};
    int64_t run = 0;
    struct err second = {0};
    if (!choose_isa(invocation, config->isa, &runner.isa, err)) return false;
    struct store *store = rows_make_store(&options->db, config->db, config->is_durable, err);
    bool ok = store && plan_ask_servers(plan, &invocation->console.log, err) &&
              runner_execute(plan, store, &runner, &run, err);
    bool are_failed = store && !ok && err->code == ERR_JOBS;
    if (store) store_heed_interrupts(store, true); /* from here on it is only read */
    if (ok || are_failed) /* what failed is still the error, unless the report fails too */
        ok = make_report(invocation, config, store, run, are_failed ? &second : err) && ok;
    if (are_failed && second.code != ERR_NONE) *err = second;
    store_close(store);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    if (options->is_fresh && options->must_resume)
        return err_set(err, ERR_USAGE, "--fresh and --resume contradict each other");
    struct config *config = read_config(invocation, err);
    struct plan *plan = config ? plan_make(config, &invocation->console, err) : NULL;
    bool ok = plan != NULL;
    if (ok)
        ok = options->dry_run ? plan_print(plan, stdout, err)
                              : execute(invocation, config, plan, err);
    plan_free(plan);
    config_free(config);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench run configs/synthetic.yaml --db out/example.db",
    "phibench run configs/synthetic.yaml --limit 2 --set defaults.threads=1 --db out/limited.db",
    "phibench run configs/synthetic.yaml --dry-run",
    NULL,
};

const struct command COMMAND_RUN = {
    .name = "run",
    .summary = "run a configuration: score, time and store its models",
    .arguments = "CONFIG",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Runs every model and quantization of the configuration through every suite, stores "
        "each answer as it "
        "comes, prints a table and writes the report that the configuration asks for. The "
        "configuration is "
        "checked whole before a model is loaded.\n\n"
        "Ctrl-C finishes the batch and stops; the same command goes on where it stopped, "
        "also after a crash. "
        "Answers that an earlier run has stored for the same weights, data, protocol and "
        "program are taken "
        "over, which is exact because the engine's results are the same bits everywhere; "
        "--fresh computes "
        "them again. Speeds are always measured. A model behind a server is the same where the "
        "configuration and the server say so: each run asks it what it is, and says if it tells "
        "nothing.\n\n"
        "A job that fails, because its model cannot be loaded or computes what is no number, "
        "because a "
        "prompt cannot be made or a server does not answer, is noted and has no score; the other "
        "jobs go on, the exit status is 1, and the same command asks it again.\n\n"
        "Every job ends with a hash over the raw logits of its answers: runs with the same "
        "hash computed the same bits. --no-prefix-sharing computes every prompt of every "
        "question from its first token (choices after the same tokens once): same answers, "
        "same hash, for measuring what shared prefixes save. Such a run takes over no answers "
        "of other runs; run what it is compared with with --fresh.\n\n"
        "--precision 1 asks the questions of a suite in a random order, the same on every machine, "
        "and ends when the score is known to ±1 percent point by an interval that holds whenever "
        "one stops. It is wider than that of as many questions asked without looking; the job has "
        "a note 'sequential'. Texts and points of judges are asked whole. A later run without it "
        "takes over the answers.\n\n"
        "--set takes a path of names and positions, as in --set suites.0.shots=0; paths in "
        "the file may hold "
        "${NAME} and ${NAME:-otherwise}, and are relative to the current folder.",
    .examples = EXAMPLES,
    .run = run,
};
