/* mt_summary.c - see mt_summary.h. Sets of judgments are small: a few thousand, so that everything
 * is found by looking through them.
 *
 * A cell is an answer that is judged: a model, a question, a turn.
 */
#include "harness/cli/mt_summary.h"

#include "base/mem.h"
#include "results/stats/means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Which judgments are meant; NULL and 0: any. */
struct selection {
    const char *model, *judge, *category;
    int64_t turn;
};

struct summary {
    const struct fastchat_judgments *judgments;
    const struct fastchat_questions *questions;
    struct arena *arena;
    double *scores;          /* [n_judgments] scratch */
    uint32_t *clusters;      /* [n_judgments] */
    struct fastchat_id *ids; /* [n_judgments] of the clusters */
};

static bool summary_init(struct summary *summary, struct err *err)
{
    size_t n = summary->judgments->n;
    summary->scores = mem_new(n, sizeof *summary->scores, err);
    summary->clusters = mem_new(n, sizeof *summary->clusters, err);
    summary->ids = mem_new(n, sizeof *summary->ids, err);
    return summary->scores && summary->clusters && summary->ids;
}

static void summary_done(struct summary *summary)
{
    free(summary->scores);
    free(summary->clusters);
    free(summary->ids);
}

static const char *category_of(const struct summary *summary, struct fastchat_id id)
{
    const struct fastchat_question *question = fastchat_find_question(summary->questions, id);
    return question ? question->category : "";
}

static bool is_selected(const struct summary *summary, const struct selection *selection,
                        const struct fastchat_judgment *judgment)
{
    return !judgment->is_pair && !strcmp(judgment->models[0], selection->model) &&
           !strcmp(judgment->judge, selection->judge) &&
           (!selection->turn || judgment->turn == selection->turn) &&
           (!selection->category ||
            !strcmp(category_of(summary, judgment->question), selection->category));
}

/* The number of a question among those met so far. */
static uint32_t cluster_of(struct summary *summary, struct fastchat_id id, uint32_t *n_clusters)
{
    for (uint32_t i = 0; i < *n_clusters; i++)
        if (fastchat_same_id(summary->ids[i], id)) return i;
    summary->ids[*n_clusters] = id;
    return (*n_clusters)++;
}

/* A normal interval does not know that no mean lies beyond the scale. */
static struct estimate bound(struct estimate estimate, double low, double high)
{
    estimate.interval.low = fmax(estimate.interval.low, low);
    estimate.interval.high = fmin(estimate.interval.high, high);
    return estimate;
}

static struct estimate estimate_of(struct summary *summary, const struct selection *selection)
{
    size_t n = 0;
    uint32_t n_clusters = 0;
    for (size_t i = 0; i < summary->judgments->n; i++) {
        const struct fastchat_judgment *judgment = &summary->judgments->items[i];
        if (!is_selected(summary, selection, judgment) || !fastchat_has_score(judgment)) continue;
        summary->scores[n] = judgment->score;
        summary->clusters[n++] = cluster_of(summary, judgment->question, &n_clusters);
    }
    if (!n) return (struct estimate){0};
    return bound(stats_mean_of_clusters(summary->scores, summary->clusters, n, n_clusters),
                 FASTCHAT_LEAST, FASTCHAT_MOST);
}

/* ---- The judge's noise, and what is not there ---- */

/* Sums over the scores of a cell. */
struct cell {
    size_t n;
    double sum, squares;
};

/* Whether a judge was asked the same in both: of another answer under the same names its opinion
 * is another one. */
static bool is_same_question(const struct fastchat_judgment *a, const struct fastchat_judgment *b)
{
    return !strcmp(a->judge, b->judge) && !strcmp(a->user_prompts[0], b->user_prompts[0]);
}

/* Of all judges, or of the same question to the same judge. */
static struct cell cell_of(const struct fastchat_judgments *judgments, bool by_judge,
                           const struct fastchat_judgment *like)
{
    struct cell cell = {0};
    for (size_t i = 0; i < judgments->n; i++) {
        const struct fastchat_judgment *judgment = &judgments->items[i];
        if (!fastchat_is_same_answer(judgment, like) || !fastchat_has_score(judgment) ||
            (by_judge && !is_same_question(judgment, like)))
            continue;
        cell.n++;
        cell.sum += judgment->score;
        cell.squares += judgment->score * judgment->score;
    }
    return cell;
}

/* Whether the i-th judgment is the first with a score of its cell. */
static bool is_first(const struct fastchat_judgments *judgments, size_t i, bool by_judge)
{
    const struct fastchat_judgment *judgment = &judgments->items[i];
    for (size_t k = 0; k < i; k++)
        if (fastchat_is_same_answer(&judgments->items[k], judgment) &&
            fastchat_has_score(&judgments->items[k]) &&
            (!by_judge || is_same_question(&judgments->items[k], judgment)))
            return false;
    return true;
}

/* The variance within cells, pooled over those with two scores or more. All judgments weigh the
 * same in the mean, so that its error is that of one judgment over the root of their number. */
