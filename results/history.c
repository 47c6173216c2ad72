/* history.c - see history.h: one query reads all numbers in the order of series, revision, run;
 * what lies between two places where one of these changes is a series, a point, a run.
 *
 * Texts that a row shares with the one before are kept once.
 */
#include "results/history.h"

#include "base/mem.h"
#include "results/metric.h"
#include "results/stats/order.h"
#include "results/store_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 30 };

/* ---- Numbers ---- */

/* A repetition, or a score. */
struct number {
    struct history_key key;
    const char *unit, *revision;
    bool is_dirty;
    int64_t first_unix_ms, run;
    double value;
};

struct numbers {
    struct number *items; /* in the arena */
    size_t n, capacity;
};

/* Further scores than a job's own are only there when they are asked for by name. */
static struct query *select_numbers(struct store *store, const struct history_filter *filter,
                                    struct err *err)
{
    static const char NUMBERS[] =
        "WITH revision AS (SELECT git_revision, git_dirty, min(started_unix_ms) AS first "
        "FROM run JOIN build ON build.id = run.build GROUP BY git_revision, git_dirty), "
        "found (job, metric, name, protocol, shots, prompt, generate, batch, threads, isa, unit, "
        "value) AS ("
        "SELECT job, 'speed', test, '', 0, prompt_tokens, generated_tokens, batch, n_threads, isa, "
        "'tokens/s', tokens_per_s FROM speed_sample WHERE NOT is_warm_up AND tokens_per_s > 0 "
        "AND test IN ('prefill', 'decode', 'batched_decode') "
        "UNION ALL SELECT job, test, test, '', 0, prompt_tokens, 0, 0, n_threads, isa, 's', "
        "duration_ns * 1e-9 FROM speed_sample WHERE NOT is_warm_up "
        "AND test IN ('load', 'first_token') "
        "UNION ALL SELECT job, 'memory', 'memory', '', 0, 0, 0, 0, n_threads, isa, 'MiB', "
        "max(rss_bytes) / 1048576.0 FROM speed_sample WHERE rss_bytes > 0 "
        "GROUP BY job, n_threads, isa "
        "UNION ALL SELECT job, metric, suite, protocol, shots, 0, 0, 0, 0, '', unit, score "
        "FROM v_scores WHERE depth = 0) "
        "SELECT found.metric, model.name_in_config, model.quantization, found.name, "
        "found.protocol, found.shots, prompt, generate, batch, "
        "coalesce(json_extract(job.parameters, '$.kv'), ''), threads, found.isa, "
        "CASE threads WHEN 0 THEN '' ELSE coalesce(machine.cpu_model, '') END, "
        "CASE threads WHEN 0 THEN '' ELSE coalesce(machine.hostname_hash, '') END, "
        "unit, revision.git_revision, revision.git_dirty, first, run.id, value "
        "FROM found JOIN job ON job.id = found.job JOIN run ON run.id = job.run "
        "JOIN build ON build.id = run.build JOIN revision "
        "ON revision.git_revision = build.git_revision AND revision.git_dirty = build.git_dirty "
        "JOIN machine ON machine.id = run.machine JOIN model ON model.id = job.model "
        "WHERE job.kind <> 'kernels' AND (?1 IS NULL OR found.metric = ?1) "
        "AND (threads > 0 OR found.metric = job.metric OR found.metric = ?1) "
        "AND (?2 IS NULL OR model.name_in_config = ?2) AND (?3 IS NULL OR found.name = ?3) "
        "ORDER BY CASE WHEN threads = 0 THEN 4 WHEN found.metric = 'speed' THEN 0 "
        "WHEN found.metric = 'memory' THEN 1 WHEN found.metric = 'load' THEN 2 ELSE 3 END, "
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, first, revision.git_revision, "
        "revision.git_dirty, run.id";
    struct query *query = query_begin(store, NUMBERS, err);
    query_add_text(query, filter->metric);
    query_add_text(query, filter->model);
    query_add_text(query, filter->suite);
    return query;
}

/* The column's text in the arena: that of the row before, where it is the same. */
static const char *keep(struct arena *arena, const struct query *query, int column,
                        const char *before, struct err *err)
{
    const char *text = query_text(query, column);
    return before && !strcmp(before, text) ? before : arena_string(arena, text, err);
}

