/* open_book.c - see open_book.h. Differences of right and wrong have the interval and the test of
 * pairs; those of other metrics the paired bootstrap.
 */
#include "reports/open_book.h"

#include "base/mem.h"
#include "reports/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAIRS = 1024, MAX_ITEMS = 1 << 24, BOOTSTRAP_ROUNDS = 1000, BOOTSTRAP_SEED = 1 };

static const char PAIRS_SQL[] =
    "SELECT a.id, b.id, a.suite, a.protocol, a.shots, a.metric, "
    "json_extract(b.parameters, '$.retrieval.top_k'), "
    "json_extract(b.parameters, '$.retrieval.max_tokens') "
    "FROM job a JOIN model ON model.id = a.model "
    "JOIN job b ON b.run = a.run AND b.model = a.model AND b.dataset = a.dataset "
    "AND b.suite = a.suite AND b.shots = a.shots AND b.protocol GLOB a.protocol || '-open-book*' "
    "WHERE a.run = ?1 AND model.name_in_config = ?2 AND model.quantization = ?3 ORDER BY b.id";

static const char ANSWERS_SQL[] =
    "SELECT va.score, vb.score, va.is_correct, vb.is_correct, json_extract(va.others, '$.f1'), "
    "json_extract(vb.others, '$.f1'), json_extract(vb.others, '$.retrieval_hit') "
    "FROM response ra JOIN response rb ON rb.job = ?2 AND rb.item = ra.item "
    "JOIN verdict va ON va.response = ra.id JOIN verdict vb ON vb.response = rb.id "
    "WHERE ra.job = ?1 ORDER BY ra.item";

/* ---- Answers of a pair ---- */

/* A question in one metric. */
struct answers {
    double *closed, *open, *hit; /* [n] */
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

/* Fills main with the jobs' own metric, f1 where both have it. */
static bool read_answers(struct store *store, int64_t closed, int64_t open, struct answers *own,
                         struct answers *f1, struct err *err)
{
    struct query *query = query_open(store, ANSWERS_SQL, err);
    int more = -1;
    if (!query) return false;
    query_bind_integer(query, 1, closed);
    query_bind_integer(query, 2, open);
    bool done = true;
    while (done && (more = query_next(query, err)) > 0) {
        double hit = query_is_null(query, 6) ? NAN : query_number(query, 6);
        own->only_closed += query_integer(query, 2) && !query_integer(query, 3);
        own->only_open += !query_integer(query, 2) && query_integer(query, 3);
        done = add_answer(own, query_number(query, 0), query_number(query, 1), hit, err);
        if (done && !query_is_null(query, 4) && !query_is_null(query, 5))
            done = add_answer(f1, query_number(query, 4), query_number(query, 5), hit, err);
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

/* Books without their figures. */
struct pairs {
    struct open_book *items;
    size_t n, capacity;
};

static bool list_pairs(struct store *store, const struct report_data *data,
                       const struct report_entry *entry, struct pairs *pairs, struct err *err)
{
    struct query *query = query_open(store, PAIRS_SQL, err);
    int more = -1;
    bool done = query != NULL;
    if (!query) return false;
    query_bind_integer(query, 1, entry->run);
    query_bind_text(query, 2, entry->model);
    query_bind_text(query, 3, entry->quantization);
    while (done && (more = query_next(query, err)) > 0) {
        done = mem_grow((void **)&pairs->items, &pairs->capacity, pairs->n + 1,
                        sizeof *pairs->items, MAX_PAIRS, err);
        if (!done) break;
        struct open_book *pair = &pairs->items[pairs->n++];
        *pair = (struct open_book){.entry = entry,
                                   .closed_job = query_integer(query, 0),
                                   .open_job = query_integer(query, 1),
                                   .suite = arena_string(data->arena, query_text(query, 2), err),
                                   .protocol = arena_string(data->arena, query_text(query, 3), err),
                                   .shots = (int)query_integer(query, 4),
                                   .metric = arena_string(data->arena, query_text(query, 5), err),
                                   .top_k = query_integer(query, 6),
                                   .max_tokens = query_integer(query, 7)};
        done = pair->suite && pair->protocol && pair->metric;
    }
    query_close(query);
    return done && more == 0;
}

/* One or two of books: the pair's own metric, and F1. */
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