static void measure_judge(struct summary *summary, const struct selection *selection,
                          struct mt_scores *scores)
{
    double squares = 0, freedom = 0;
    for (size_t i = 0; i < summary->judgments->n; i++) {
        const struct fastchat_judgment *judgment = &summary->judgments->items[i];
        if (!is_selected(summary, selection, judgment) || !fastchat_has_score(judgment) ||
            !is_first(summary->judgments, i, true))
            continue;
        struct cell cell = cell_of(summary->judgments, true, judgment);
        squares += cell.squares - cell.sum * cell.sum / (double)cell.n;
        freedom += (double)cell.n - 1;
    }
    scores->judge_deviation = freedom > 0 ? sqrt(fmax(squares, 0) / freedom) : NAN;
    scores->judge_error = scores->judge_deviation / sqrt((double)scores->all.n);
}

static void count_missing(const struct summary *summary, const struct selection *selection,
                          struct mt_scores *scores)
{
    for (size_t i = 0; i < summary->judgments->n; i++) {
        const struct fastchat_judgment *judgment = &summary->judgments->items[i];
        if (!is_selected(summary, selection, judgment)) continue;
        bool is_missing = !fastchat_has_score(judgment);
        scores->n_missing += is_missing;
        scores->n_outside += is_missing && judgment->score != FASTCHAT_MISSING;
    }
}

static void count_absent(const struct summary *summary, const struct selection *selection,
                         struct mt_scores *scores)
{
    for (size_t i = 0; i < summary->questions->n; i++)
        for (int64_t turn = 1; turn <= (int64_t)summary->questions->items[i].turns.n; turn++) {
            size_t k = 0;
            for (; k < summary->judgments->n; k++) {
                const struct fastchat_judgment *judgment = &summary->judgments->items[k];
                if (fastchat_same_id(judgment->question, summary->questions->items[i].id) &&
                    judgment->turn == turn && is_selected(summary, selection, judgment))
                    break;
            }
            scores->n_absent += k == summary->judgments->n;
        }
}

/* ---- Single judgments ---- */

static bool summarize_model(struct summary *summary, const struct fastchat_judgment *of,
                            struct mt_results *results, struct err *err)
{
    struct mt_scores *scores = &results->scores[results->n_scores++];
    struct selection selection = {.model = of->models[0], .judge = of->judge};
    struct estimate *categories =
        arena_alloc(summary->arena, results->n_categories, sizeof *categories, err);
    if (!categories) return false;
    *scores = (struct mt_scores){.model = of->models[0],
                                 .judge = of->judge,
                                 .all = estimate_of(summary, &selection),
                                 .categories = categories};
    count_missing(summary, &selection, scores);
    count_absent(summary, &selection, scores);
    measure_judge(summary, &selection, scores);
    for (int turn = 1; turn <= JUDGING_TURNS; turn++) {
        selection.turn = turn;
        scores->turns[turn - 1] = estimate_of(summary, &selection);
    }
    selection.turn = 0;
    for (size_t i = 0; i < results->n_categories; i++) {
        selection.category = results->categories[i];
        categories[i] = estimate_of(summary, &selection);
    }
    return true;
}

static bool is_summarized(const struct mt_results *results, const struct fastchat_judgment *of)
{
    for (size_t i = 0; i < results->n_scores; i++)
        if (!strcmp(results->scores[i].model, of->models[0]) &&
            !strcmp(results->scores[i].judge, of->judge))
            return true;
    return false;
}

static int compare_scores(const void *a, const void *b)
{
    const struct mt_scores *x = a, *y = b;
    if (x->all.mean != y->all.mean) return x->all.mean < y->all.mean ? 1 : -1;
    int order = strcmp(x->model, y->model);
    return order ? order : strcmp(x->judge, y->judge);
}

/* ---- Pairs ---- */

/* The winner: +1 is the first model, -1 the second, 0 a tie. *swapped: the orders contradict each
 * other. */
static int winner_of(const struct fastchat_judgment *judgment, bool *swapped)
{
    const char *first = judgment->winners[0], *second = judgment->winners[1];
    bool is_same = !strcmp(first, second);
    *swapped = !is_same && strcmp(first, "tie") != 0 && strcmp(second, "tie") != 0;
    if (!is_same || !strcmp(first, "tie")) return 0;
    return !strcmp(first, "model_1") ? 1 : -1;
}

static bool is_of(const struct mt_wins *wins, const struct fastchat_judgment *judgment)
{
    return judgment->is_pair && !strcmp(wins->models[0], judgment->models[0]) &&
           !strcmp(wins->models[1], judgment->models[1]) && !strcmp(wins->judge, judgment->judge);
}

static void count_wins(struct summary *summary, struct mt_wins *wins)
{
    size_t n = 0;
    uint32_t n_clusters = 0;
    for (size_t i = 0; i < summary->judgments->n; i++) {
        const struct fastchat_judgment *judgment = &summary->judgments->items[i];
        bool swapped;
        if (!is_of(wins, judgment)) continue;
        if (!fastchat_has_score(judgment)) {
            wins->n_missing++;
            continue;
        }
        int winner = winner_of(judgment, &swapped);
        wins->n_wins += winner > 0;
        wins->n_ties += winner == 0;
        wins->n_losses += winner < 0;
        wins->n_swapped += swapped;
        summary->scores[n] = 0.5 + 0.5 * winner;
        summary->clusters[n++] = cluster_of(summary, judgment->question, &n_clusters);
    }
    if (n)
        wins->rate = bound(stats_estimate(summary->scores, summary->clusters, n, n_clusters), 0, 1);
}