static bool read_number(struct arena *arena, const struct query *query, const struct number *before,
                        struct number *number, struct err *err)
{
    struct history_key *key = &number->key;
    const char **texts[] = {&key->metric,   &key->model,   &key->quantization, &key->name,
                            &key->protocol, &key->kv,      &key->isa,          &key->cpu_model,
                            &key->host,     &number->unit, &number->revision};
    static const int COLUMNS[] = {0, 1, 2, 3, 4, 9, 11, 12, 13, 14, 15};
    *number = *before;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!(*texts[i] = keep(arena, query, COLUMNS[i], *texts[i], err))) return false;
    key->shots = (int)query_integer(query, 5);
    key->prompt_tokens = (int)query_integer(query, 6);
    key->generated_tokens = (int)query_integer(query, 7);
    key->batch = (int)query_integer(query, 8);
    key->n_threads = (int)query_integer(query, 10);
    number->is_dirty = query_integer(query, 16) != 0;
    number->first_unix_ms = query_integer(query, 17);
    number->run = query_integer(query, 18);
    number->value = query_number(query, 19);
    return true;
}

static bool read_numbers(struct store *store, const struct history_filter *filter,
                         struct arena *arena, struct numbers *numbers, struct err *err)
{
    struct query *query = select_numbers(store, filter, err);
    struct number before = {0};
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        ok = arena_grow(arena, (void **)&numbers->items, &numbers->capacity, numbers->n + 1,
                        sizeof *numbers->items, err) &&
             read_number(arena, query, &before, &numbers->items[numbers->n], err);
        if (ok) before = numbers->items[numbers->n++];
    }
    query_close(query);
    return ok && more == 0;
}

/* ---- Series of numbers ---- */

static bool is_same_key(const struct history_key *a, const struct history_key *b)
{
    return !strcmp(a->metric, b->metric) && !strcmp(a->model, b->model) &&
           !strcmp(a->quantization, b->quantization) && !strcmp(a->name, b->name) &&
           !strcmp(a->protocol, b->protocol) && !strcmp(a->kv, b->kv) && !strcmp(a->isa, b->isa) &&
           !strcmp(a->cpu_model, b->cpu_model) && !strcmp(a->host, b->host) &&
           a->shots == b->shots && a->prompt_tokens == b->prompt_tokens &&
           a->generated_tokens == b->generated_tokens && a->batch == b->batch &&
           a->n_threads == b->n_threads;
}

static bool is_of_same_series(const struct number *a, const struct number *b)
{
    return is_same_key(&a->key, &b->key);
}

static bool is_of_same_point(const struct number *a, const struct number *b)
{
    return !strcmp(a->revision, b->revision) && a->is_dirty == b->is_dirty;
}

static bool is_of_same_run(const struct number *a, const struct number *b)
{
    return a->run == b->run;
}

typedef bool is_same_fn(const struct number *a, const struct number *b);

/* How many of the first numbers belong together. */
static size_t count_same(const struct number *numbers, size_t n, is_same_fn *is_same)
{
    size_t i = 1;
    while (i < n && is_same(numbers, numbers + i)) i++;
    return i;
}

/* How many groups there are. */
static size_t count_groups(const struct number *numbers, size_t n, is_same_fn *is_same)
{
    size_t n_groups = 0;
    for (size_t i = 0; i < n; n_groups++) i += count_same(numbers + i, n - i, is_same);
    return n_groups;
}

/* values: room for 2 n numbers. */
static struct history_point make_point(const struct number *numbers, size_t n, double *values)
{
    struct history_point point = {.revision = numbers->revision,
                                  .is_dirty = numbers->is_dirty,
                                  .first_unix_ms = numbers->first_unix_ms};
    double *medians = values + n;
    for (size_t i = 0, n_run; i < n; i += n_run) {
        n_run = count_same(numbers + i, n - i, is_of_same_run);
        for (size_t k = 0; k < n_run; k++) values[k] = numbers[i + k].value;
        medians[point.n_runs++] = stats_median(values, n_run);
    }
    point.value = stats_median(medians, point.n_runs);
    return point;
}

static bool is_change_at(const struct history_series *series, size_t i_point)
{
    for (size_t i = 0; i < series->n_changes; i++)
        if (series->changes[i].index == i_point) return true;
    return false;
}

