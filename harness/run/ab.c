/* ab.c - see ab.h.
 *
 * Before the first block each program runs once: it shows that it can, brings the model into the
 * page cache, and A's rates say how much work a block is. The largest sizes that are known to be
 * the same for both are then measured again and again.
 */
#include "harness/run/ab.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "engine/tools.h"
#include "harness/run/counters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARES = 1 << 22, USAGE_STATUS = 2, FIRST_PROMPT = 64, FIRST_GENERATED = 16 };
static const int64_t SECOND_NS = 1000000000;
static const int64_t FIRST_TIMEOUT_NS = INT64_C(3600000000000);

struct experiment {
    const struct ab_options *options;
    struct ab_result *result;
    struct ab_orders orders;
    int64_t begin_ns, timeout_ns;
    struct progress progress;
    char label[96];
};

/* ---- The first runs ---- */

static bool find_context(const char *model, int64_t *n_tokens, struct err *err)
{
    struct model_info info;
    struct model_file *file = model_file_open(model, err);
    bool ok = file && model_file_info(file, &info, err);
    if (ok) *n_tokens = info.context_tokens;
    model_file_close(file);
    return ok;
}

/* Runs both programs once; rates are A's. *status is that of the one that failed. */
static bool try_programs(struct experiment *e, double rates[AB_TESTS], int *status, struct err *err)
{
    struct ab_result *result = e->result;
    for (int i = 1; i >= 0; i--) {
        struct ab_usage usage;
        double values[AB_QUANTITIES];
        bool ok =
            ab_measure(&result->programs[i], &result->work, FIRST_TIMEOUT_NS, values, &usage, err);
        *status = usage.status;
        if (!ok) return false;
        memcpy(rates, values, AB_TESTS * sizeof *rates);
        if (usage.duration_ns > e->timeout_ns) e->timeout_ns = usage.duration_ns;
    }
    return true;
}

static bool prepare(struct experiment *e, struct err *err)
{
    const struct ab_options *options = e->options;
    struct ab_work *work = &e->result->work;
    struct counters counters;
    double rates[AB_TESTS];
    int64_t n_context;
    int status = 0;
    if (!find_context(options->model, &n_context, err)) return false;
    *work = (struct ab_work){.model = options->model,
                             .prompt = FIRST_PROMPT < n_context / 4 ? FIRST_PROMPT : n_context / 4,
                             .generate = FIRST_GENERATED,
                             .batch = options->batch,
                             .repeat = 1,
                             .options = options->passed,
                             .n_options = options->n_passed,
                             .without_limits = true};
    memcpy(work->tests, options->tests, sizeof work->tests);
    for (int i = 0; i < 2; i++)
        if (!ab_program_init(&e->result->programs[i], options->lines[i], err)) return false;
    for (int i = 0; i < 2; i++)
        if (!ab_program_ask_version(&e->result->programs[i], err)) return false;
    bool ok = try_programs(e, rates, &status, err);
    if (!ok && status == USAGE_STATUS) { /* perhaps one that does not know --no-limits */
        err_clear(err);
        work->without_limits = false;
        ok = try_programs(e, rates, &status, err);
    }
    if (!ok) return false;
    ab_choose_sizes(work, rates, options->block_seconds, n_context);
    e->timeout_ns = 60 * SECOND_NS + 10 * e->timeout_ns +
                    (int64_t)(100 * options->block_seconds * (double)SECOND_NS);
    counters_open(&counters);
    e->result->counters_fault = counters.fault;
    counters_close(&counters);
    return true;
}

/* ---- Blocks ---- */

static bool run_block(struct experiment *e, struct err *err)
{
    struct ab_result *result = e->result;
    enum ab_arm arms[AB_ARMS];
    ab_orders_next(&e->orders, arms);
    for (size_t i = 0; i < AB_ARMS; i++) {
        struct ab_usage usage;
        double values[AB_QUANTITIES];
        if (!ab_measure(&result->programs[arms[i] == AB_B], &result->work, e->timeout_ns, values,
                        &usage, err))
            return err && err->code != ERR_INTERRUPTED
                       ? err_context(err, "measuring block %zu", result->n_blocks + 1)
                       : false;
        for (int k = 0; k < AB_QUANTITIES; k++)
            if (!ab_series_put(&result->series[k], result->n_blocks, arms[i], values[k], err))
                return false;
        if (usage.foreign_share < 0) continue;
        if (!mem_grow((void **)&result->shares, &result->share_capacity, result->n_shares + 1,
                      sizeof *result->shares, MAX_SHARES, err))
            return false;
        result->shares[result->n_shares++] = usage.foreign_share;
    }
    result->n_blocks++;
    return true;
}

