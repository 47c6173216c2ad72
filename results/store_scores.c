/* store_scores.c - from a job's verdicts to its rows of `score`.
 *
 * SQL lays the verdicts out sorted, for each metric once for the whole and once for every group an
 * item counts in; one pass over them closes a group when its name changes. The formulas are those
 * of results/stats. Only stored rows go in, so that a resumed run and a regraded one get what an
 * undisturbed one gets.
 */
#include "results/store_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "results/early_stop.h"
#include "results/metric.h"
#include "results/stats/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 1 << 28 };

/* The group that is being read, and the finished groups of its metric's finest level. */
struct scorer {
    struct store *store;
    int64_t job;
    int depth;
    struct buf metric, level, name, cluster_name;
    double *scores;     /* [n] */
    uint32_t *clusters; /* [n] */
    size_t n, n_clusters, scores_capacity, clusters_capacity;
    struct estimate *parts; /* [n_parts] */
    size_t n_parts, parts_capacity;
    bool is_early;       /* asking ended when the score was precise enough */
    struct asked *asked; /* [n] then: the scores with their places in the order of asking */
    size_t asked_capacity;
};

struct asked {
    uint64_t rank;
    double score;
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
    free(scorer->asked);
}

static bool put_score(struct store *store, int64_t job, int depth, const char *level,
                      const char *name, const char *metric, const struct estimate *estimate,
                      struct err *err)
{
    static const char PUT_SCORE[] =
        "INSERT OR REPLACE INTO score (job, depth, level, name, metric, score, low, high, error, "
        "n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    if (!isfinite(estimate->mean) || !isfinite(estimate->interval.low) ||
        !isfinite(estimate->interval.high))
        return err_set(err, ERR_INPUT, "the score %s%s%s of the job is no number", metric,
                       *name ? " of " : "", name);
    struct query *insert = query_begin_of(store, PUT_SCORE, job, err);
    query_add_integer(insert, depth);
    query_add_text(insert, level);
    query_add_text(insert, name);
    query_add_text(insert, metric);
    query_add_number(insert, estimate->mean);
    query_add_number(insert, estimate->interval.low);
    query_add_number(insert, estimate->interval.high);
    query_add_number(insert, estimate->error); /* NaN, of one item, is stored as NULL */
    query_add_integer(insert, (int64_t)estimate->n);
    return query_run(insert, err);
}

bool store_put_score(struct store *store, int64_t job, const char *metric,
                     const struct estimate *estimate, struct err *err)
{
    return put_score(store, job, 0, "", "", metric, estimate, err);
}

static bool insert_score(const struct scorer *scorer, int depth, const char *metric,
                         const struct estimate *estimate, struct err *err)
{
    return put_score(scorer->store, scorer->job, depth, depth ? buf_string(&scorer->level) : "",
                     depth ? buf_string(&scorer->name) : "", metric, estimate, err);
}

/* The mean is within the range of scores, and nothing is known of it beyond that where one score
 * tells nothing of its precision; a range without an end leaves it no interval but itself. */
static void bound_interval(struct interval range, struct estimate *estimate)
{
    struct interval *interval = &estimate->interval;
    bool is_known = !isnan(interval->low), has_end = isfinite(range.low) && isfinite(range.high);
    if (is_known)
        *interval =
            (struct interval){fmax(interval->low, range.low), fmin(interval->high, range.high)};
    else *interval = has_end ? range : (struct interval){estimate->mean, estimate->mean};
}

static int compare_asked(const void *a, const void *b)
{
    const struct asked *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

/* The interval that holds whenever one stops. The scores' order becomes that of asking. */
static struct interval early_interval(struct scorer *scorer)
{
    qsort(scorer->asked, scorer->n, sizeof *scorer->asked, compare_asked);
    for (size_t i = 0; i < scorer->n; i++) scorer->scores[i] = scorer->asked[i].score;
    return early_stop_interval(scorer->scores, scorer->n);
}

static bool close_group(struct scorer *scorer, struct err *err)
{
    if (scorer->n == 0) return true;
    const struct metric *metric = metric_find(buf_string(&scorer->metric));
    bool is_loss = metric->kind == METRIC_OF_TEXTS, is_points = metric->kind == METRIC_OF_JUDGES;
    struct estimate estimate = (is_points       ? stats_mean_of_clusters
                                : is_loss       ? stats_mean
                                : metric->is_f1 ? stats_clustered_share
                                                : stats_estimate)(scorer->scores, scorer->clusters,
                                                                  scorer->n, scorer->n_clusters);
    if (scorer->is_early) estimate.interval = early_interval(scorer);
    bound_interval(metric->range, &estimate);
    if (is_loss) estimate = stats_exponential(estimate);
    if (metric->is_f1) estimate = stats_f1(estimate);
    if (!insert_score(scorer, scorer->depth, buf_string(&scorer->metric), &estimate, err))
        return false;
    if (scorer->depth != 1) return true;
    if (!mem_grow((void **)&scorer->parts, &scorer->parts_capacity, scorer->n_parts + 1,
                  sizeof *scorer->parts, MAX_ITEMS, err))
        return false;
    scorer->parts[scorer->n_parts++] = estimate;
    return true;
}

/* After the last group of a metric. */
static bool close_metric(struct scorer *scorer, struct err *err)
{
    if (!close_group(scorer, err)) return false;
    scorer->n = 0;
    if (scorer->n_parts == 0) return true;
    struct estimate macro = stats_macro(scorer->parts, scorer->n_parts);
    scorer->n_parts = 0;
    buf_text(&scorer->metric, METRIC_MACRO);
    return buf_check(&scorer->metric, err) &&
           insert_score(scorer, 0, buf_string(&scorer->metric), &macro, err);
}

/* A row of the sorted verdicts. */
struct graded {
    int depth;
    const char *metric, *level, *name, *cluster, *data_hash, *key;
    double score;
};

static bool set_text(struct buf *buf, const char *text, struct err *err)
{
    buf_clear(buf);
    buf_text(buf, text);
    return buf_check(buf, err);
}

/* Closes what the row no longer belongs to, and opens what it does. */
static bool open_group(struct scorer *scorer, const struct graded *row, struct err *err)
{
    bool is_same_metric = scorer->n > 0 && !strcmp(row->metric, buf_string(&scorer->metric));
    if (is_same_metric && row->depth == scorer->depth &&
        !strcmp(row->level, buf_string(&scorer->level)) &&
        !strcmp(row->name, buf_string(&scorer->name)))
        return true;
    if (!(is_same_metric ? close_group(scorer, err) : close_metric(scorer, err))) return false;
    scorer->depth = row->depth;
    scorer->n = scorer->n_clusters = 0;
    return set_text(&scorer->metric, row->metric, err) &&
           set_text(&scorer->level, row->level, err) && set_text(&scorer->name, row->name, err);
}

static bool add_score(struct scorer *scorer, const struct graded *row, struct err *err)
{
    const char *cluster = row->cluster;
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
                  MAX_ITEMS, err) ||
        (scorer->is_early && !mem_grow((void **)&scorer->asked, &scorer->asked_capacity, n,
                                       sizeof *scorer->asked, MAX_ITEMS, err)))
        return false;
    if (scorer->is_early)
        scorer->asked[scorer->n] =
            (struct asked){early_stop_rank(row->data_hash, row->key), row->score};
    scorer->scores[scorer->n] = row->score;
    scorer->clusters[scorer->n++] = (uint32_t)(scorer->n_clusters - 1);
    return true;
}

