/* recompute.c - see recompute.h. Scores are computed by the code that computes them at a job's end,
 * into a temporary table of the same name, which SQLite finds before the store's own.
 */
#include "results/recompute.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_JOBS = 1 << 24 };

struct ids {
    int64_t *items;
    size_t n, capacity;
};

/* Of a query's first column. Closes it. */
static bool collect(struct query *query, struct ids *ids, struct err *err)
{
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        ok = mem_grow((void **)&ids->items, &ids->capacity, ids->n + 1, sizeof *ids->items,
                      MAX_JOBS, err);
        if (ok) ids->items[ids->n++] = query_integer(query, 0);
    }
    query_close(query);
    return ok && more == 0;
}

/* ---- Scores ---- */

static bool compute_aside(struct store *store, struct err *err)
{
    /* Of what is no number there is no mean: faults.c tells it. */
    static const char JOBS[] =
        "SELECT id FROM main.job WHERE is_finished AND kind = 'questions' AND NOT EXISTS (SELECT 1 "
        "FROM response JOIN verdict ON verdict.response = response.id WHERE response.job = job.id "
        "AND (abs(verdict.score) >= 9e999 OR EXISTS (SELECT 1 FROM json_each(verdict.others) "
        "WHERE abs(value) >= 9e999))) ORDER BY id";
    struct ids jobs = {0};
    bool ok = store_execute(store,
                            "CREATE TEMP TABLE score AS SELECT * FROM main.score WHERE 0; "
                            "CREATE INDEX temp.score_by_job ON score (job, depth, metric, name)",
                            err) &&
              collect(query_open(store, JOBS, err), &jobs, err);
    for (size_t i = 0; ok && i < jobs.n; i++) ok = store_compute_scores(store, jobs.items[i], err);
    free(jobs.items);
    return ok;
}

/* Scores of `one` that `other` does not have. */
#define DIFFERENT(one, other)                                                                      \
    "FROM " one ".score AS a JOIN main.job ON job.id = a.job WHERE is_finished "                   \
    "AND kind = 'questions' AND NOT EXISTS (SELECT 1 FROM " other ".score AS b "                   \
    "WHERE b.job = a.job AND b.depth = a.depth AND b.metric = a.metric AND b.name = a.name "       \
    "AND b.level = a.level AND b.n = a.n AND abs(b.score - a.score) <= 1e-9)"
#define NAMED "a.metric || ' of ' || coalesce(nullif(a.name, ''), 'the whole')"
#define STORED DIFFERENT("main", "temp")
#define COMPUTED DIFFERENT("temp", "main")

static bool tell(struct store *store, const char *sql, const char *part, const char *table,
                 const char *mend, check_fault_fn *fn, void *context, struct err *err)
{
    struct query *query = query_open(store, sql, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        const struct check_fault fault = {.part = part,
                                          .table = table,
                                          .row = query_integer(query, 0),
                                          .what = query_text(query, 1),
                                          .mend = mend};
        ok = fn(context, &fault, err);
    }
    query_close(query);
    return ok && more == 0;
}

bool recompute_scores(struct store *store, check_fault_fn *fn, void *context, struct err *err)
{
    static const char WRONG[] = "SELECT a.job, 'its score ' || " NAMED
                                " || ', ' || a.score || ', is not what verdicts give' " STORED;
    static const char MISSING[] =
        "SELECT a.job, 'its score ' || " NAMED " || ' is missing' " COMPUTED
        " AND NOT EXISTS (SELECT 1 FROM main.score AS c WHERE c.job = a.job AND c.depth = a.depth "
        "AND c.metric = a.metric AND c.name = a.name AND c.level = a.level)";
    static const char MEND[] = "scores are computed from verdicts again";
    bool ok = compute_aside(store, err) &&
              tell(store, WRONG, "scores", "job", MEND, fn, context, err) &&
              tell(store, MISSING, "scores", "job", MEND, fn, context, err);
    return store_execute(store, "DROP TABLE IF EXISTS temp.score", ok ? err : NULL) && ok;
}

bool recompute_mend_scores(struct store *store, struct err *err)
{
    static const char JOBS[] = "SELECT a.job " STORED " UNION SELECT a.job " COMPUTED;
    struct ids jobs = {0};
    bool ok = compute_aside(store, err) && collect(query_open(store, JOBS, err), &jobs, err);
    ok = store_execute(store, "DROP TABLE IF EXISTS temp.score", ok ? err : NULL) && ok;
    for (size_t i = 0; ok && i < jobs.n; i++) ok = store_compute_scores(store, jobs.items[i], err);
    free(jobs.items);
    return ok;
}

/* ---- Hashes ---- */

