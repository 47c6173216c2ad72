/* findings.c - see findings.h. Each finding is one function that appends a claim and a text, or
 * nothing. Reads no store: pairs and books were compared before.
 */
#include "reports/findings.h"

#include "base/buf.h"
#include "results/stats/several.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SIGNIFICANT = 0.05;

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
        if (data->scores[i].i_entry == i_entry && report_score_is_like(&data->scores[i], measure))
            return &data->scores[i];
    return NULL;
}

/* Adds a finding; frees the text. */
static bool keep(const struct report_data *data, const char *claim, struct buf *text,
                 struct findings *findings, struct err *err)
{
    bool ok = buf_check(text, err);
    const char *kept = ok ? arena_string(data->arena, buf_string(text), err) : NULL;
    buf_free(text);
    if (!kept || !arena_grow(data->arena, (void **)&findings->items, &findings->capacity,
                             findings->n + 1, sizeof *findings->items, err))
        return false;
    findings->items[findings->n++] = (struct finding){claim, kept};
    return true;
}

/* What stands before the i-th of n names in a sentence. */
static const char *joint(size_t i, size_t n)
{
    return i == 0 ? "" : i + 1 < n ? ", " : " and ";
}

static const char *unit_of(const struct report_score *score)
{
    return report_score_is_points(score) ? " points" : "%";
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

/* The models that have the measure in the headline's run and quantization, by size; sizes has room
 * for all entries. Their number. */
static size_t list_sizes(const struct report_data *data, const struct report_score *headline,
                         struct sized *sizes)
{
    const struct report_entry *first = &data->entries[headline->i_entry];
    size_t n = 0;
    for (size_t i = 0; i < data->n_entries; i++) {
        const struct report_entry *entry = &data->entries[i];
        const struct report_score *score = score_of(data, headline, i);
        if (score && entry->run == first->run && entry->n_params > 0 &&
            !strcmp(entry->quantization, first->quantization))
            sizes[n++] = (struct sized){entry, score};
    }
    qsort(sizes, n, sizeof *sizes, compare_sizes);
    return n;
}

/* Writes which neighbours by size are not in order, and why. The number of those that are. */
static size_t write_order(const struct sized *sizes, size_t n, struct buf *text)
{
    size_t n_ordered = 0;
    for (size_t i = 1; i < n; i++) {
        const struct sized *smaller = &sizes[i - 1], *larger = &sizes[i];
        bool is_ordered = smaller->score->high < larger->score->low;
        n_ordered += is_ordered;
        if (is_ordered) continue;
        if (smaller->score->low > larger->score->high)
            buf_printf(text, " %s is ahead of %s, which is larger.", smaller->entry->name,
                       larger->entry->name);
        else
            buf_printf(text, " The intervals of %s and %s overlap: they do not tell the two apart.",
                       smaller->entry->name, larger->entry->name);
    }
    return n_ordered;
}

static bool find_sizes(const struct report_data *data, const struct report_score *headline,
                       struct findings *findings, struct err *err)
{
    struct sized *sizes = arena_alloc(data->arena, data->n_entries, sizeof *sizes, err);
    struct buf text = {0};
    if (!sizes) return false;
    size_t n = list_sizes(data, headline, sizes);
    if (n < 2 || sizes[0].entry->n_params == sizes[n - 1].entry->n_params) return true;
    buf_printf(&text, "Of %lld %s (%s, %s), ", (long long)headline->n, headline->facts->counted,
               headline->measure, data->entries[headline->i_entry].quantization);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&text, "%s%s %s%.1f%s", joint(i, n), sizes[i].entry->name, i ? "" : "gets ",
                   sizes[i].score->score, unit_of(headline));
        if (!i && !report_score_is_points(headline)) buf_text(&text, " right");
        buf_printf(&text, " (%s%.1f to %.1f)", i ? "" : "95% interval ", sizes[i].score->low,
                   sizes[i].score->high);
    }
    buf_text(&text, ".");
    size_t n_ordered = write_order(sizes, n, &text);
    bool is_ordered = n_ordered + 1 == n;
    bool ends_differ = sizes[0].score->high < sizes[n - 1].score->low;
    if (is_ordered) buf_text(&text, " No two intervals overlap.");
    return keep(data,
                is_ordered ? "Bigger knows more."
                : ends_differ
                    ? "The biggest knows more than the smallest, the order between is open."
                    : "Bigger is not better here.",
                &text, findings, err);
}

/* ---- What quantization loses ---- */

/* Every quantization but the first of every model whose first one is the headline's: one sentence
 * names one base. The number of pairs, with the p of their tests. */