/* Answers cluster by the finest group; by what their keys begin with, which is a question of
 * MT-bench or a picture, where there is no group or the first is a split of one data set; and not
 * at all where it says where questions come from or whether they have a picture. */
static bool read_rows(struct scorer *scorer, struct err *err)
{
    static const char SORTED_SCORES[] =
        "WITH answer AS (SELECT job.metric AS metric, verdict.score AS score, "
        "verdict.others AS others, item.groups AS groups, "
        "CASE WHEN json_extract(item.groups, '$[0][0]') IN ('source', 'picture') THEN '' "
        "WHEN job.metric = 'points' "
        "OR coalesce(json_extract(item.groups, '$[0][0]'), 'split') = 'split' "
        "THEN substr(item.key, 1, instr(item.key, '/')) "
        "ELSE json_extract(item.groups, '$[0][1]') END AS cluster, "
        "dataset.hash AS hash, item.key AS item "
        "FROM job JOIN dataset ON dataset.id = job.dataset JOIN response ON response.job = job.id "
        "JOIN verdict ON verdict.response = response.id "
        "JOIN item ON item.id = response.item WHERE job.id = ?1), "
        "graded AS (SELECT metric, score, groups, cluster, hash, item FROM answer "
        "WHERE NOT (metric = 'points' AND score = 0) UNION ALL "
        "SELECT each.key, each.value, groups, cluster, hash, item FROM answer, "
        "json_each(answer.others) AS each "
        "WHERE each.type IN ('integer', 'real')) "
        "SELECT metric, 0, '', '', cluster, score, hash, item FROM graded UNION ALL "
        "SELECT metric, each.key + 1, coalesce(json_extract(each.value, '$[0]'), ''), "
        "coalesce(json_extract(each.value, '$[1]'), ''), cluster, score, hash, item FROM graded, "
        "json_each(graded.groups) AS each ORDER BY 1, 2, 3, 4, 5, 6";
    struct query *select = query_begin_of(scorer->store, SORTED_SCORES, scorer->job, err);
    int more;
    bool fine = true;
    while (fine && (more = query_next(select, err)) > 0) {
        const struct graded row = {.metric = query_text(select, 0),
                                   .depth = (int)query_integer(select, 1),
                                   .level = query_text(select, 2),
                                   .name = query_text(select, 3),
                                   .cluster = query_text(select, 4),
                                   .score = query_number(select, 5),
                                   .data_hash = query_text(select, 6),
                                   .key = query_text(select, 7)};
        fine = open_group(scorer, &row, err) && add_score(scorer, &row, err);
    }
    query_close(select);
    return fine && more == 0 && close_metric(scorer, err);
}

static bool replace_scores(struct scorer *scorer, struct err *err)
{
    static const char DELETE_SCORES[] = "DELETE FROM score WHERE job = ?1";
    struct query *delete = query_begin_of(scorer->store, DELETE_SCORES, scorer->job, err);
    return query_run(delete, err) && read_rows(scorer, err);
}

static bool read_job(struct scorer *scorer, struct err *err)
{
    static const char ENDED_EARLY[] = "SELECT precision_items IS NOT NULL FROM job WHERE id = ?1";
    struct query *select = query_begin_of(scorer->store, ENDED_EARLY, scorer->job, err);
    int64_t is_early;
    if (!query_integer_of(select, -1, &is_early, err)) return false;
    scorer->is_early = is_early > 0;
    return is_early >= 0 || err_set_at(err, ERR_INPUT, store_path(scorer->store), 0, 0,
                                       "there is no job %lld", (long long)scorer->job);
}

bool store_compute_scores(struct store *store, int64_t job, struct err *err)
{
    struct scorer scorer = {.store = store, .job = job};
    bool done = read_job(&scorer, err) && store_enter(store, err);
    if (done) done = store_leave(store, replace_scores(&scorer, err), err);
    scorer_done(&scorer);
    return done;
}
