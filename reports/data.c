/* data.c - see data.h. Rows come from results/read.h; repetitions are summarised here, not in SQL,
 * by the project's own statistics.
 */
#include "reports/data.h"

#include "base/mem.h"
#include "results/read.h"
#include "results/stats/order.h"
#include "results/stats/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 1 << 20 };

/* A list that grows by doubling, in memory of its own: report_data_free frees it. */
struct list {
    void *items;
    size_t n, capacity, size;
};

static void *list_add(struct list *list, struct err *err)
{
    if (!mem_grow(&list->items, &list->capacity, list->n + 1, list->size, MAX_ROWS, err))
        return NULL;
    void *item = (char *)list->items + list->n++ * list->size;
    memset(item, 0, list->size);
    return item;
}

static const char *copy(struct report_data *data, const char *text, struct err *err)
{
    return arena_string(data->arena, text, err);
}

/* Opens the query of each run in turn and calls row for every row; row gives false on failure. */
typedef struct query *open_fn(struct store *store, int64_t run, struct err *err);
typedef bool row_fn(struct report_data *data, struct query *query, int64_t run, struct list *list,
                    struct err *err);

static bool each_run(struct store *store, struct report_data *data, open_fn *open, row_fn *row,
                     struct list *list, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < data->n_runs; i++) {
        struct query *query = open(store, data->runs[i], err);
        int more = 0;
        while (ok && (more = query_next(query, err)) > 0)
            ok = row(data, query, data->runs[i], list, err);
        ok = ok && more == 0;
        query_close(query);
    }
    return ok;
}

/* ---- Entries ---- */

static bool add_entry(struct report_data *data, struct query *query, int64_t run, struct list *list,
                      struct err *err)
{
    const struct model_row row = read_model(query);
    struct report_entry *entry = list_add(list, err);
    if (!entry) return false;
    entry->run = run;
    entry->model = copy(data, row.model, err);
    entry->quantization = copy(data, row.quantization, err);
    entry->n_params = row.n_params;
    entry->n_bytes = row.n_bytes;
    entry->is_synthetic = row.is_synthetic;
    entry->published = copy(data, row.published, err);
    if (!entry->model || !entry->quantization || !entry->published) return false;
    char run_text[32] = "";
    if (data->n_runs > 1) snprintf(run_text, sizeof run_text, ", run %lld", (long long)run);
    const char *synthetic = entry->is_synthetic ? " (synthetic)" : "";
    entry->name = arena_printf(data->arena, err, "%s%s%s", entry->model, synthetic, run_text);
    entry->label = arena_printf(data->arena, err, "%s %s%s%s", entry->model, entry->quantization,
                                synthetic, run_text);
    return entry->name && entry->label;
}

static size_t place_in(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(names[i], name)) return i;
    names[*n] = name;
    return (*n)++;
}

static bool number_entries(struct report_data *data, struct err *err)
{
    data->models = arena_alloc(data->arena, data->n_entries + 1, sizeof *data->models, err);
    data->quantizations =
        arena_alloc(data->arena, data->n_entries + 1, sizeof *data->quantizations, err);
    if (!data->models || !data->quantizations) return false;
    for (size_t i = 0; i < data->n_entries; i++) {
        struct report_entry *entry = &data->entries[i];
        entry->i_model = place_in(data->models, &data->n_models, entry->model);
        entry->i_quantization =
            place_in(data->quantizations, &data->n_quantizations, entry->quantization);
    }
    return true;
}

/* The entry of a run's row; SIZE_MAX if there is none. */
static size_t find_entry(const struct report_data *data, int64_t run, const char *model,
                         const char *quantization)
{
    for (size_t i = 0; i < data->n_entries; i++) {
        const struct report_entry *entry = &data->entries[i];
        if (entry->run == run && !strcmp(entry->model, model) &&
            !strcmp(entry->quantization, quantization))
            return i;
    }
    return SIZE_MAX;
}

size_t report_base_entry(const struct report_data *data, size_t i_entry)
{
    const struct report_entry *entry = &data->entries[i_entry];
    size_t i = 0;
    while (data->entries[i].i_model != entry->i_model || data->entries[i].run != entry->run) i++;
    return i;
}

