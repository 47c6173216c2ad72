/* comparison_speed.c - what was measured: tokens per second, memory and load time, as ratios with
 * intervals that know how much a measurement moves from run to run.
 *
 * A run's value is its median, since repetitions in one process share its luck. Runs of the same
 * program, configuration and machine count together. How far runs spread is estimated from them,
 * together with what is assumed beforehand, which weighs as much as PRIOR_RUNS runs more (Smyth
 * 2004, "Linear models and empirical Bayes methods", equation for the moderated variance): so two
 * single runs can be compared, and every further one makes the interval narrower.
 */
#include "results/comparison_parts.h"

#include "base/mem.h"
#include "results/history.h"
#include "results/stats/distributions.h"
#include "results/stats/order.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 1 << 22, PRIOR_RUNS = 4 };
/* A share of the machine from which a measurement counts as disturbed. */
static const double DISTURBED = 0.05;
/* Assumed spreads between runs, as fractions and beside them a constant, which is much of a small
 * model; that of speeds is the caller's. */
static const double MEMORY_NOISE = 0.005, MEMORY_NOISE_MIB = 0.5;
static const double LOAD_NOISE = 0.15, LOAD_NOISE_S = 0.002;

/* A repetition. */
struct sample {
    const char *model, *test; /* test: "decode 64, 8 together, 2 threads"; of memory "MiB" */
    enum line_kind kind;
    int64_t run;
    double value, foreign;  /* foreign: NaN where it is not known */
    struct history_key key; /* of a speed, without its machine */
};
struct samples {
    struct sample *items; /* [n], those of one measurement and run together */
    size_t n, capacity, n_models;
};

/* A measurement's value in every run that has it. */
struct runs_of_test {
    double *values; /* [n] natural logarithms of the runs' medians */
    size_t n;
    double own;     /* that of the run itself, NaN: it lacks the measurement */
    double foreign; /* the largest median share of others in a run; 0: not known */
    size_t n_disturbed, n_samples;
};

/* ---- Reading ---- */

static bool add_sample(struct samples *samples, const struct sample *sample, struct err *err)
{
    if (!mem_grow((void **)&samples->items, &samples->capacity, samples->n + 1,
                  sizeof *samples->items, MAX_SAMPLES, err))
        return false;
    samples->items[samples->n++] = *sample;
    return true;
}

static const char *test_label(struct arena *arena, const struct query *query, struct err *err)
{
    struct buf label = {0};
    const char *test = query_text(query, 2);
    int64_t prompt = query_integer(query, 3), generated = query_integer(query, 4);
    int64_t batch = query_integer(query, 5), threads = query_integer(query, 6);
    buf_text(&label, test);
    if (generated) buf_printf(&label, " %lld after %lld", (long long)generated, (long long)prompt);
    else if (prompt) buf_printf(&label, " %lld", (long long)prompt);
    if (batch > 1) buf_printf(&label, ", %lld together", (long long)batch);
    buf_printf(&label, ", %lld thread%s", (long long)threads, threads == 1 ? "" : "s");
    return arena_take(arena, &label, err);
}

static enum line_kind kind_of(const char *test)
{
    return !strcmp(test, "load") ? LINE_LOAD : LINE_SPEED;
}

/* A speed where there is one, otherwise the time, of which less is better. */
static double value_of(const struct query *query)
{
    if (query_number(query, 8) > 0) return query_number(query, 8);
    if (query_number(query, 9) > 0) return query_number(query, 9);
    return query_number(query, 7) * 1e-9;
}

/* What the row's history is found by. */
static bool set_key(struct arena *arena, const struct query *query, struct history_key *key,
                    struct err *err)
{
    *key = (struct history_key){.metric = HISTORY_SPEED,
                                .protocol = "",
                                .model = arena_string(arena, query_text(query, 0), err),
                                .quantization = arena_string(arena, query_text(query, 1), err),
                                .name = arena_string(arena, query_text(query, 2), err),
                                .prompt_tokens = (int)query_integer(query, 3),
                                .generated_tokens = (int)query_integer(query, 4),
                                .batch = (int)query_integer(query, 5),
                                .n_threads = (int)query_integer(query, 6),
                                .isa = arena_string(arena, query_text(query, 13), err),
                                .kv = arena_string(arena, query_text(query, 14), err)};
    return key->model && key->quantization && key->name && key->isa && key->kv;
}

