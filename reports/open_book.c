/* open_book.c - see open_book.h. Differences of right and wrong have the interval and the test of
 * pairs; those of other metrics the paired bootstrap.
 */
#include "reports/open_book.h"

#include "base/mem.h"
#include "reports/tables.h"
#include "results/paired.h"
#include "results/stats/bootstrap.h"
#include "results/stats/means.h"
#include "results/stats/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAIRS = 1024, MAX_ITEMS = 1 << 24, BOOTSTRAP_ROUNDS = 1000, BOOTSTRAP_SEED = 1 };

/* ---- Answers of a pair ---- */

/* The scores of questions by one metric, with the book closed and open. */
struct answers {
    double *closed, *open, *hit; /* [n]; hit: whether an accepted answer was read, NaN: not known */
    size_t n, closed_capacity, open_capacity, hit_capacity;
    uint64_t only_closed, only_open;
};

static void answers_done(struct answers *answers)
{
    free(answers->closed);
    free(answers->open);
    free(answers->hit);
}

static bool add_answer(struct answers *answers, double closed, double open, double hit,
                       struct err *err)
{
    size_t n = answers->n + 1;
    if (!mem_grow((void **)&answers->closed, &answers->closed_capacity, n, sizeof(double),
                  MAX_ITEMS, err) ||
        !mem_grow((void **)&answers->open, &answers->open_capacity, n, sizeof(double), MAX_ITEMS,
                  err) ||
        !mem_grow((void **)&answers->hit, &answers->hit_capacity, n, sizeof(double), MAX_ITEMS,
                  err))
        return false;
    answers->closed[answers->n] = closed;
    answers->open[answers->n] = open;
    answers->hit[answers->n++] = hit;
    return true;
}

/* Fills own with the scores by the jobs' metric, f1 with those by F1 where both jobs have it. */
static bool read_answers(struct store *store, int64_t closed, int64_t open, struct answers *own,
                         struct answers *f1, struct err *err)
{
    struct query *query = paired_answers(store, closed, open, err);
    int more = -1;
    bool done = true;
    while (done && (more = query_next(query, err)) > 0) {
        const struct answer_pair pair = paired_answer(query);
        double hit = pair.retrieval_hit_b;
        own->only_closed += pair.is_correct_a && !pair.is_correct_b;
        own->only_open += !pair.is_correct_a && pair.is_correct_b;
        done = add_answer(own, pair.score_a, pair.score_b, hit, err);
        if (done && !isnan(pair.f1_a) && !isnan(pair.f1_b))
            done = add_answer(f1, pair.f1_a, pair.f1_b, hit, err);
    }
    query_close(query);
    return done && more == 0;
}

/* The mean of the scores whose hit is `hit`; of all for NAN. NAN for none. */
static double mean_of(const double *scores, const double *hits, size_t n, double hit)
{
    double sum = 0;
    size_t n_summed = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(hit) && hits[i] != hit) continue;
        sum += scores[i];
        n_summed++;
    }
    return n_summed ? sum / (double)n_summed : NAN;
}

static bool bootstrap_change(const struct answers *answers, struct estimate *change,
                             struct err *err)
{
    size_t n = answers->n;
    double *changes = mem_new(n, sizeof *changes, err);
    if (!changes) return false;
    for (size_t i = 0; i < n; i++) changes[i] = answers->open[i] - answers->closed[i];
    *change = stats_estimate(changes, NULL, n, 1);
    change->interval = stats_bootstrap_mean(changes, n, BOOTSTRAP_ROUNDS, BOOTSTRAP_SEED);
    free(changes);
    return true;
}

static bool summarise(const struct answers *answers, bool is_right_or_wrong, struct open_book *book,
                      struct err *err)
{
    const double *hits = answers->hit;
    size_t n = answers->n;
    book->closed = mean_of(answers->closed, hits, n, NAN);
    book->open = mean_of(answers->open, hits, n, NAN);
    book->hit_rate = mean_of(hits, hits, n, NAN);
    book->open_hit = mean_of(answers->open, hits, n, 1);
    book->open_miss = mean_of(answers->open, hits, n, 0);
    book->p = NAN;
    if (!is_right_or_wrong) return bootstrap_change(answers, &book->change, err);
    book->change = stats_paired(answers->only_closed, answers->only_open, n);
    book->p = stats_mcnemar(answers->only_closed, answers->only_open);
    return true;
}