/* ---- Scores ---- */

bool report_score_is_perplexity(const struct report_score *score)
{
    return score->facts->kind == METRIC_OF_TEXTS;
}

bool report_score_is_points(const struct report_score *score)
{
    return score->facts->kind == METRIC_OF_JUDGES;
}

bool report_score_is_by_rule(const struct report_score *score)
{
    return report_score_is_points(score) && !strcmp(score->protocol, "reference-match");
}

/* The protocol of points names the judge, and its shots are always none. */
static const char *name_measure(struct report_data *data, const struct report_score *score,
                                struct err *err)
{
    if (report_score_is_perplexity(score)) return score->protocol;
    if (report_score_is_points(score))
        return arena_printf(data->arena, err, "%s, %s%s", score->suite,
                            report_score_is_by_rule(score) ? "judged by the rule " : "",
                            score->protocol);
    return arena_printf(data->arena, err, "%s, %s, %d %s", score->suite, score->protocol,
                        score->shots, score->shots == 1 ? "shot" : "shots");
}

static bool add_score(struct report_data *data, struct query *query, int64_t run, struct list *list,
                      struct err *err)
{
    const struct score_row row = read_score(query);
    size_t i_entry = find_entry(data, run, row.model, row.quantization);
    if (i_entry == SIZE_MAX) return true;
    struct report_score *score = list_add(list, err);
    if (!score) return false;
    score->i_entry = i_entry;
    score->job = row.job;
    score->suite = copy(data, row.suite, err);
    score->protocol = copy(data, row.protocol, err);
    score->shots = row.shots;
    score->metric = copy(data, row.metric, err);
    score->score = row.score;
    score->low = row.low;
    score->high = row.high;
    score->n = row.n;
    score->subset = copy(data, row.subset, err);
    score->chance = row.chance;
    score->depth = row.depth;
    score->level = copy(data, row.level, err);
    score->category = copy(data, row.category, err);
    score->is_main = row.is_main;
    score->n_whole = row.n_whole;
    if (!score->suite || !score->protocol || !score->metric || !score->subset || !score->level ||
        !score->category)
        return false;
    score->facts = metric_find(score->metric);
    score->measure = name_measure(data, score, err);
    return score->measure != NULL;
}

bool report_score_is_beside(const struct report_score *a, const struct report_score *b)
{
    return !strcmp(a->suite, b->suite) && !strcmp(a->protocol, b->protocol) && a->shots == b->shots;
}

bool report_score_is_like(const struct report_score *a, const struct report_score *b)
{
    return report_score_is_beside(a, b) && !strcmp(a->metric, b->metric);
}

const struct report_score *report_main_score(const struct report_data *data, size_t i_entry,
                                             const struct report_score *measure)
{
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (score->i_entry == i_entry && score->is_main && report_score_is_beside(score, measure))
            return score;
    }
    return NULL;
}

bool report_score_is_share(const struct report_score *score)
{
    if (!metric_is_percent(score->facts) || score->n < 1) return false;
    double right = score->score / 100 * (double)score->n;
    if (fabs(right - round(right)) > 1e-6) return false;
    struct interval wilson = stats_wilson((uint64_t)round(right), (uint64_t)score->n);
    return fabs(100 * wilson.low - score->low) < 1e-6 &&
           fabs(100 * wilson.high - score->high) < 1e-6;
}

/* The first main score of every measure, in order of appearance. */
static bool list_measures(struct report_data *data, struct err *err)
{
    data->measures = arena_alloc(data->arena, data->n_scores, sizeof *data->measures, err);
    if (!data->measures) return false;
    for (size_t i = 0; i < data->n_scores; i++) {
        bool is_new = data->scores[i].is_main;
        for (size_t m = 0; m < data->n_measures; m++)
            if (report_score_is_beside(&data->scores[i], data->measures[m])) is_new = false;
        if (is_new) data->measures[data->n_measures++] = &data->scores[i];
    }
    return true;
}

/* ---- Speeds ---- */

/* One repetition, before it is summarised with its kind. */
struct sample {
    struct report_speed kind;
    double value;
};