static size_t list_losses(const struct report_pairs *pairs, const struct report_data *data,
                          const struct report_score *headline, const struct report_pair **losses,
                          double *p)
{
    const struct report_entry *first = &data->entries[headline->i_entry];
    size_t n = 0;
    for (size_t i = 0; i < pairs->n; i++) {
        const struct report_pair *pair = &pairs->items[i];
        if (!report_score_is_like(pair->score, headline) || isnan(pair->p) ||
            pair->base->i_quantization != first->i_quantization)
            continue;
        losses[n] = pair;
        p[n++] = pair->p;
    }
    return n;
}

/* Ends a parenthesis with the p of a test, as in ", p 0.032)". */
static void write_p(double p, struct buf *text)
{
    if (p < 1e-4) buf_text(text, ", p < 0.0001)");
    else buf_printf(text, ", p %.2g)", p);
}

static bool is_loss(const struct report_pair *pair, double p)
{
    return pair->change.mean < 0 && p < SIGNIFICANT;
}

/* Writes the losses beyond chance, type by type, as in "q2_k costs mini 18.0 points (9.5 to 26.5,
 * p 0.00024)". */
static void write_losses(const struct report_data *data, const struct report_pair *const *losses,
                         const double *p, size_t n, struct buf *text)
{
    const char *separator = "";
    for (size_t q = 0; q < data->n_quantizations; q++) {
        bool is_first = true;
        for (size_t i = 0; i < n; i++) {
            const struct report_pair *pair = losses[i];
            if (pair->entry->i_quantization != q || !is_loss(pair, p[i])) continue;
            if (is_first) buf_printf(text, "%s%s costs ", separator, data->quantizations[q]);
            buf_printf(text, "%s%s %.1f points (%.1f to %.1f", is_first ? "" : ", ",
                       pair->entry->name, -pair->change.mean, -pair->change.interval.high,
                       -pair->change.interval.low);
            write_p(p[i], text);
            is_first = false;
            separator = "; ";
        }
    }
}

/* Writes that the other pairs show no loss, and which of them comes nearest to one. */
static void write_rest(const struct report_pair *const *losses, const double *p, size_t n,
                       size_t n_worse, struct buf *text)
{
    size_t lowest = n;
    for (size_t i = 0; i < n; i++)
        if (!is_loss(losses[i], p[i]) &&
            (lowest == n || losses[i]->change.mean < losses[lowest]->change.mean))
            lowest = i;
    if (lowest == n) return;
    const struct report_pair *pair = losses[lowest];
    buf_text(text, n_worse ? " No loss beyond chance in " : "no loss beyond chance in ");
    if (n - n_worse == 1) buf_text(text, n_worse ? "the other: " : "the only one: ");
    else buf_printf(text, "%s %zu; the lowest is ", n_worse ? "the other" : "any of", n - n_worse);
    buf_printf(text, "%s %s, %+.1f points (%+.1f to %+.1f", pair->entry->name,
               pair->entry->quantization, pair->change.mean, pair->change.interval.low,
               pair->change.interval.high);
    write_p(p[lowest], text);
    buf_char(text, '.');
}

static bool find_losses(const struct report_data *data, const struct report_pairs *pairs,
                        const struct report_score *headline, struct findings *findings,
                        struct err *err)
{
    const struct report_pair **losses = arena_alloc(data->arena, pairs->n, sizeof *losses, err);
    double *p = arena_alloc(data->arena, pairs->n, sizeof *p, err);
    struct buf text = {0};
    if (!losses || !p) return false;
    size_t n = list_losses(pairs, data, headline, losses, p), n_worse = 0;
    if (!n) return true;
    stats_holm(p, n);
    for (size_t i = 0; i < n; i++) n_worse += is_loss(losses[i], p[i]);
    buf_printf(&text, "Against %s of the same model on the same %llu questions (%s), ",
               data->entries[headline->i_entry].quantization, (unsigned long long)losses[0]->n,
               headline->measure);
    if (n_worse) write_losses(data, losses, p, n, &text);
    buf_text(&text, n_worse ? "." : "");
    write_rest(losses, p, n, n_worse, &text);
    buf_printf(&text, " In parentheses 95%% intervals; McNemar's exact test%s.",
               n > 1 ? ", p adjusted by Holm" : "");
    return keep(data, n_worse ? "Fewer bits cost accuracy." : "Fewer bits cost nothing that shows.",
                &text, findings, err);
}

/* ---- Otherwise ---- */

