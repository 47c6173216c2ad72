/* cmd_plan.c - phibench plan: what a run will cost and what it can see, before it is made.
 *
 * Costs are those of job_cost.h, prospects those of prospect.h. Owns the words for them.
 */
#include "base/clock.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/costed.h"
#include "harness/run/prospect.h"

#include <math.h>

static const struct option_spec OPTIONS[] = {COSTED_OPTIONS(struct costed_options)};

/* What a stored score or difference is called: percent points, points of a judge. */
static const char *unit_of(const struct metric *metric)
{
    return metric->kind == METRIC_OF_TEXTS ? "" : " points";
}

/* A difference of losses in nats is shown as that of the perplexities in percent. */
static double shown_difference(const struct metric *metric, double seen)
{
    return metric->kind == METRIC_OF_TEXTS ? 100 * expm1(seen) : metric->scale * seen;
}

/* ---- For people ---- */

static void print_cost(const struct job_cost *cost)
{
    const struct plan_job *job = cost->job;
    const struct token_count *count = &cost->count;
    char time[64];
    if (job->model->config->api) printf("  tokens       counted by the server\n");
    else if (job->text) printf("  tokens       %.0f to compute\n", count->naive_tokens);
    else {
        printf("  tokens       %.0f to compute, %.0f with shared prefixes computed once",
               count->naive_tokens, count->shared_tokens);
        if (count->new_tokens > 0) printf("; at most %.0f generated", count->new_tokens);
        printf("\n");
    }
    clock_format_duration((int64_t)(cost->seconds * 1e9), time, sizeof time);
    if (cost->seconds > 0)
        visible_printf(stdout, "  time         about %s, at %s\n", time, cost->measured);
    else printf("  time         not known: nothing was measured with these weights\n");
}

static void print_interval(const struct plan_job *job, const struct prospect *prospect)
{
    const struct metric *metric = prospect->metric;
    const char *name = metric_title(job->dataset->suite->metric);
    double scale = metric->scale;
    if (isnan(prospect->half_width)) {
        visible_printf(stdout, "  interval     not known: no %s of these weights is stored\n",
                       name);
        return;
    }
    visible_printf(stdout, "  interval     ±%.3g%s of %s, ", scale * prospect->half_width,
                   unit_of(metric), name);
    if (prospect->known.run)
        printf("at %.4g as in run %lld\n", scale * prospect->known.score,
               (long long)prospect->known.run);
    else printf("at 50, since no score of these weights is stored\n");
}

static void print_precision(const struct job_cost *cost, const struct prospect *prospect)
{
    const struct plan_job *job = cost->job;
    double seconds = cost->seconds * (double)prospect->n_asked / (double)job->dataset->n_items;
    char time[64];
    if (!(job->suite->precision > 0)) return;
    printf("  precision    ±%g points, after about %zu of %zu items", job->suite->precision,
           prospect->n_asked, job->dataset->n_items);
    clock_format_duration((int64_t)(seconds * 1e9), time, sizeof time);
    if (seconds > 0) printf(" and %s", time);
    printf("\n");
}

static void print_differences(const struct prospect *prospect)
{
    const struct metric *metric = prospect->metric;
    const struct prospect_difference *first = &prospect->differences[0];
    bool is_text = metric->kind == METRIC_OF_TEXTS;
    if (!prospect->n_differences) {
        printf("  difference   not known: no two models were compared on this\n");
        return;
    }
    printf("  difference   seen with 80%% probability: %.3g%s",
           shown_difference(metric, first->seen),
           is_text ? "% of the perplexity if chunks" : unit_of(metric));
    if (!is_text) printf(" if %.3g%% of the answers", 100 * first->share);
    printf(" differ");
    for (size_t i = 1; i < prospect->n_differences; i++)
        printf(", %.3g if %.3g%% do", shown_difference(metric, first[i].seen),
               100 * first[i].share);
    if (prospect->pair.run)
        visible_printf(stdout, " as between %s and %s in run %lld\n", prospect->pair.name_a,
                       prospect->pair.name_b, (long long)prospect->pair.run);
    else printf(" (assumed: no two models with other answers are stored)\n");
}

static bool print_job(const struct job_cost *cost, struct store *store, struct arena *arena,
                      struct err *err)
{
    const struct plan_job *job = cost->job;
    struct prospect prospect;
    char label[256];
    plan_job_label(job, label, sizeof label);
    if (!job->dataset) {
        visible_printf(stdout, "%s: %zu measurements\n", label, plan_measurements(job));
        return true;
    }
    visible_printf(stdout, "%s: %zu %s\n", label, job->dataset->n_items,
                   job->text ? "chunks" : "items");
    if (!prospect_look(job, store, arena, &prospect, err)) return false;
    print_cost(cost);
    print_interval(job, &prospect);
    print_precision(cost, &prospect);
    print_differences(&prospect);
    return true;
}