static bool is_same_kind(const struct report_speed *a, const struct report_speed *b)
{
    return a->run == b->run && a->i_entry == b->i_entry && !strcmp(a->test, b->test) &&
           !strcmp(a->isa, b->isa) && a->prompt == b->prompt && a->generate == b->generate &&
           a->batch == b->batch && a->threads == b->threads;
}

bool report_speed_is_time(const struct report_speed *speed)
{
    return !strcmp(speed->test, "load") || !strcmp(speed->test, "first_token");
}

static bool put_sample(struct report_data *data, const struct sample_row *row, int64_t run,
                       size_t i_entry, struct list *list, struct err *err)
{
    const struct speed_record *speed = &row->speed;
    struct sample *sample = list_add(list, err);
    if (!sample) return false;
    sample->kind = (struct report_speed){
        .run = run,
        .i_entry = i_entry,
        .test = copy(data, speed->test, err),
        .isa = copy(data, speed->isa, err),
        .prompt = speed->prompt_tokens,
        .generate = speed->generated_tokens,
        .batch = speed->batch,
        .threads = speed->n_threads,
        .gb_per_s = speed->gb_per_s,
        .gmac_per_s = speed->gmac_per_s,
        .rss_bytes = (double)speed->rss_bytes,
        .percent_of_limit = speed->percent_of_limit,
    };
    if (!sample->kind.test || !sample->kind.isa) return false;
    bool is_time = i_entry == SIZE_MAX || report_speed_is_time(&sample->kind);
    sample->value = is_time ? (double)speed->duration_ns * 1e-9 : speed->tokens_per_s;
    return true;
}

static bool add_sample(struct report_data *data, struct query *query, int64_t run,
                       struct list *list, struct err *err)
{
    const struct sample_row row = read_sample(query);
    size_t i_entry = find_entry(data, run, row.model, row.quantization);
    return i_entry == SIZE_MAX || put_sample(data, &row, run, i_entry, list, err);
}

static bool add_kernel(struct report_data *data, struct query *query, int64_t run,
                       struct list *list, struct err *err)
{
    const struct sample_row row = read_sample(query);
    return put_sample(data, &row, run, SIZE_MAX, list, err);
}

/* Summarises samples [begin, end) of one kind. */
static bool summarise(const struct sample *samples, size_t begin, size_t end,
                      struct report_speed *speed, struct err *err)
{
    size_t n = end - begin;
    double *values = mem_new(4 * n, sizeof *values, err);
    if (!values) return false;
    *speed = samples[begin].kind;
    speed->n = n;
    for (size_t i = 0; i < n; i++) {
        const struct sample *sample = &samples[begin + i];
        values[i] = sample->value;
        values[n + i] = sample->kind.gb_per_s;
        values[2 * n + i] = sample->kind.gmac_per_s;
        values[3 * n + i] = sample->kind.percent_of_limit;
        if (sample->kind.rss_bytes > speed->rss_bytes) speed->rss_bytes = sample->kind.rss_bytes;
    }
    speed->median = stats_median(values, n);
    speed->low = stats_quantile(values, n, 0.25);
    speed->high = stats_quantile(values, n, 0.75);
    speed->gb_per_s = stats_median(values + n, n);
    speed->gmac_per_s = stats_median(values + 2 * n, n);
    speed->percent_of_limit = stats_median(values + 3 * n, n);
    free(values);
    return true;
}

static bool summarise_all(const struct list *samples, struct list *speeds, struct err *err)
{
    const struct sample *all = samples->items;
    for (size_t begin = 0, end; begin < samples->n; begin = end) {
        for (end = begin + 1; end < samples->n && is_same_kind(&all[begin].kind, &all[end].kind);)
            end++;
        struct report_speed *speed = list_add(speeds, err);
        if (!speed || !summarise(all, begin, end, speed, err)) return false;
    }
    return true;
}

