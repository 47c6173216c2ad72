/* mt_show.c - phibench mt-bench summarize: what FastChat's judgments come to, as tables or JSON.
 *
 * Knows files and output; every number is made in mt_summary.c.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/mt_commands.h"
#include "harness/cli/mt_summary.h"
#include "reports/text_table.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_ARENA_BYTES = 1 << 30 };

/* ---- Tables ---- */

static void mean_cell(struct table *table, const struct estimate *estimate)
{
    if (estimate->n) table_cell(table, "%.6g", estimate->mean);
    else table_cell(table, "%s", "");
}

static void interval_cell(struct table *table, const struct estimate *estimate)
{
    if (estimate->n && isfinite(estimate->error))
        table_cell(table, "%.2f to %.2f", estimate->interval.low, estimate->interval.high);
    else table_cell(table, "%s", "");
}

/* Prints the table, and a line between it and what came before. */
static bool print_table(const struct table *table, bool is_first, struct err *err)
{
    if (!table || !table_check(table, err)) return false;
    if (!is_first) putchar('\n');
    table_print(table, stdout);
    return true;
}

static bool print_scores(const struct mt_results *results, struct arena *arena, struct err *err)
{
    struct table *table = table_new(arena,
                                    "model|judge|>turn 1|>turn 2|>mean|95% interval|>scores|"
                                    ">missing|>not judged|>item noise|>judge noise",
                                    err);
    if (!table) return false;
    for (size_t i = 0; i < results->n_scores; i++) {
        const struct mt_scores *scores = &results->scores[i];
        table_row(table);
        table_cell(table, "%s", scores->model);
        table_cell(table, "%s", scores->judge);
        mean_cell(table, &scores->turns[0]);
        mean_cell(table, &scores->turns[1]);
        mean_cell(table, &scores->all);
        interval_cell(table, &scores->all);
        table_cell(table, "%llu", (unsigned long long)scores->all.n);
        table_cell(table, "%zu", scores->n_missing);
        table_cell(table, "%zu", scores->n_absent);
        if (isfinite(scores->all.error)) table_cell(table, "%.3f", scores->all.error);
        else table_cell(table, "%s", "");
        if (isfinite(scores->judge_error)) table_cell(table, "%.3f", scores->judge_error);
        else table_cell(table, "%s", "");
    }
    return print_table(table, true, err);
}

/* A row for each category of each model. */
static bool print_categories(const struct mt_results *results, struct arena *arena, struct err *err)
{
    struct table *table = table_new(arena, "model|judge|category|>mean|95% interval|>scores", err);
    if (!table) return false;
    for (size_t i = 0; i < results->n_scores; i++)
        for (size_t k = 0; k < results->n_categories; k++) {
            const struct estimate *estimate = &results->scores[i].categories[k];
            if (!estimate->n) continue;
            table_row(table);
            table_cell(table, "%s", results->scores[i].model);
            table_cell(table, "%s", results->scores[i].judge);
            table_cell(table, "%s", results->categories[k]);
            mean_cell(table, estimate);
            interval_cell(table, estimate);
            table_cell(table, "%llu", (unsigned long long)estimate->n);
        }
    return print_table(table, false, err);
}

static bool print_wins(const struct mt_results *results, bool is_first, struct arena *arena,
                       struct err *err)
{
    struct table *table = table_new(arena,
                                    "model|against|judge|>wins|>ties|>losses|>adjusted win rate|"
                                    "95% interval|>orders disagree|>missing",
                                    err);
    if (!table) return false;
    for (size_t i = 0; i < results->n_wins; i++) {
        const struct mt_wins *wins = &results->wins[i];
        table_row(table);
        table_cell(table, "%s", wins->models[0]);
        table_cell(table, "%s", wins->models[1]);
        table_cell(table, "%s", wins->judge);
        table_cell(table, "%zu", wins->n_wins);
        table_cell(table, "%zu", wins->n_ties);
        table_cell(table, "%zu", wins->n_losses);
        mean_cell(table, &wins->rate);
        interval_cell(table, &wins->rate);
        table_cell(table, "%zu", wins->n_swapped);
        table_cell(table, "%zu", wins->n_missing);
    }
    return print_table(table, is_first, err);
}

static void print_agreement(const struct mt_agreement *agreement)
{
    if (agreement->n)
        printf("\nagreement over %zu answers: %zu with the same score, %zu within a point; mean "
               "difference %.3f, mean distance %.3f, correlation %.3f\n",
               agreement->n, agreement->n_equal, agreement->n_near, agreement->difference,
               agreement->absolute, agreement->correlation);
    if (agreement->n_pairs)
        printf("\nagreement over %zu pairs: %zu with the same verdict\n", agreement->n_pairs,
               agreement->n_same_winner);
}

/* Circumstances that a mean alone would hide. */
static void print_warnings(const struct mt_results *results)
{
    for (size_t i = 0; i < results->n_scores; i++)
        if (results->scores[i].n_outside)
            visible_printf(
                stdout, "\n%s by %s: %zu scores are not between 1 and 10: they count as missing\n",
                results->scores[i].model, results->scores[i].judge, results->scores[i].n_outside);
    if (results->n_duplicates)
        printf("\n%zu judgments stand in the files more than once: they count once\n",
               results->n_duplicates);
}

static bool print_tables(const struct mt_results *results, const struct mt_agreement *agreement,
                         struct arena *arena, struct err *err)
{
    if (results->n_scores && !print_scores(results, arena, err)) return false;
    if (results->n_scores && results->n_categories && !print_categories(results, arena, err))
        return false;
    if (results->n_wins && !print_wins(results, !results->n_scores, arena, err)) return false;
    print_warnings(results);
    if (agreement) print_agreement(agreement);
    return true;
}