/* Adds the row's speed and its memory. */
static bool add_row(struct comparing *comparing, const struct query *query, struct samples *samples,
                    struct err *err)
{
    struct arena *arena = comparing->comparison->arena;
    double mib = query_number(query, 10) / (1 << 20);
    struct sample sample = {
        .model = arena_printf(arena, err, "%s %s", query_text(query, 0), query_text(query, 1)),
        .test = test_label(arena, query, err),
        .kind = kind_of(query_text(query, 2)),
        .run = query_integer(query, 12),
        .value = value_of(query),
        .foreign = query_is_null(query, 11) ? NAN : query_number(query, 11)};
    if (!sample.model || !sample.test || !set_key(arena, query, &sample.key, err) ||
        !add_sample(samples, &sample, err))
        return false;
    sample.kind = LINE_MEMORY;
    sample.test = "MiB";
    sample.value = mib;
    sample.foreign = NAN;
    return !(mib > 0) || add_sample(samples, &sample, err);
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    int order = strcmp(x->model, y->model);
    if (!order) order = (x->kind > y->kind) - (x->kind < y->kind);
    if (!order) order = strcmp(x->test, y->test);
    return order ? order : (x->run > y->run) - (x->run < y->run);
}

/* The samples of the side's run and of those that are like it, sorted. */
static bool read_samples_of(struct comparing *comparing, const struct side *side,
                            struct samples *samples, struct err *err)
{
    static const char SAMPLES[] =
        "SELECT model.name_in_config, model.quantization, s.test, s.prompt_tokens, "
        "s.generated_tokens, s.batch, s.n_threads, s.duration_ns, s.tokens_per_s, s.gmac_per_s, "
        "s.rss_bytes, s.foreign_share, job.run, s.isa, "
        "coalesce(json_extract(job.parameters, '$.kv'), '') "
        "FROM speed_sample AS s JOIN job ON job.id = s.job JOIN model ON model.id = job.model "
        "WHERE NOT s.is_warm_up AND s.test NOT GLOB 'limit_*' AND s.test <> 'first_token' "
        "AND job.run IN (SELECT other.id FROM run other JOIN run ON run.id = ?1 "
        "JOIN build ON build.id = run.build WHERE " IS_RUN_LIKE_IT ")";
    struct query *query = query_begin_of(side->store, SAMPLES, side->run, err);
    int more = -1;
    while ((more = query_next(query, err)) > 0)
        if (!add_row(comparing, query, samples, err)) {
            more = -1;
            break;
        }
    query_close(query);
    if (more == 0 && samples->n)
        qsort(samples->items, samples->n, sizeof *samples->items, compare_samples);
    for (size_t i = 0; i < samples->n; i++)
        samples->n_models +=
            !i || strcmp(samples->items[i].model, samples->items[i - 1].model) != 0;
    return more == 0;
}

/* ---- A measurement ---- */

static bool is_disturbed(const struct sample *sample)
{
    return sample->foreign > DISTURBED; /* false for NaN */
}

/* The logarithm of the median of a run's undisturbed samples [n]; of all where most are disturbed.
 * Memory is the largest. */
