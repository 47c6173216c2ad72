/* task_grade.c - suite->grade of tasks. The first metric of a protocol is the score, the others
 * stand beside it.
 *
 * Works on the response and the item's `expected` alone. Choices are compared as lm-evaluation-
 * harness does: the first of equal ones wins.
 */
#include "suites/task_question.h"

#include <math.h>
#include <string.h>

/* The right choices' share of all probability. */
static double share_of_right(const struct response *response, const char *expected)
{
    double most = -INFINITY, right = 0, all = 0;
    for (size_t i = 0; i < response->n_choices; i++)
        most = fmax(most, response->choices[i].logprob);
    for (size_t i = 0; i < response->n_choices; i++) {
        double p = isinf(most) ? 1 : exp(response->choices[i].logprob - most);
        all += p;
        if (choice_is_named(expected, i)) right += p;
    }
    return right / all;
}

/* Log-probability of the best right choice minus that of the best wrong one; 0 without either. */
static double margin_of(const struct response *response, const char *expected)
{
    double right = -INFINITY, wrong = -INFINITY;
    for (size_t i = 0; i < response->n_choices; i++) {
        double *side = choice_is_named(expected, i) ? &right : &wrong;
        *side = fmax(*side, response->choices[i].logprob);
    }
    return isinf(right) || isinf(wrong) ? 0 : right - wrong;
}

/* ---- Generations ---- */

static bool is_one_of_lines(const char *text, const char *lines)
{
    size_t n = strlen(text);
    for (const char *line = lines; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strcspn(line, "\n") == n && !memcmp(line, text, n)) return true;
    }
    return false;
}

/* *read is what the metric's template makes of the response and the fields of its subset; NULL
 * where the template finds nothing. */
static bool read_response(const struct task_metric *metric, const struct response *response,
                          const struct value *subset, struct arena *arena, const char **read,
                          struct err *err)
{
    static const char *const key = "response";
    const struct value text = value_text(response->text);
    const struct value map = {.kind = VALUE_MAP, .items = &text, .keys = &key, .n = 1};
    const struct value *maps[] = {&map, subset};
    const struct scope scope = {maps, subset ? 2 : 1};
    struct value value;
    if (!template_evaluate(metric->reads, &scope, arena, &value, err)) return false;
    *read = value.text;
    return true;
}

/* ---- Verdicts ---- */

static bool grade_match(const struct task *task, const struct task_metric *metric,
                        const struct item *item, const struct response *response,
                        struct verdict *verdict, struct err *err)
{
    const char *read = NULL;
    const struct value *subset =
        task->subsets && item->subset ? value_get(task->subsets, item->subset) : NULL;
    struct arena *arena = arena_new(0, err);
    bool ok = arena && read_response(metric, response, subset, arena, &read, err);
    if (ok && read) {
        verdict->answered = true;
        verdict->score = is_one_of_lines(read, item->expected);
        verdict_set_predicted(verdict, read, strlen(read));
    }
    arena_free(arena);
    return ok;
}

static void grade_choices(const struct task_metric *metric, const struct item *item,
                          const struct response *response, struct verdict *verdict)
{
    size_t best = response_best_choice(response, metric->kind == METRIC_ACC_NORM, &verdict->is_tie);
    choice_name(best, verdict->predicted);
    verdict->answered = true;
    verdict->score = metric->kind == METRIC_MC2 ? share_of_right(response, item->expected)
                                                : choice_is_named(item->expected, best);
}

static void grade_continuation(const struct task_metric *metric, const struct response *response,
                               struct verdict *verdict)
{
    const struct choice_score *choice = &response->choices[0];
    verdict->answered = true;
    verdict->score = metric->kind == METRIC_PERPLEXITY ? -choice->logprob : choice->is_greedy;
}

static bool grade_metric(const struct task *task, const struct task_protocol *protocol,
                         const struct task_metric *metric, const struct item *item,
                         const struct response *response, struct verdict *verdict, struct err *err)
{
    *verdict = (struct verdict){0};
    if (!response->answered) return true;
    if (protocol->kind == TASK_GENERATE)
        return !response->text || grade_match(task, metric, item, response, verdict, err);
    if (!response_has_numbers(response)) return true;
    if (protocol->kind == TASK_CHOICES) grade_choices(metric, item, response, verdict);
    else grade_continuation(metric, response, verdict);
    return true;
}

bool task_grade(const struct suite *suite, const char *protocol_name, const struct item *item,
                const struct response *response, struct verdict *verdict, struct err *err)
{
    const struct task *task = task_of(suite);
    const struct task_protocol *protocol = task_find_protocol(task, protocol_name);
    *verdict = (struct verdict){0};
    if (!protocol)
        return err_set(err, ERR_INPUT, "the task %s of this program has no protocol \"%s\"",
                       suite->name, protocol_name);
    for (size_t i = 0; i < protocol->n_metrics; i++) {
        const struct task_metric *metric = &protocol->metrics[i];
        struct verdict graded;
        if (!grade_metric(task, protocol, metric, item, response, &graded, err))
            return err_context(err, "grading %s", item->key);
        if (metric->kind == METRIC_PERPLEXITY && !graded.answered) continue; /* no loss is known */
        if (i == 0) *verdict = graded;
        else
            verdict->others[verdict->n_others++] =
                (struct verdict_metric){metric->name, graded.score};
    }
    verdict->is_correct = verdict->score == 1;
    if (verdict->answered && protocol->kind == TASK_CHOICES)
        verdict->margin = margin_of(response, item->expected);
    return true;
}
