/* findings.c - see findings.h. Each finding is one function that appends a text, or none.
 *
 * Reads v_compare for pairs; all else comes from the report's data.
 */
#include "reports/findings.h"

#include "base/buf.h"
#include "results/stats.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_MODELS = 32, MAX_LOSSES = 128 };
static const double SIGNIFICANT = 0.05;

static bool is_same_measure(const struct report_score *a, const struct report_score *b)
{
    return report_score_is_beside(a, b) && !strcmp(a->metric, b->metric);
}

/* The first score by a job's own metric, which says what the report is about first; a perplexity if
 * there is nothing else; NULL if there is none. */
static const struct report_score *headline_of(const struct report_data *data)
{
    const struct report_score *perplexity = NULL;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        if (!score->is_main) continue;
        if (!report_score_is_perplexity(score)) return score;
        if (!perplexity) perplexity = score;
    }
    return perplexity;
}

static const struct report_score *score_of(const struct report_data *data,
                                           const struct report_score *measure, size_t i_entry)
{
    for (size_t i = 0; i < data->n_scores; i++)
        if (data->scores[i].i_entry == i_entry && is_same_measure(&data->scores[i], measure))
            return &data->scores[i];
    return NULL;
}

static bool keep(const struct report_data *data, struct buf *text, struct findings *findings,
                 struct err *err)
{
    bool ok = buf_check(text, err);
    if (ok && text->n_bytes && findings->n < FINDINGS_MAX) {
        const char *kept = arena_string(data->arena, buf_string(text), err);
        if (kept) findings->texts[findings->n++] = kept;
        ok = kept != NULL;
    }
    buf_free(text);
    return ok;
}

/* ---- Models of different size ---- */

struct sized {
    const struct report_entry *entry;
    const struct report_score *score;
};

static int compare_sizes(const void *a, const void *b)
{
    double x = ((const struct sized *)a)->entry->n_params,
           y = ((const struct sized *)b)->entry->n_params;
    return (x > y) - (x < y);
}

/* The models that have the measure in the headline's run and quantization, by size. */
static size_t list_sizes(const struct report_data *data, const struct report_score *headline,
                         struct sized sizes[MAX_MODELS])
{
    const struct report_entry *first = &data->entries[headline->i_entry];
    size_t n = 0;
    for (size_t i = 0; i < data->n_entries && n < MAX_MODELS; i++) {
        const struct report_entry *entry = &data->entries[i];
        const struct report_score *score = score_of(data, headline, i);
        if (score && entry->run == first->run && entry->n_params > 0 &&
            !strcmp(entry->quantization, first->quantization))
            sizes[n++] = (struct sized){entry, score};
    }
    qsort(sizes, n, sizeof *sizes, compare_sizes);
    return n;
}

/* Why two neighbours by size are no order. */
static void write_break(const struct sized *smaller, const struct sized *larger, struct buf *text)
{
    if (smaller->score->low > larger->score->high)
        buf_printf(text, ". %s is ahead of %s, which is larger.", smaller->entry->name,
                   larger->entry->name);
    else
        buf_printf(text, ". No order by size: the intervals of %s and %s do not tell them apart.",
                   smaller->entry->name, larger->entry->name);
}

static const char *unit_of(const struct report_score *score)
{
    return strcmp(score->unit, "points") ? "%" : " points";
}

static bool find_sizes(const struct report_data *data, const struct report_score *headline,
                       struct findings *findings, struct err *err)
{
    struct sized sizes[MAX_MODELS] = {{NULL, NULL}};
    struct buf text = {0};
    size_t n = list_sizes(data, headline, sizes), i_break = 0;
    if (n < 2 || sizes[0].entry->n_params == sizes[n - 1].entry->n_params) return true;
    for (size_t i = 1; i < n && !i_break; i++)
        if (sizes[i - 1].score->high >= sizes[i].score->low) i_break = i;
    buf_printf(&text, "%s: %s, %s, %d shots, %s: ",
               i_break ? "Size" : "The larger the model, the more it gets right", headline->suite,
               headline->protocol, headline->shots, data->entries[headline->i_entry].quantization);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s %.1f%s (%.1f to %.1f)", i ? ", " : "", sizes[i].entry->name,
                   sizes[i].score->score, unit_of(headline), sizes[i].score->low,
                   sizes[i].score->high);
    if (!i_break) buf_text(&text, ". No 95% intervals overlap.");
    else write_break(&sizes[i_break - 1], &sizes[i_break], &text);
    return keep(data, &text, findings, err);
}

