/* store_scores.c - from a job's verdicts to its rows of `score`.
 *
 * SQL lays the verdicts out sorted, once for the whole and once for every group an item counts in;
 * one pass over them closes a group when its name changes. The formulas are those of stats.h. Only
 * stored rows go in, so that a resumed run and a regraded one get what an undisturbed one gets.
 */
#include "results/store_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "results/stats.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 28 };

/* The group that is being read, and the finished groups of the finest level. */
struct scorer {
    struct store *store;
    int64_t job;
    int depth;
    struct buf level, name, cluster_name, metric;
    double *scores;     /* [n] */
    uint32_t *clusters; /* [n] */
    size_t n, n_clusters, scores_capacity, clusters_capacity;
    struct estimate *parts; /* [n_parts] */
    size_t n_parts, parts_capacity;
};

static void scorer_done(struct scorer *scorer)
{
    buf_free(&scorer->level);
    buf_free(&scorer->name);
    buf_free(&scorer->cluster_name);
    buf_free(&scorer->metric);
    free(scorer->scores);
    free(scorer->clusters);
    free(scorer->parts);
}

static bool insert_score(const struct scorer *scorer, int depth, const char *metric,
                         const struct estimate *estimate, struct err *err)
{
    static const char INSERT_SCORE[] =
        "INSERT INTO score (job, depth, level, name, metric, score, low, high, error, n) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    struct statement insert = statement_begin(scorer->store, INSERT_SCORE);
    statement_integer(&insert, scorer->job);
    statement_integer(&insert, depth);
    statement_text(&insert, depth ? buf_string(&scorer->level) : "");
    statement_text(&insert, depth ? buf_string(&scorer->name) : "");
    statement_text(&insert, metric);
    statement_number(&insert, estimate->mean);
    statement_number(&insert, estimate->interval.low);
    statement_number(&insert, estimate->interval.high);
    statement_number(&insert, estimate->error); /* NaN, of one item, is stored as NULL */
    statement_integer(&insert, (int64_t)estimate->n);
    return statement_run(&insert, err);
}

static bool close_group(struct scorer *scorer, struct err *err)
{
    if (scorer->n == 0) return true;
    struct estimate estimate =
        stats_estimate(scorer->scores, scorer->clusters, scorer->n, scorer->n_clusters);
    if (!insert_score(scorer, scorer->depth, buf_string(&scorer->metric), &estimate, err))
        return false;
    if (scorer->depth != 1) return true;
    if (!mem_grow((void **)&scorer->parts, &scorer->parts_capacity, scorer->n_parts + 1,
                  sizeof *scorer->parts, MAX_ITEMS, err))
        return false;
    scorer->parts[scorer->n_parts++] = estimate;
    return true;
}

static bool open_group(struct scorer *scorer, int depth, const char *level, const char *name,
                       struct err *err)
{
    scorer->depth = depth;
    scorer->n = scorer->n_clusters = 0;
    buf_clear(&scorer->level);
    buf_clear(&scorer->name);
    buf_text(&scorer->level, level);
    buf_text(&scorer->name, name);
    return buf_check(&scorer->level, err) && buf_check(&scorer->name, err);
}

static bool add_score(struct scorer *scorer, const char *cluster, double score, struct err *err)
{
    if (scorer->n_clusters == 0 || strcmp(buf_string(&scorer->cluster_name), cluster) != 0) {
        buf_clear(&scorer->cluster_name);
        buf_text(&scorer->cluster_name, cluster);
        if (!buf_check(&scorer->cluster_name, err)) return false;
        scorer->n_clusters++;
    }
    size_t n = scorer->n + 1;
    if (!mem_grow((void **)&scorer->scores, &scorer->scores_capacity, n, sizeof(double), MAX_ITEMS,
                  err) ||
        !mem_grow((void **)&scorer->clusters, &scorer->clusters_capacity, n, sizeof(uint32_t),
                  MAX_ITEMS, err))
        return false;
    scorer->scores[scorer->n] = score;
    scorer->clusters[scorer->n++] = (uint32_t)(scorer->n_clusters - 1);
    return true;
}

static bool read_rows(struct scorer *scorer, struct err *err)
{
    static const char SORTED_SCORES[] =
        "WITH graded AS (SELECT verdict.score AS score, item.groups AS groups, "
        "coalesce(json_extract(item.groups, '$[0][1]'), '') AS cluster "
        "FROM response JOIN verdict ON verdict.response = response.id "
        "JOIN item ON item.id = response.item WHERE response.job = ?1) "
        "SELECT 0, '', '', cluster, score FROM graded UNION ALL "
        "SELECT each.key + 1, coalesce(json_extract(each.value, '$[0]'), ''), "
        "coalesce(json_extract(each.value, '$[1]'), ''), cluster, score FROM graded, "
        "json_each(graded.groups) AS each ORDER BY 1, 2, 3, 4, 5";
    struct statement select = statement_begin(scorer->store, SORTED_SCORES);
    statement_integer(&select, scorer->job);
    int more;
    bool fine = true;
    while (fine && (more = statement_next(&select, err)) > 0) {
        int depth = sqlite3_column_int(select.handle, 0);
        const char *level = statement_column(&select, 1), *name = statement_column(&select, 2);
        bool is_same = scorer->n > 0 && depth == scorer->depth &&
                       !strcmp(level, buf_string(&scorer->level)) &&
                       !strcmp(name, buf_string(&scorer->name));
        fine = (is_same ||
                (close_group(scorer, err) && open_group(scorer, depth, level, name, err))) &&
               add_score(scorer, statement_column(&select, 3),
                         sqlite3_column_double(select.handle, 4), err);
    }
    if (!fine) statement_done(&select);
    return fine && more == 0 && close_group(scorer, err);
}

static bool insert_macro(struct scorer *scorer, struct err *err)
{
    if (scorer->n_parts == 0) return true;
    struct estimate macro = stats_macro(scorer->parts, scorer->n_parts);
    return buf_text(&scorer->metric, "_macro")
               ? insert_score(scorer, 0, buf_string(&scorer->metric), &macro, err)
               : buf_check(&scorer->metric, err);
}

static bool replace_scores(struct scorer *scorer, struct err *err)
{
    static const char DELETE_SCORES[] = "DELETE FROM score WHERE job = ?1";
    struct statement delete = statement_begin(scorer->store, DELETE_SCORES);
    statement_integer(&delete, scorer->job);
    return statement_run(&delete, err) && read_rows(scorer, err) && insert_macro(scorer, err);
}

static bool read_metric(struct scorer *scorer, struct err *err)
{
    static const char METRIC_OF[] = "SELECT metric FROM job WHERE id = ?1";
    struct statement select = statement_begin(scorer->store, METRIC_OF);
    statement_integer(&select, scorer->job);
    int more = statement_next(&select, err);
    if (more < 0) return false;
    if (more == 0)
        return err_set_at(err, ERR_INPUT, store_path(scorer->store), 0, 0, "there is no job %lld",
                          (long long)scorer->job);
    buf_text(&scorer->metric, statement_column(&select, 0));
    statement_done(&select);
    return buf_check(&scorer->metric, err);
}

bool store_compute_scores(struct store *store, int64_t job, struct err *err)
{
    struct scorer scorer = {.store = store, .job = job};
    bool done = read_metric(&scorer, err) && store_enter(store, err);
    if (done) done = store_leave(store, replace_scores(&scorer, err), err);
    scorer_done(&scorer);
    return done;
}