/* ---- Pairs ---- */

/* Pairs of jobs, whose figures are not known yet. */
struct pairs {
    struct open_book *items;
    size_t n, capacity;
};

static bool list_pairs(struct store *store, const struct report_data *data,
                       const struct report_entry *entry, struct pairs *pairs, struct err *err)
{
    struct query *query = paired_books(store, entry->run, entry->model, entry->quantization, err);
    int more = -1;
    bool done = true;
    while (done && (more = query_next(query, err)) > 0) {
        const struct book_row row = paired_book(query);
        done = mem_grow((void **)&pairs->items, &pairs->capacity, pairs->n + 1,
                        sizeof *pairs->items, MAX_PAIRS, err);
        if (!done) break;
        struct open_book *pair = &pairs->items[pairs->n++];
        *pair = (struct open_book){.entry = entry,
                                   .closed_job = row.closed_job,
                                   .open_job = row.open_job,
                                   .suite = arena_string(data->arena, row.suite, err),
                                   .protocol = arena_string(data->arena, row.protocol, err),
                                   .shots = row.shots,
                                   .metric = arena_string(data->arena, row.metric, err),
                                   .top_k = row.top_k,
                                   .max_tokens = row.max_tokens};
        done = pair->suite && pair->protocol && pair->metric;
    }
    query_close(query);
    return done && more == 0;
}

/* Appends what a pair gives to books: one by its jobs' own metric, and one by F1. */
static bool summarise_pair(struct store *store, const struct open_book *pair,
                           struct open_book *books, size_t *n, struct err *err)
{
    struct answers own = {0}, f1 = {0};
    bool done = read_answers(store, pair->closed_job, pair->open_job, &own, &f1, err);
    if (done && own.n) {
        books[*n] = *pair;
        done = summarise(&own, true, &books[(*n)++], err);
    }
    if (done && f1.n) {
        books[*n] = *pair;
        books[*n].metric = "f1";
        done = summarise(&f1, false, &books[(*n)++], err);
    }
    answers_done(&own);
    answers_done(&f1);
    return done;
}

bool open_book_load(struct store *store, const struct report_data *data, struct open_book **books,
                    size_t *n, struct err *err)
{
    struct pairs pairs = {0};
    bool done = true;
    *n = 0;
    for (size_t i = 0; done && i < data->n_entries; i++)
        done = list_pairs(store, data, &data->entries[i], &pairs, err);
    *books = done ? arena_alloc(data->arena, 2 * pairs.n, sizeof **books, err) : NULL;
    done = *books != NULL;
    for (size_t i = 0; done && i < pairs.n; i++)
        done = summarise_pair(store, &pairs.items[i], *books, n, err);
    free(pairs.items);
    return done;
}

/* ---- The table ---- */

static void cell_percent(struct table *table, double rate)
{
    char text[32] = "";
    if (!isnan(rate)) snprintf(text, sizeof text, "%.2f", 100 * rate);
    table_cell(table, "%s", text);
}

struct table *tables_open_book(const struct report_data *data, const struct open_book *books,
                               size_t n, struct err *err)
{
    struct table *table =
        table_new(data->arena,
                  "model|quantization|suite|protocol|>shots|reads|metric|>n|>closed|>open|"
                  ">difference|95% interval|>p|>found|>open if found|>open if not",
                  err);
    if (!table) return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct open_book *book = &books[i];
        tables_begin_row(table, book->entry, book->suite, book->protocol, book->shots);
        table_cell(table, "%lld passage%s, %lld tokens", (long long)book->top_k,
                   book->top_k == 1 ? "" : "s", (long long)book->max_tokens);
        table_cell(table, "%s", book->metric);
        table_cell(table, "%llu", (unsigned long long)book->change.n);
        cell_percent(table, book->closed);
        cell_percent(table, book->open);
        table_cell(table, "%+.2f", 100 * book->change.mean);
        table_cell(table, "%+.2f to %+.2f", 100 * book->change.interval.low,
                   100 * book->change.interval.high);
        if (isnan(book->p)) table_cell(table, "%s", "");
        else table_cell(table, "%.3g", book->p);
        cell_percent(table, book->hit_rate);
        cell_percent(table, book->open_hit);
        cell_percent(table, book->open_miss);
    }
    return table_check(table, err) ? table : NULL;
}