/* The best score by the headline's measure: the highest, or the lowest perplexity. */
static bool find_best(const struct report_data *data, const struct report_score *headline,
                      struct findings *findings, struct err *err)
{
    const struct report_score *best = headline;
    struct buf text = {0};
    bool is_lower = headline->facts->better == BETTER_LOWER;
    for (size_t i = 0; i < data->n_scores; i++) {
        const struct report_score *score = &data->scores[i];
        bool is_better = is_lower ? score->score < best->score : score->score > best->score;
        if (is_better && report_score_is_like(score, headline)) best = score;
    }
    buf_printf(&text, "%s with %.2f%s, 95%% interval %.2f to %.2f, %lld %s (%s).",
               data->entries[best->i_entry].label, best->score, is_lower ? "" : unit_of(best),
               best->low, best->high, (long long)best->n, best->facts->counted, best->measure);
    return keep(data, is_lower ? "Lowest perplexity:" : "Highest score:", &text, findings, err);
}

bool findings_build(const struct report_data *data, const struct report_pairs *pairs,
                    struct findings *findings, struct err *err)
{
    const struct report_score *headline = headline_of(data);
    *findings = (struct findings){0};
    if (!headline) return true;
    if (report_score_is_perplexity(headline)) return find_best(data, headline, findings, err);
    return find_sizes(data, headline, findings, err) &&
           find_losses(data, pairs, headline, findings, err) &&
           (findings->n || find_best(data, headline, findings, err));
}

/* ---- What failed ---- */

bool findings_add_failures(const struct report_data *data, struct findings *findings,
                           struct err *err)
{
    struct buf text = {0};
    size_t n = 0;
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        if (strcmp(note->kind, JOB_FAILED_NOTE) != 0) continue;
        buf_printf(&text, "%s%s, %s%s%s: %s", n++ ? "; " : "", data->entries[note->i_entry].label,
                   note->suite, *note->protocol ? ", " : "", note->protocol, note->text);
    }
    if (n) return keep(data, "Failed, without a score:", &text, findings, err);
    buf_free(&text);
    return true;
}

/* ---- Open book ---- */

/* Whether a book measures the same as the first one, in the same quantization, of any model. */
static bool is_of_first(const struct open_book *book, const struct open_book *first)
{
    return !strcmp(book->suite, first->suite) && !strcmp(book->protocol, first->protocol) &&
           !strcmp(book->metric, first->metric) && book->shots == first->shots &&
           book->top_k == first->top_k && book->max_tokens == first->max_tokens &&
           book->entry->i_quantization == first->entry->i_quantization;
}

/* n_helped, n_harmed: the models whose interval lies above 0, and below it. */
static const char *claim_of_open_book(size_t n_models, size_t n_helped, size_t n_harmed)
{
    if (n_helped == n_models) return "An open book gives the facts back.";
    if (n_harmed == n_models) return "An open book distracts.";
    if (n_helped)
        return n_harmed ? "An open book helps some models and distracts others."
                        : "An open book helps some models.";
    return n_harmed ? "An open book helps no model and distracts some."
                    : "An open book does not help beyond chance.";
}

bool findings_add_open_book(const struct report_data *data, const struct open_book *books, size_t n,
                            struct findings *findings, struct err *err)
{
    struct buf text = {0};
    size_t n_models = 0, n_helped = 0, n_harmed = 0;
    double least = 1, most = 0;
    if (!n) return true;
    buf_printf(
        &text,
        "Right (%s) of %llu questions (%s, %s, %d shots, %s) without and with %lld passage%s to "
        "read: ",
        metric_title(books[0].metric), (unsigned long long)books[0].change.n, books[0].suite,
        books[0].protocol, books[0].shots, books[0].entry->quantization, (long long)books[0].top_k,
        books[0].top_k == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        const struct estimate *change = &books[i].change;
        if (!is_of_first(&books[i], &books[0])) continue;
        n_models++;
        n_helped += change->interval.low > 0;
        n_harmed += change->interval.high < 0;
        least = fmin(least, books[i].hit_rate);
        most = fmax(most, books[i].hit_rate);
        buf_printf(&text, "%s%s %.1f%% and %.1f%%, %+.1f points (%s%+.1f to %+.1f)", i ? "; " : "",
                   books[i].entry->name, 100 * books[i].closed, 100 * books[i].open,
                   100 * change->mean, i ? "" : "95% interval of the paired difference ",
                   100 * change->interval.low, 100 * change->interval.high);
    }
    buf_printf(&text, ". An accepted answer stood in what was read for %.1f%%", 100 * least);
    if (most > least) buf_printf(&text, " to %.1f%%", 100 * most);
    buf_text(&text, " of the questions.");
    return keep(data, claim_of_open_book(n_models, n_helped, n_harmed), &text, findings, err);
}
