/* cmd_audit.c - phibench audit: what a configuration's prompts come to in tokens, and how long its
 * jobs would take, before any model runs: vocabularies are read, weights are not.
 *
 * Counts and times are those of job_cost.h. Owns the words for them.
 */
#include "base/clock.h"
#include "base/visible.h"
#include "harness/ask/policies.h"
#include "harness/cli/commands.h"
#include "harness/cli/costed.h"

#include <string.h>

static const struct option_spec OPTIONS[] = {COSTED_OPTIONS(struct costed_options)};

/* ---- Printing ---- */

static void print_prompts(const struct job_cost *cost)
{
    const struct token_count *count = &cost->count;
    const struct plan_model *model = cost->job->model;
    const struct item *longest = &cost->job->dataset->items[count->i_longest];
    printf("  BOS          %s (%s); %zu prompts begin with two\n",
           model->adds_bos ? "every prompt begins with it" : "no prompt begins with it",
           BOS_POLICY_REASONS[model->config->bos], count->n_double_bos);
    if (dataset_asks_chat(cost->job->dataset))
        printf("  chat         %s; white space after special tokens: %s\n",
               chat_format_title(model->config->chat),
               RSTRIP_POLICY_REASONS[model->config->rstrip]);
    if (model->info.short_tokens)
        printf("  long rope    %s (of %d tokens)\n", ROPE_POLICY_REASONS[model->config->rope],
               model->info.short_tokens);
    printf("  tokens       %.0f to compute, %.0f with shared prefixes computed once (%.3g times "
           "fewer)",
           count->naive_tokens, count->shared_tokens,
           count->shared_tokens > 0 ? count->naive_tokens / count->shared_tokens : 1);
    if (count->new_tokens > 0) printf("; at most %.0f generated", count->new_tokens);
    visible_printf(stdout, "\n  longest      %zu of %zu tokens: %s\n", count->longest_tokens,
                   model->context_tokens, longest->key);
    printf("  too long     %zu lose examples, %zu lose their beginning, %zu fit in no form\n",
           count->n_dropped, count->n_cut, count->n_unfit);
    if (dataset_has_pictures(cost->job->dataset))
        printf(
            "  pictures     %zu to look at, each once for all questions of a window; %zu questions "
            "have one that is missing or cannot be read\n",
            count->n_pictures, count->n_no_picture);
    printf("  joins        %zu spanned by a token\n", count->n_spanned);
    printf("  white space  at the end of %zu prompts, where it goes to the continuation; stripped "
           "after special tokens in %zu\n",
           count->n_moved, count->n_stripping);
    printf("  round trip   the tokens of %zu give another text back\n", count->n_changed);
}

static void print_audit(const struct job_cost *cost)
{
    const struct plan_job *job = cost->job;
    char label[256], time[64];
    plan_job_label(job, label, sizeof label);
    if (!job->dataset) {
        visible_printf(stdout, "%s\n", label);
        return;
    }
    visible_printf(stdout, "%s: %zu %s\n", label, job->dataset->n_items,
                   job->text ? "chunks" : "items");
    if (job->text)
        printf("  BOS          %s (%s)\n  tokens       %.0f to compute\n",
               job->model->adds_bos ? "every chunk begins with it" : "no chunk begins with it",
               BOS_POLICY_REASONS[job->model->config->bos], cost->count.naive_tokens);
    else if (job->model->config->api) printf("  tokens       counted by the server\n");
    else print_prompts(cost);
    clock_format_duration((int64_t)(cost->seconds * 1e9), time, sizeof time);
    if (cost->seconds > 0)
        visible_printf(stdout, "  time         about %s, at %s\n", time, cost->measured);
    else printf("  time         not known: nothing was measured with these weights\n");
}