static void summarize_pair(struct summary *summary, const struct fastchat_judgment *of,
                           struct mt_results *results)
{
    for (size_t i = 0; i < results->n_wins; i++)
        if (is_of(&results->wins[i], of)) return;
    struct mt_wins *wins = &results->wins[results->n_wins++];
    *wins = (struct mt_wins){.models = {of->models[0], of->models[1]}, .judge = of->judge};
    count_wins(summary, wins);
}

/* ---- All of it ---- */

static bool list_categories(const struct summary *summary, struct mt_results *results,
                            struct err *err)
{
    const struct fastchat_questions *questions = summary->questions;
    const char **names = arena_alloc(summary->arena, questions->n, sizeof *names, err);
    if (!names) return false;
    results->categories = names;
    for (size_t i = 0; i < questions->n; i++) {
        size_t k = 0;
        while (k < results->n_categories && strcmp(names[k], questions->items[i].category) != 0)
            k++;
        if (k == results->n_categories)
            names[results->n_categories++] = questions->items[i].category;
    }
    return true;
}

bool mt_summarize(const struct fastchat_judgments *judgments,
                  const struct fastchat_questions *questions, struct arena *arena,
                  struct mt_results *results, struct err *err)
{
    struct summary summary = {.judgments = judgments, .questions = questions, .arena = arena};
    *results = (struct mt_results){
        .scores = arena_alloc(arena, judgments->n, sizeof *results->scores, err),
        .wins = arena_alloc(arena, judgments->n, sizeof *results->wins, err)};
    bool ok = results->scores && results->wins && list_categories(&summary, results, err) &&
              summary_init(&summary, err);
    for (size_t i = 0; ok && i < judgments->n; i++) {
        const struct fastchat_judgment *judgment = &judgments->items[i];
        if (judgment->is_pair) summarize_pair(&summary, judgment, results);
        else if (!is_summarized(results, judgment))
            ok = summarize_model(&summary, judgment, results, err);
    }
    if (ok && results->n_scores)
        qsort(results->scores, results->n_scores, sizeof *results->scores, compare_scores);
    summary_done(&summary);
    return ok;
}

/* ---- Agreement ---- */

/* Sums for Pearson's correlation, about the first pair of scores, so that nothing cancels. */
struct moments {
    double x0, y0, x, y, xx, yy, xy;
};

static void add_scores(struct mt_agreement *agreement, struct moments *moments, double x, double y)
{
    if (!agreement->n++) *moments = (struct moments){.x0 = x, .y0 = y};
    agreement->n_equal += x == y;
    agreement->n_near += fabs(x - y) <= 1;
    agreement->difference += x - y;
    agreement->absolute += fabs(x - y);
    x -= moments->x0;
    y -= moments->y0;
    moments->x += x;
    moments->y += y;
    moments->xx += x * x;
    moments->yy += y * y;
    moments->xy += x * y;
}

static void compare_pair(const struct fastchat_judgment *judgment,
                         const struct fastchat_judgments *others, struct mt_agreement *agreement)
{
    for (size_t i = 0; i < others->n; i++) {
        bool swapped;
        if (!fastchat_is_same_answer(&others->items[i], judgment) ||
            !fastchat_has_score(&others->items[i]) || !fastchat_has_score(judgment))
            continue;
        agreement->n_pairs++;
        agreement->n_same_winner +=
            winner_of(judgment, &swapped) == winner_of(&others->items[i], &swapped);
        return;
    }
}

bool mt_compare(const struct fastchat_judgments *a, const struct fastchat_judgments *b,
                struct mt_agreement *agreement, struct err *err)
{
    struct moments moments = {0};
    *agreement = (struct mt_agreement){0};
    for (size_t i = 0; i < a->n; i++) {
        const struct fastchat_judgment *judgment = &a->items[i];
        if (judgment->is_pair) {
            compare_pair(judgment, b, agreement);
            continue;
        }
        if (!fastchat_has_score(judgment) || !is_first(a, i, false)) continue;
        struct cell x = cell_of(a, false, judgment), y = cell_of(b, false, judgment);
        if (y.n) add_scores(agreement, &moments, x.sum / (double)x.n, y.sum / (double)y.n);
    }
    if (!agreement->n && !agreement->n_pairs)
        return err_set(err, ERR_INPUT, "the two sets judge no answer in common");
    double n = (double)agreement->n;
    agreement->difference /= n;
    agreement->absolute /= n;
    agreement->correlation =
        (n * moments.xy - moments.x * moments.y) /
        sqrt((n * moments.xx - moments.x * moments.x) * (n * moments.yy - moments.y * moments.y));
    return true;
}