/* ---- JSON ---- */

static void put_count(struct json_writer *json, const char *key, size_t n)
{
    json_set_integer(json, key, (int64_t)n);
}

static void put_estimate(struct json_writer *json, const char *key, const struct estimate *estimate)
{
    json_key(json, key);
    if (!estimate->n) {
        json_put_null(json);
        return;
    }
    json_begin_object(json);
    json_set_number(json, "mean", estimate->mean);
    json_set_number(json, "low", estimate->interval.low);
    json_set_number(json, "high", estimate->interval.high);
    json_set_number(json, "error", estimate->error);
    put_count(json, "n", (size_t)estimate->n);
    json_end_object(json);
}

static void put_scores(struct json_writer *json, const struct mt_results *results,
                       const struct mt_scores *scores)
{
    json_begin_object(json);
    json_set_string(json, "model", scores->model);
    json_set_string(json, "judge", scores->judge);
    put_estimate(json, "all", &scores->all);
    put_estimate(json, "turn_1", &scores->turns[0]);
    put_estimate(json, "turn_2", &scores->turns[1]);
    json_key(json, "categories");
    json_begin_object(json);
    for (size_t i = 0; i < results->n_categories; i++)
        put_estimate(json, results->categories[i], &scores->categories[i]);
    json_end_object(json);
    put_count(json, "missing", scores->n_missing);
    put_count(json, "not_judged", scores->n_absent);
    put_count(json, "outside_1_to_10", scores->n_outside);
    json_set_number(json, "judge_deviation", scores->judge_deviation);
    json_set_number(json, "judge_error", scores->judge_error);
    json_end_object(json);
}

static void put_wins(struct json_writer *json, const struct mt_wins *wins)
{
    json_begin_object(json);
    json_set_string(json, "model", wins->models[0]);
    json_set_string(json, "against", wins->models[1]);
    json_set_string(json, "judge", wins->judge);
    put_count(json, "wins", wins->n_wins);
    put_count(json, "ties", wins->n_ties);
    put_count(json, "losses", wins->n_losses);
    put_count(json, "orders_disagree", wins->n_swapped);
    put_count(json, "missing", wins->n_missing);
    put_estimate(json, "adjusted_win_rate", &wins->rate);
    json_end_object(json);
}

static void put_agreement(struct json_writer *json, const struct mt_agreement *agreement)
{
    json_key(json, "agreement");
    json_begin_object(json);
    put_count(json, "answers", agreement->n);
    put_count(json, "equal", agreement->n_equal);
    put_count(json, "within_a_point", agreement->n_near);
    json_set_number(json, "mean_difference", agreement->difference);
    json_set_number(json, "mean_distance", agreement->absolute);
    json_set_number(json, "correlation", agreement->correlation);
    put_count(json, "pairs", agreement->n_pairs);
    put_count(json, "same_verdict", agreement->n_same_winner);
    json_end_object(json);
}

static bool print_json(const struct mt_results *results, const struct mt_agreement *agreement,
                       struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    json_begin_object(&json);
    json_key(&json, "single");
    json_begin_array(&json);
    for (size_t i = 0; i < results->n_scores; i++) put_scores(&json, results, &results->scores[i]);
    json_end_array(&json);
    json_key(&json, "pairwise");
    json_begin_array(&json);
    for (size_t i = 0; i < results->n_wins; i++) put_wins(&json, &results->wins[i]);
    json_end_array(&json);
    put_count(&json, "duplicates", results->n_duplicates);
    if (agreement) put_agreement(&json, agreement);
    json_end_object(&json);
    return json_print(&json, stdout, err);
}

/* ---- The command ---- */

bool mt_show_summary(const struct invocation *invocation, const struct mt_options *options,
                     struct err *err)
{
    struct fastchat_judgments judgments = {0}, others = {0};
    struct fastchat_questions questions = {0};
    struct mt_results results;
    struct mt_agreement agreement = {0}, *compared = options->against ? &agreement : NULL;
    if (!options->judgments.n) return err_set(err, ERR_USAGE, "summarize needs --judgments FILE");
    struct arena *arena = arena_new(MAX_ARENA_BYTES, err);
    bool ok = arena != NULL;
    for (size_t i = 0; ok && i < options->judgments.n; i++)
        ok = fastchat_read_judgments(options->judgments.items[i], arena, &judgments, err);
    if (ok && !judgments.n)
        ok = err_set_at(err, ERR_INPUT, options->judgments.items[0], 0, 0,
                        "there are no judgments in this file");
    if (ok && options->questions)
        ok = fastchat_read_questions(options->questions, arena, &questions, err);
    size_t n_duplicates = fastchat_drop_duplicates(&judgments);
    ok = ok && mt_summarize(&judgments, &questions, arena, &results, err);
    if (ok) results.n_duplicates = n_duplicates;
    if (ok && compared) ok = fastchat_read_judgments(options->against, arena, &others, err);
    fastchat_drop_duplicates(&others);
    if (ok && compared) ok = mt_compare(&judgments, &others, compared, err);
    const struct fastchat_damage *const damages[] = {&judgments.damage, &others.damage,
                                                     &questions.damage};
    for (size_t i = 0; ok && i < COUNT_OF(damages); i++)
        mt_say_damage(damages[i], &invocation->console.log);
    ok = ok && (options->json ? print_json(&results, compared, err)
                              : print_tables(&results, compared, arena, err));
    arena_free(arena);
    return ok;
}