void report_speed_label(const struct report_speed *speed, char *text, size_t n_bytes)
{
    if (!strcmp(speed->test, "prefill")) snprintf(text, n_bytes, "prefill %d", speed->prompt);
    else if (!strcmp(speed->test, "load")) snprintf(text, n_bytes, "load");
    else if (!strcmp(speed->test, "first_token"))
        snprintf(text, n_bytes, "first token after %d", speed->prompt);
    else if (speed->batch > 1)
        snprintf(text, n_bytes, "decode %d, %d together after %d", speed->generate, speed->batch,
                 speed->prompt);
    else snprintf(text, n_bytes, "decode %d after %d", speed->generate, speed->prompt);
}

double report_entry_rate(const struct report_data *data, size_t i_entry, bool is_decode)
{
    double rate = 0;
    for (size_t i = 0; i < data->n_speeds; i++) {
        const struct report_speed *speed = &data->speeds[i];
        if (speed->i_entry == i_entry && !strcmp(speed->test, is_decode ? "decode" : "prefill"))
            rate = fmax(rate, speed->median);
    }
    return rate;
}

/* ---- Notes ---- */

static bool add_note(struct report_data *data, struct query *query, int64_t run, struct list *list,
                     struct err *err)
{
    const struct note_row row = read_note(query);
    size_t i_entry = find_entry(data, run, row.model, row.quantization);
    if (i_entry == SIZE_MAX) return true;
    struct report_note *note = list_add(list, err);
    if (!note) return false;
    note->i_entry = i_entry;
    note->suite = copy(data, row.suite, err);
    note->protocol = copy(data, row.protocol, err);
    note->shots = row.shots;
    note->kind = copy(data, row.kind, err);
    note->count = row.count;
    note->text = copy(data, row.text, err);
    note->job = row.job;
    return note->suite && note->protocol && note->kind && note->text;
}

/* ---- All ---- */

struct report_data *report_data_load(struct store *store, const int64_t *runs, size_t n_runs,
                                     struct err *err)
{
    struct report_data *data = mem_new(1, sizeof *data, err);
    struct list entries = {.size = sizeof(struct report_entry)},
                whole = {.size = sizeof(struct report_score)}, subsets = whole, divergences = whole,
                samples = {.size = sizeof(struct sample)}, kernel_samples = samples,
                speeds = {.size = sizeof(struct report_speed)}, kernels = speeds,
                notes = {.size = sizeof(struct report_note)};
    if (!data) return NULL;
    data->arena = arena_new(0, err);
    data->runs = data->arena ? arena_alloc(data->arena, n_runs, sizeof *runs, err) : NULL;
    bool ok = data->runs != NULL;
    if (ok) memcpy(data->runs, runs, n_runs * sizeof *runs);
    data->n_runs = n_runs;
    ok = ok && each_run(store, data, read_models, add_entry, &entries, err);
    data->entries = entries.items;
    data->n_entries = entries.n;
    ok = ok && number_entries(data, err) &&
         each_run(store, data, read_scores, add_score, &whole, err) &&
         each_run(store, data, read_divergences, add_score, &divergences, err) &&
         each_run(store, data, read_subset_scores, add_score, &subsets, err) &&
         each_run(store, data, read_samples, add_sample, &samples, err) &&
         summarise_all(&samples, &speeds, err) &&
         each_run(store, data, read_kernel_samples, add_kernel, &kernel_samples, err) &&
         summarise_all(&kernel_samples, &kernels, err) &&
         each_run(store, data, read_notes, add_note, &notes, err);
    free(samples.items);
    free(kernel_samples.items);
    data->scores = whole.items;
    data->n_scores = whole.n;
    data->divergences = divergences.items;
    data->n_divergences = divergences.n;
    data->subsets = subsets.items;
    data->n_subsets = subsets.n;
    data->speeds = speeds.items;
    data->n_speeds = speeds.n;
    data->kernels = kernels.items;
    data->n_kernels = kernels.n;
    data->notes = notes.items;
    data->n_notes = notes.n;
    if (ok && list_measures(data, err)) return data;
    report_data_free(data);
    return NULL;
}

void report_data_free(struct report_data *data)
{
    if (!data) return;
    free(data->entries);
    free(data->scores);
    free(data->divergences);
    free(data->subsets);
    free(data->speeds);
    free(data->kernels);
    free(data->notes);
    arena_free(data->arena);
    free(data);
}