static double value_of_run(const struct sample *samples, size_t n, struct runs_of_test *runs)
{
    double *values = mem_new_or_end(n, sizeof *values), largest = 0;
    double *shares = mem_new_or_end(n, sizeof *shares);
    size_t n_values = 0, n_shares = 0, n_disturbed = 0;
    for (size_t i = 0; i < n; i++) n_disturbed += is_disturbed(&samples[i]);
    bool takes_all = 2 * n_disturbed > n;
    for (size_t i = 0; i < n; i++) {
        if (takes_all || !is_disturbed(&samples[i])) values[n_values++] = samples[i].value;
        if (isfinite(samples[i].foreign)) shares[n_shares++] = samples[i].foreign;
        largest = fmax(largest, samples[i].value);
    }
    double value = samples->kind == LINE_MEMORY ? largest : stats_median(values, n_values);
    if (n_shares) runs->foreign = fmax(runs->foreign, stats_median(shares, n_shares));
    runs->n_disturbed += n_disturbed;
    runs->n_samples += n;
    free(values);
    free(shares);
    return log(value);
}

/* Gathers the runs of the measurement that begins at *at, and moves it past them. */
static struct runs_of_test gather(const struct samples *samples, size_t *at, int64_t own_run)
{
    const struct sample *first = &samples->items[*at];
    struct runs_of_test runs = {.own = NAN};
    size_t end = *at;
    while (end < samples->n && !strcmp(samples->items[end].model, first->model) &&
           samples->items[end].kind == first->kind &&
           !strcmp(samples->items[end].test, first->test))
        end++;
    runs.values = mem_new_or_end(end - *at, sizeof *runs.values);
    while (*at < end) {
        const struct sample *begin = &samples->items[*at];
        size_t n = 1;
        while (*at + n < end && samples->items[*at + n].run == begin->run) n++;
        runs.values[runs.n] = value_of_run(begin, n, &runs);
        if (begin->run == own_run) runs.own = runs.values[runs.n];
        runs.n++;
        *at += n;
    }
    return runs;
}

static double mean_of(const struct runs_of_test *runs, double *squares)
{
    double mean = 0;
    for (size_t i = 0; i < runs->n; i++) mean += runs->values[i] / (double)runs->n;
    *squares = 0;
    for (size_t i = 0; i < runs->n; i++)
        *squares += (runs->values[i] - mean) * (runs->values[i] - mean);
    return mean;
}

/* The change in percent. Runs of one program on both sides tell how far runs spread, and only the
 * two that were named are compared. */
static void set_change(const struct runs_of_test *base, const struct runs_of_test *candidate,
                       bool is_same_program, double noise, struct comparison_line *line)
{
    double squares_base, squares_candidate;
    double mean_base = mean_of(base, &squares_base);
    double mean_candidate = mean_of(candidate, &squares_candidate);
    double n_base = (double)base->n, n_candidate = (double)candidate->n;
    uint64_t n_free = base->n - 1;
    double squares = squares_base;
    if (is_same_program) {
        mean_base = base->own;
        mean_candidate = candidate->own;
        n_base = n_candidate = 1;
    } else {
        n_free += candidate->n - 1;
        squares += squares_candidate;
    }
    double variance = (PRIOR_RUNS * noise * noise + squares) / (PRIOR_RUNS + (double)n_free);
    double error = sqrt(variance * (1 / n_base + 1 / n_candidate));
    double ratio = mean_candidate - mean_base;
    double half = stats_student(PRIOR_RUNS + n_free) * error;
    line->base = exp(mean_base);
    line->candidate = exp(mean_candidate);
    line->change = (struct estimate){100 * expm1(ratio),
                                     100 * error * exp(ratio),
                                     {100 * expm1(ratio - half), 100 * expm1(ratio + half)},
                                     (uint64_t)(n_base + n_candidate)};
    line->p = stats_student_p(ratio / error, PRIOR_RUNS + n_free);
}

static bool set_doubt(struct comparing *comparing, const struct runs_of_test *base,
                      const struct runs_of_test *candidate, struct comparison_line *line,
                      struct err *err)
{
    const struct runs_of_test *worse = base->foreign > candidate->foreign ? base : candidate;
    line->doubt = "";
    if (2 * worse->n_disturbed <= worse->n_samples) return true;
    line->doubt = arena_printf(comparing->comparison->arena, err,
                               "others had %.0f%% of the machine while the %s was measured",
                               100 * worse->foreign, worse == base ? "base" : "candidate");
    return line->doubt != NULL;
}