/* ---- What quantization loses ---- */

struct loss {
    const struct report_entry *entry;
    struct estimate change; /* of the share of right answers */
};

static const char CHANGE_SQL[] =
    "SELECT n, only_a, only_b FROM v_compare WHERE run_a = ?1 AND run_b = ?1 AND model_a = ?2 AND "
    "quantization_a = ?3 AND model_b = ?4 AND quantization_b = ?5 AND suite = ?6 AND protocol = ?7 "
    "AND shots = ?8";

/* The entry's answers against those of `base`; p by McNemar's test. *found is false if they have no
 * question in common. */
static bool compare_with(struct store *store, const struct report_entry *base,
                         const struct report_entry *entry, const struct report_score *measure,
                         struct loss *loss, double *p, bool *found, struct err *err)
{
    struct query *query = query_open(store, CHANGE_SQL, err);
    if (!query) return false;
    report_bind_pair(query, base, entry);
    query_bind_text(query, 6, measure->suite);
    query_bind_text(query, 7, measure->protocol);
    query_bind_integer(query, 8, measure->shots);
    int more = query_next(query, err);
    *found = more > 0 && query_integer(query, 0) > 0;
    if (*found) {
        uint64_t only_a = (uint64_t)query_integer(query, 1);
        uint64_t only_b = (uint64_t)query_integer(query, 2);
        *loss =
            (struct loss){entry, stats_paired(only_a, only_b, (uint64_t)query_integer(query, 0))};
        *p = stats_mcnemar(only_a, only_b);
    }
    query_close(query);
    return more >= 0;
}

/* Every quantization but the first, with its test's p, of every model whose first one is the
 * headline's: one sentence names one base. */
static bool list_losses(struct store *store, const struct report_data *data,
                        const struct report_score *headline, struct loss *losses, double *p,
                        size_t *n, struct err *err)
{
    const struct report_entry *first = &data->entries[headline->i_entry];
    bool ok = true;
    *n = 0;
    for (size_t i = 0; ok && i < data->n_entries && *n < MAX_LOSSES; i++) {
        size_t base = report_base_entry(data, i);
        bool found = false;
        if (base != i && data->entries[base].i_quantization == first->i_quantization)
            ok = compare_with(store, &data->entries[base], &data->entries[i], headline, &losses[*n],
                              &p[*n], &found, err);
        *n += found;
    }
    return ok;
}

static void write_losses(const struct report_data *data, const struct loss *losses, size_t n,
                         struct buf *text)
{
    for (size_t q = 0; q < data->n_quantizations; q++) {
        const char *separator = text->n_bytes ? "; " : "";
        for (size_t i = 0; i < n; i++) {
            if (losses[i].entry->i_quantization != q) continue;
            if (*separator == ',') buf_text(text, separator);
            else buf_printf(text, "%s%s: ", separator, data->quantizations[q]);
            buf_printf(text, "%s %+.1f (%+.1f to %+.1f)", losses[i].entry->name,
                       losses[i].change.mean * 100, losses[i].change.interval.low * 100,
                       losses[i].change.interval.high * 100);
            separator = ", ";
        }
    }
}

static void write_significant(const struct loss *losses, const double *p, size_t n,
                              struct buf *text)
{
    size_t n_worse = 0;
    for (size_t i = 0; i < n; i++) {
        if (losses[i].change.mean >= 0 || p[i] >= SIGNIFICANT) continue;
        buf_printf(text, "%s%s %s (p %.2g)",
                   n_worse++ ? ", " : ". Worse beyond chance: ", losses[i].entry->name,
                   losses[i].entry->quantization, p[i]);
    }
    if (!n_worse) buf_text(text, ". None is worse beyond chance");
    buf_text(text, n > 1 ? ", by McNemar's exact test with Holm's adjustment."
                         : ", by McNemar's exact test.");
}