/* The orders in which a job's items may have been hashed. */
static const char *const ORDERS[] = {"response.id", "item.id", "item.file, item.line, item.id"};
enum { N_ORDERS = COUNT_OF(ORDERS) };

/* Hashes the answers of a job in one order as a run does; also the order itself. Empty: an answer's
 * hash is not known. */
static bool hash_in_order(struct store *store, int64_t job, const char *order,
                          char hash[SHA256_HEX_BYTES], char sequence[SHA256_HEX_BYTES],
                          struct err *err)
{
    char sql[320];
    snprintf(sql, sizeof sql,
             "SELECT item.key, logits_hash FROM response JOIN item ON item.id = response.item "
             "WHERE response.job = ?1 ORDER BY %s",
             order);
    struct sha256 *of_logits = sha256_new(err), *of_keys = of_logits ? sha256_new(err) : NULL;
    struct query *query = of_keys ? query_open(store, sql, err) : NULL;
    int more = query ? 1 : -1;
    bool is_known = true;
    query_bind_integer(query, 1, job);
    while (more > 0 && (more = query_next(query, err)) > 0) {
        is_known = is_known && !query_is_null(query, 1);
        sha256_field(of_logits, query_text(query, 0));
        sha256_field(of_logits, query_text(query, 1));
        sha256_field(of_keys, query_text(query, 0));
    }
    query_close(query);
    if (of_keys) sha256_finish(of_keys, sequence);
    if (of_logits) sha256_finish(of_logits, hash);
    sha256_free(of_keys);
    sha256_free(of_logits);
    if (!is_known) hash[0] = 0;
    return more == 0;
}

/* fits: the stored hash is that of an order; or the orders differ, and it may be that of
 * another. */
static bool check_hash(struct store *store, int64_t job, const char *stored, bool *fits,
                       struct err *err)
{
    char hash[SHA256_HEX_BYTES], first[SHA256_HEX_BYTES] = "", sequence[SHA256_HEX_BYTES] = "";
    *fits = false;
    for (size_t i = 0; !*fits && i < N_ORDERS; i++) {
        if (!hash_in_order(store, job, ORDERS[i], hash, i ? sequence : first, err)) return false;
        *fits = !strcmp(hash, stored) || (i && strcmp(first, sequence) != 0);
    }
    return true;
}

/* Prompts by their hashes, which a changed base would change too. */
static bool check_prompts(struct store *store, check_fault_fn *fn, void *context, struct err *err)
{
    static const char PROMPTS[] = "SELECT prompt, hash, text FROM v_prompts ORDER BY prompt";
    char hash[SHA256_HEX_BYTES];
    struct query *query = query_open(store, PROMPTS, err);
    int more;
    bool ok = true;
    while (ok && (more = query_next(query, err)) > 0) {
        const struct check_fault fault = {.part = "hashes",
                                          .table = "prompt",
                                          .row = query_integer(query, 0),
                                          .what = "its hash is not that of its text"};
        ok = sha256_text(query_text(query, 2), hash, err) &&
             (!strcmp(hash, query_text(query, 1)) || fn(context, &fault, err));
    }
    query_close(query);
    return ok && more == 0;
}

bool recompute_hashes(struct store *store, check_fault_fn *fn, void *context, struct err *err)
{
    static const char JOBS[] = "SELECT id, logits_hash FROM job WHERE is_finished "
                               "AND logits_hash IS NOT NULL ORDER BY id";
    /* Files of pictures are no part of a fingerprint: which ones were there is what answers say. */
    static const char SEVERAL[] =
        "SELECT max(id), 'jobs ' || min(id) || ' and ' || max(id) || ' are the same and have "
        "different logits hashes' FROM job WHERE is_finished AND logits_hash IS NOT NULL "
        "GROUP BY fingerprint, coalesce(precision_items, n_items), "
        "(SELECT group_concat(seen) FROM (SELECT item.key || " SEEN_PICTURES " AS seen "
        "FROM response JOIN item ON item.id = response.item WHERE response.job = job.id "
        "AND " SEEN_PICTURES " <> '' ORDER BY item.key)) "
        "HAVING min(logits_hash) <> max(logits_hash)";
    struct query *query = query_open(store, JOBS, err);
    int more;
    bool ok = true, fits = true;
    while (ok && (more = query_next(query, err)) > 0) {
        const struct check_fault fault = {
            .part = "hashes",
            .table = "job",
            .row = query_integer(query, 0),
            .what = "its logits hash is not that of its answers: it or one of them was changed"};
        ok = check_hash(store, fault.row, query_text(query, 1), &fits, err) &&
             (fits || fn(context, &fault, err));
    }
    query_close(query);
    return ok && more == 0 && tell(store, SEVERAL, "hashes", "job", NULL, fn, context, err) &&
           check_prompts(store, fn, context, err);
}