/* By how much the speed differs from revision to revision without a reason. */
static bool set_usual(struct comparing *comparing, const struct sample *sample,
                      struct comparison_line *line, struct err *err)
{
    const struct side *side = comparing->candidate;
    struct history_key key = sample->key;
    size_t n;
    line->usual = NAN;
    if (line->kind != LINE_SPEED || !comparing->options->with_history) return true;
    if (!history_machine(side->store, side->run, comparing->comparison->arena, &key.cpu_model,
                         &key.host, err) ||
        !history_threshold(side->store, &key, &line->usual, &n, err))
        return false;
    line->usual *= 100;
    return true;
}

/* The spread between runs that is assumed beforehand, of a value whose logarithm this is. */
static double noise_of(enum line_kind kind, double logarithm, double of_speeds)
{
    if (kind == LINE_SPEED) return of_speeds;
    if (kind == LINE_MEMORY) return MEMORY_NOISE + MEMORY_NOISE_MIB * exp(-logarithm);
    return LOAD_NOISE + LOAD_NOISE_S * exp(-logarithm);
}

static bool add_measurement(struct comparing *comparing, const struct sample *sample,
                            const struct runs_of_test *base, const struct runs_of_test *candidate,
                            bool is_same_program, struct err *err)
{
    const struct comparison *comparison = comparing->comparison;
    bool is_speed = sample->kind == LINE_SPEED;
    struct comparison_line line = {
        .kind = sample->kind,
        .label = arena_printf(comparison->arena, err, "%s, %s", sample->model, sample->test),
        .unit = "%",
        .better = is_speed ? BETTER_HIGHER : BETTER_LOWER,
        .p_holm = NAN,
        .decides = true};
    double noise = noise_of(sample->kind, base->own, comparison->noise);
    if (!line.label || !isfinite(base->own) || !isfinite(candidate->own)) return line.label;
    set_change(base, candidate, is_same_program, noise, &line);
    return set_doubt(comparing, base, candidate, &line, err) &&
           set_usual(comparing, sample, &line, err) && comparing_add_line(comparing, &line, err);
}

/* Order of two measurements; models of different names are one if each side has only one. */
static int compare_measurements(const struct samples *base, size_t i,
                                const struct samples *candidate, size_t j)
{
    struct sample a = base->items[i], b = candidate->items[j];
    if (base->n_models == 1 && candidate->n_models == 1) a.model = b.model;
    a.run = b.run = 0;
    return compare_samples(&a, &b);
}

static bool add_measurements(struct comparing *comparing, const struct samples *base,
                             const struct samples *candidate, bool is_same_program, struct err *err)
{
    bool ok = true;
    for (size_t i = 0, j = 0; ok && i < base->n && j < candidate->n;) {
        int order = compare_measurements(base, i, candidate, j);
        const struct sample *sample = &base->items[i];
        if (order < 0) i++;
        else if (order > 0) j++;
        else {
            struct runs_of_test a = gather(base, &i, comparing->base->run);
            struct runs_of_test b = gather(candidate, &j, comparing->candidate->run);
            ok = add_measurement(comparing, sample, &a, &b, is_same_program, err);
            free(a.values);
            free(b.values);
        }
    }
    return ok;
}

/* Whether the runs of both sides that are like theirs are the same ones. */
static bool is_same_program(const struct comparing *comparing, const struct samples *base)
{
    if (comparing->base->store != comparing->candidate->store) return false;
    for (size_t i = 0; i < base->n; i++)
        if (base->items[i].run == comparing->candidate->run) return true;
    return false;
}

bool comparing_read_speeds(struct comparing *comparing, struct err *err)
{
    struct samples base = {0}, candidate = {0};
    bool ok =
        read_samples_of(comparing, comparing->base, &base, err) &&
        read_samples_of(comparing, comparing->candidate, &candidate, err) &&
        add_measurements(comparing, &base, &candidate, is_same_program(comparing, &base), err);
    free(base.items);
    free(candidate.items);
    return ok;
}