static bool find_losses(struct store *store, const struct report_data *data,
                        const struct report_score *headline, struct findings *findings,
                        struct err *err)
{
    struct loss losses[MAX_LOSSES];
    double p[MAX_LOSSES];
    size_t n, n_worse = 0;
    struct buf text = {0}, figures = {0};
    if (!list_losses(store, data, headline, losses, p, &n, err)) return false;
    if (!n) return true;
    if (!stats_holm(p, n)) return err_set(err, ERR_MEMORY, "out of memory for %zu tests", n);
    for (size_t i = 0; i < n; i++) n_worse += losses[i].change.mean < 0 && p[i] < SIGNIFICANT;
    write_losses(data, losses, n, &figures);
    buf_printf(&text, "%s: points of %s against %s, with 95%% intervals: %s",
               n_worse ? "Fewer bits cost accuracy" : "Quantization", headline->suite,
               data->entries[headline->i_entry].quantization, buf_string(&figures));
    write_significant(losses, p, n, &text);
    bool ok = buf_check(&figures, err);
    buf_free(&figures);
    if (!ok) buf_free(&text);
    return ok && keep(data, &text, findings, err);
}

/* ---- Otherwise ---- */

/* The best score by the headline's measure: the highest, or the lowest perplexity. */
static bool find_best(const struct report_data *data, const struct report_score *headline,
                      struct findings *findings, struct err *err)
{
    const struct report_score *best = headline;
    struct buf text = {0};
    bool is_perplexity = report_score_is_perplexity(headline);
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        bool is_better = is_perplexity ? score->score < best->score : score->score > best->score;
        if (is_better && is_same_measure(score, headline)) best = score;
    }
    if (is_perplexity) buf_printf(&text, "Lowest perplexity (protocol %s)", best->protocol);
    else
        buf_printf(&text, "Highest %s score (protocol %s, %d shots)", best->suite, best->protocol,
                   best->shots);
    buf_printf(&text, ": %s with %.2f%s, 95%% interval %.2f to %.2f, %lld %s.",
               data->entries[best->i_entry].label, best->score, is_perplexity ? "" : unit_of(best),
               best->low, best->high, (long long)best->n,
               is_perplexity                  ? "tokens"
               : strcmp(best->unit, "points") ? "questions"
                                              : "turns");
    return keep(data, &text, findings, err);
}

bool findings_build(struct store *store, const struct report_data *data, struct findings *findings,
                    struct err *err)
{
    const struct report_score *headline = headline_of(data);
    findings->n = 0;
    if (!headline) return true;
    if (report_score_is_perplexity(headline)) return find_best(data, headline, findings, err);
    bool is_rate = strcmp(headline->unit, "points") != 0; /* answers are right or wrong */
    return find_sizes(data, headline, findings, err) &&
           (!is_rate || find_losses(store, data, headline, findings, err)) &&
           (findings->n || find_best(data, headline, findings, err));
}

/* ---- Open book ---- */

/* Whether it is the first book's measurement, of any model in its quantization. */
static bool is_of_first(const struct open_book *book, const struct open_book *first)
{
    return !strcmp(book->suite, first->suite) && !strcmp(book->protocol, first->protocol) &&
           !strcmp(book->metric, first->metric) && book->shots == first->shots &&
           book->top_k == first->top_k && book->max_tokens == first->max_tokens &&
           book->entry->i_quantization == first->entry->i_quantization;
}

bool findings_add_open_book(const struct report_data *data, const struct open_book *books, size_t n,
                            struct findings *findings, struct err *err)
{
    struct buf text = {0}, figures = {0};
    bool helps = true;
    if (!n) return true;
    for (size_t i = 0; i < n; i++) {
        const struct estimate *change = &books[i].change;
        if (!is_of_first(&books[i], &books[0])) continue;
        helps = helps && change->interval.low > 0;
        buf_printf(&figures, "%s%s %.1f to %.1f, %+.1f (%+.1f to %+.1f)",
                   figures.n_bytes ? "; " : "", books[i].entry->name, 100 * books[i].closed,
                   100 * books[i].open, 100 * change->mean, 100 * change->interval.low,
                   100 * change->interval.high);
    }
    buf_printf(&text,
               "%s: %s of %s (protocol %s, %d shots) with %lld passages to read, with the 95%% "
               "intervals of the paired differences: %s. An accepted answer stood in what was read "
               "for %.1f%% of the questions.",
               helps ? "An open book helps" : "Open book", books[0].metric, books[0].suite,
               books[0].protocol, books[0].shots, (long long)books[0].top_k, buf_string(&figures),
               100 * books[0].hit_rate);
    bool ok = buf_check(&figures, err);
    buf_free(&figures);
    if (!ok) buf_free(&text);
    return ok && keep(data, &text, findings, err);
}