/* values: room for as many numbers as there are points. */
static void find_noise(struct history_series *series, double *values)
{
    size_t n = 0;
    for (size_t i = 1; i < series->n_points; i++) {
        double before = series->points[i - 1].value;
        if (before != 0 && !is_change_at(series, i))
            values[n++] = fabs(series->points[i].value / before - 1);
    }
    double first = stats_quantile(values, n, 0.25), third = stats_quantile(values, n, 0.75);
    series->n_noise = n;
    series->noise = n < HISTORY_MIN_CHANGES ? NAN : third + 3 * (third - first);
}

static bool is_better_higher(const struct history_key *key)
{
    if (!strcmp(key->metric, HISTORY_SPEED)) return true;
    return key->n_threads == 0 && metric_find(key->metric)->better == BETTER_HIGHER;
}

static bool make_series(struct arena *arena, const struct number *numbers, size_t n,
                        struct history_series *series, struct err *err)
{
    size_t n_points = count_groups(numbers, n, is_of_same_point);
    double *values = mem_new(2 * n, sizeof *values, err);
    *series = (struct history_series){.key = numbers->key,
                                      .unit = numbers->unit,
                                      .is_better_higher = is_better_higher(&numbers->key)};
    series->points = values ? arena_alloc(arena, n_points, sizeof *series->points, err) : NULL;
    series->changes =
        series->points ? arena_alloc(arena, n_points, sizeof *series->changes, err) : NULL;
    bool ok = series->changes != NULL;
    for (size_t i = 0, n_same; ok && i < n; i += n_same) {
        n_same = count_same(numbers + i, n - i, is_of_same_point);
        series->points[series->n_points++] = make_point(numbers + i, n_same, values);
    }
    if (ok) {
        for (size_t i = 0; i < n_points; i++) values[i] = series->points[i].value;
        series->n_changes =
            stats_change_points(values, n_points, &CHANGE_POINT_RULES, series->changes);
        find_noise(series, values);
    }
    free(values);
    return ok;
}

static bool make_all(struct history *history, const struct numbers *numbers, struct err *err)
{
    const struct number *items = numbers->items;
    size_t n_series = count_groups(items, numbers->n, is_of_same_series);
    history->series = arena_alloc(history->arena, n_series, sizeof *history->series, err);
    bool ok = history->series != NULL;
    for (size_t i = 0, n_same; ok && i < numbers->n; i += n_same) {
        n_same = count_same(items + i, numbers->n - i, is_of_same_series);
        ok = make_series(history->arena, items + i, n_same, &history->series[history->n_series++],
                         err);
    }
    return ok;
}

struct history *history_load(struct store *store, const struct history_filter *filter,
                             struct err *err)
{
    struct history *history = mem_new(1, sizeof *history, err);
    if (!history) return NULL;
    struct numbers numbers = {0};
    history->arena = arena_new(MAX_BYTES, err);
    if (history->arena && read_numbers(store, filter, history->arena, &numbers, err) &&
        make_all(history, &numbers, err))
        return history;
    history_free(history);
    return NULL;
}

void history_free(struct history *history)
{
    if (!history) return;
    arena_free(history->arena);
    free(history);
}

/* ---- For a gate ---- */

bool history_threshold(struct store *store, const struct history_key *key, double *threshold,
                       size_t *n, struct err *err)
{
    const struct history_filter filter = {key->metric, key->model, key->name};
    struct history *history = history_load(store, &filter, err);
    *threshold = NAN;
    *n = 0;
    for (size_t i = 0; history && i < history->n_series; i++) {
        if (!is_same_key(&history->series[i].key, key)) continue;
        *threshold = history->series[i].noise;
        *n = history->series[i].n_noise;
    }
    history_free(history);
    return history != NULL;
}

bool history_machine(struct store *store, int64_t run, struct arena *arena, const char **cpu_model,
                     const char **host, struct err *err)
{
    static const char MACHINE[] =
        "SELECT coalesce(cpu_model, ''), coalesce(hostname_hash, '') "
        "FROM run JOIN machine ON machine.id = run.machine WHERE run.id = ?1";
    struct query *query = query_begin_of(store, MACHINE, run, err);
    bool ok = query_need(query, "the machine of the run", err);
    *cpu_model = ok ? arena_string(arena, query_text(query, 0), err) : NULL;
    *host = *cpu_model ? arena_string(arena, query_text(query, 1), err) : NULL;
    query_close(query);
    return *host != NULL;
}