static void write_audit(const struct job_cost *cost, struct json_writer *json)
{
    const struct token_count *count = &cost->count;
    const struct plan_job *job = cost->job;
    bool is_counted = count->n_items && !job->text;
    char label[256];
    plan_job_label(job, label, sizeof label);
    json_begin_object(json);
    json_set_string(json, "job", label);
    json_set_bool(json, "begins_with_bos", job->model->adds_bos);
    if (job->dataset && dataset_asks_chat(job->dataset) && !job->model->config->api) {
        json_set_string(json, "chat", CHAT_FORMATS[job->model->config->chat]);
        json_set_string(json, "rstrip", RSTRIP_POLICY_NAMES[job->model->config->rstrip]);
    }
    if (job->model->info.short_tokens)
        json_set_string(json, "rope", ROPE_POLICY_NAMES[job->model->config->rope]);
    json_set_number(json, "items", job->dataset ? (double)job->dataset->n_items : 0);
    json_set_number(json, "tokens", count->naive_tokens);
    json_set_number(json, "shared_tokens", count->shared_tokens);
    json_set_number(json, "new_tokens_at_most", count->new_tokens);
    json_set_number(json, "longest_tokens", (double)count->longest_tokens);
    json_set_string(json, "longest_item",
                    is_counted ? job->dataset->items[count->i_longest].key : NULL);
    json_set_number(json, "dropped_shots", (double)count->n_dropped);
    json_set_number(json, "truncated", (double)count->n_cut);
    json_set_number(json, "not_answered", (double)count->n_unfit);
    if (is_counted && dataset_has_pictures(job->dataset)) {
        json_set_number(json, "pictures", (double)count->n_pictures);
        json_set_number(json, "no_picture", (double)count->n_no_picture);
    }
    json_set_number(json, "join_spanned", (double)count->n_spanned);
    json_set_number(json, "double_bos", (double)count->n_double_bos);
    json_set_number(json, "space_moved", (double)count->n_moved);
    json_set_number(json, "space_stripped", (double)count->n_stripping);
    json_set_number(json, "changed", (double)count->n_changed);
    json_key(json, "seconds");
    if (cost->seconds > 0) json_put_number(json, cost->seconds);
    else json_put_null(json);
    json_end_object(json);
}

static bool print_json(const struct job_cost *costs, size_t n, struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    json_begin_array(&json);
    for (size_t i = 0; i < n; i++) write_audit(&costs[i], &json);
    json_end_array(&json);
    return json_print(&json, stdout, err);
}

static void print_all(const struct job_cost *costs, size_t n)
{
    char sum[160];
    for (size_t i = 0; i < n; i++) print_audit(&costs[i]);
    job_costs_describe(costs, n, sum, sizeof sum);
    printf("%s; no weights were read\n", sum);
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct costed_options *options = invocation->options;
    struct costed costed;
    bool ok = costed_open(invocation, options, &costed, err);
    if (ok && options->json) ok = print_json(costed.costs, costed.plan->n_jobs, err);
    else if (ok) print_all(costed.costs, costed.plan->n_jobs);
    costed_close(&costed);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench audit configs/synthetic.yaml",
    "phibench audit configs/synthetic.yaml --set models.0.bos=never --json",
    NULL,
};

const struct command COMMAND_AUDIT = {
    .name = "audit",
    .summary = "what a configuration's prompts come to in tokens",
    .arguments = "CONFIG",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct costed_options),
    .details =
        "Encodes every prompt of every suite with the model's vocabulary, before any model runs, "
        "and counts what changes a score without changing a model: BOS, missing or twice; "
        "prompts that lose examples or their beginning, or fit in no form; joins of prompt and "
        "continuation that a token spans; white space that moves or is stripped; texts that "
        "their tokens do not give back; pictures that cannot be read. It says how many tokens are "
        "to be computed, with and "
        "without shared prefixes, which prompt is the longest, and how long a job would take by "
        "the last rates that the database has for the same weights.",
    .examples = EXAMPLES,
    .run = run,
};