static struct ab_rule rule_of(const struct ab_options *options)
{
    struct ab_rule rule = {.margin = options->margin};
    for (int i = 0; i < AB_TESTS; i++) rule.n_tests += options->tests[i];
    return rule;
}

/* Whether the blocks are enough; *ending says why. */
static bool is_enough(const struct experiment *e, enum ab_ending *ending)
{
    const struct ab_options *options = e->options;
    const struct ab_result *result = e->result;
    const struct ab_rule rule = rule_of(options);
    bool is_precise = result->n_blocks >= options->min_blocks;
    for (int i = 0; i < AB_TESTS; i++) {
        if (!options->tests[i]) continue;
        struct interval decisive = result->comparisons[i].decisive;
        *ending = AB_PROVED;
        if (ab_is_proved_slower(&result->series[i], &result->comparisons[i], &rule)) return true;
        is_precise = is_precise && decisive.high - decisive.low <= options->precision;
    }
    *ending = is_precise ? AB_PRECISE : AB_TIME_UP;
    return is_precise || clock_ns() - e->begin_ns >= (int64_t)(60e9 * options->minutes);
}

static void compare(struct ab_result *result)
{
    result->verdict = AB_SAME;
    for (int k = 0; k < AB_QUANTITIES; k++) result->comparisons[k] = ab_compare(&result->series[k]);
}

static void show_progress(struct experiment *e)
{
    struct ab_result *result = e->result;
    double spent = (double)(clock_ns() - e->begin_ns), all = 60e9 * e->options->minutes;
    int n = snprintf(e->label, sizeof e->label, "ab");
    for (int i = 0; i < AB_TESTS; i++)
        if (e->options->tests[i])
            n += snprintf(e->label + n, sizeof e->label - (size_t)n, " %s %+.1f%%",
                          AB_QUANTITY_NAMES[i], ab_percent(result->comparisons[i].b.mean));
    e->progress.total =
        (size_t)fmax((double)result->n_blocks, ceil(all / spent * (double)result->n_blocks));
    progress_update(&e->progress, result->n_blocks);
}

/* True once there are enough blocks, or Ctrl-C was pressed after some. */
static bool run_blocks(struct experiment *e, struct err *err)
{
    struct ab_result *result = e->result;
    bool ok = true;
    e->begin_ns = clock_ns();
    progress_begin(&e->progress, e->options->console, e->label, 0, 0);
    do {
        ok = run_block(e, err);
        if (ok) compare(result);
        if (ok) show_progress(e);
    } while (ok && !is_enough(e, &result->ending));
    progress_end(&e->progress);
    result->duration_ns = clock_ns() - e->begin_ns;
    if (ok || !result->n_blocks || !interrupt_requested()) return ok;
    result->ending = AB_STOPPED;
    compare(result);
    err_clear(err);
    return true;
}

/* The largest slowdown of the tests that are slower for sure, by however much; 0: of none. */
static double judge(struct ab_result *result, const struct ab_options *options)
{
    const struct ab_rule rule = rule_of(options);
    double slowdown = 0;
    result->verdict = AB_SAME;
    for (int i = 0; i < AB_TESTS; i++) {
        if (!options->tests[i]) continue;
        result->verdicts[i] =
            ab_judge(&result->series[i], &result->comparisons[i], &rule, &result->reasons[i]);
        if (result->verdicts[i] > result->verdict) result->verdict = result->verdicts[i];
        if (result->comparisons[i].decisive.high < 0)
            slowdown = fmax(slowdown, -result->comparisons[i].b.mean);
    }
    return slowdown;
}

bool ab_run(const struct ab_options *options, struct ab_result *result, struct err *err)
{
    struct experiment e = {
        .options = options, .result = result, .orders = ab_orders_begin(options->seed)};
    *result = (struct ab_result){0};
    snprintf(e.label, sizeof e.label, "ab");
    if (!prepare(&e, err) || !run_blocks(&e, err)) return false;
    double slowdown = judge(result, options);
    if (slowdown <= 0 || options->without_kernels || interrupt_requested()) return true;
    const struct ab_kernels_options kernels = {.programs = result->programs,
                                               .model = options->model,
                                               .isa = options->isa,
                                               .without_limits = result->work.without_limits,
                                               .slowdown = slowdown,
                                               .minutes = options->minutes,
                                               .seed = options->seed,
                                               .console = options->console};
    return ab_kernels_compare(&kernels, &result->kernels, err);
}

void ab_result_done(struct ab_result *result)
{
    for (int i = 0; i < 2; i++) ab_program_done(&result->programs[i]);
    for (int i = 0; i < AB_QUANTITIES; i++) free(result->series[i].blocks);
    free(result->shares);
    ab_kernels_done(&result->kernels);
    *result = (struct ab_result){0};
}