static bool print_all(const struct costed *costed, struct arena *arena, struct err *err)
{
    char sum[160];
    size_t n = costed->plan->n_jobs;
    for (size_t i = 0; i < n; i++)
        if (!print_job(&costed->costs[i], costed->store, arena, err)) return false;
    job_costs_describe(costed->costs, n, sum, sizeof sum);
    printf("%s; no weights were read\n", sum);
    return true;
}

/* ---- For scripts ---- */

/* null where it is not known. */
static void set_known(struct json_writer *json, const char *key, double value)
{
    json_key(json, key);
    if (isfinite(value)) json_put_number(json, value);
    else json_put_null(json);
}

static void write_prospect(const struct plan_job *job, const struct prospect *prospect,
                           struct json_writer *json)
{
    const struct metric *metric = prospect->metric;
    bool is_known = prospect->known.run > 0, is_compared = prospect->pair.run > 0;
    json_set_number(json, "items_asked", (double)prospect->n_asked);
    json_set_string(json, "metric", job->dataset->suite->metric);
    set_known(json, "score", is_known ? metric->scale * prospect->known.score : NAN);
    set_known(json, "score_run", is_known ? (double)prospect->known.run : NAN);
    set_known(json, "half_width", metric->scale * prospect->half_width);
    json_key(json, "differences");
    json_begin_array(json);
    for (size_t i = 0; i < prospect->n_differences; i++) {
        json_begin_object(json);
        json_set_number(json, "share", prospect->differences[i].share);
        json_set_number(json, "seen", shown_difference(metric, prospect->differences[i].seen));
        json_end_object(json);
    }
    json_end_array(json);
    json_set_bool(json, "assumed", !is_compared);
    json_set_string(json, "compared_a", is_compared ? prospect->pair.name_a : NULL);
    json_set_string(json, "compared_b", is_compared ? prospect->pair.name_b : NULL);
    set_known(json, "compared_run", is_compared ? (double)prospect->pair.run : NAN);
}

static bool write_job(const struct job_cost *cost, struct store *store, struct arena *arena,
                      struct json_writer *json, struct err *err)
{
    const struct plan_job *job = cost->job;
    struct prospect prospect;
    char label[256];
    plan_job_label(job, label, sizeof label);
    json_begin_object(json);
    json_set_string(json, "job", label);
    json_set_number(json, "items", job->dataset ? (double)job->dataset->n_items : 0);
    json_set_number(json, "tokens", cost->count.naive_tokens);
    json_set_number(json, "shared_tokens", cost->count.shared_tokens);
    json_set_number(json, "new_tokens_at_most", cost->count.new_tokens);
    set_known(json, "seconds", cost->seconds > 0 ? cost->seconds : NAN);
    bool ok = !job->dataset || prospect_look(job, store, arena, &prospect, err);
    if (ok && job->dataset) write_prospect(job, &prospect, json);
    json_end_object(json);
    return ok;
}

static bool print_json(const struct costed *costed, struct arena *arena, struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    bool ok = true;
    json_begin_array(&json);
    for (size_t i = 0; ok && i < costed->plan->n_jobs; i++)
        ok = write_job(&costed->costs[i], costed->store, arena, &json, err);
    json_end_array(&json);
    if (ok) return json_print(&json, stdout, err);
    buf_free(&out);
    return false;
}

/* ---- The command ---- */

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct costed_options *options = invocation->options;
    struct costed costed;
    struct arena *arena = arena_new(0, err);
    if (!arena) return false;
    bool ok = costed_open(invocation, options, &costed, err) &&
              (options->json ? print_json : print_all)(&costed, arena, err);
    costed_close(&costed);
    arena_free(arena);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench plan configs/synthetic.yaml",
    "phibench plan configs/synthetic.yaml --set suites.0.precision=5 --json",
    NULL,
};

const struct command COMMAND_PLAN = {
    .name = "plan",
    .summary = "what a run will cost and what it can see",
    .arguments = "CONFIG",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct costed_options),
    .details =
        "Says of every job, before any model runs, how many tokens it computes, and how long it "
        "takes by the last rates that the database has for the same weights; how wide the 95% "
        "interval of its score will be, at the last score of these weights or at 50%; and the "
        "smallest difference between two models or quantizations that it tells from chance with "
        "80% probability, by a two-sided test at 5% on the same questions.\n\n"
        "Differences are small where few answers differ. So what is seen is said for the two "
        "models that were last compared on these questions, and where there are none, for 10% of "
        "the answers that only one of two has right, as is common between quantizations, and "
        "30%, as between models. A text's is that of the perplexities, in percent.\n\n"
        "With a precision (run --precision, or a suite's key) it says after how many items asking "
        "will end if the score is as it was.",
    .examples = EXAMPLES,
    .run = run,
};
