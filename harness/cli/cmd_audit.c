/* cmd_audit.c - phibench audit: what a configuration's prompts come to in tokens, and how long its
 * jobs would take, before any model runs: vocabularies are read, weights are not.
 *
 * Counts are those of token_count.h; rates are the last ones that the store has for the same
 * weights. Owns the words for both.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/ask/policies.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "harness/run/token_count.h"

#include "harness/ask/policies.h"
#include <stdlib.h>
#include <string.h>

struct options {
    struct db_options db;
    struct text_list set;
    bool json;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB_AS(struct options, db,
                 "database with measured rates, in place of the configuration's"),
    {"set", 0, OPTION_LIST, "KEY=VALUE", "overrides a value of the configuration",
     offsetof(struct options, set), 0, 0, 0},
    OPTION_JSON(struct options, json),
};

/* What is known of one job. */
struct audit {
    const struct plan_job *job;
    struct token_count count;
    double seconds;    /* 0: no rate is known */
    char measured[96]; /* where the rate is from */
};

/* ---- Counting ---- */

/* Quantizations of a model read the same tokens: they are counted once. */
static bool count_job(struct audit *audits, size_t i, struct err *err)
{
    const struct plan_job *job = audits[i].job;
    if (!job->dataset || job->model->config->api) return true;
    for (size_t k = 0; k < i; k++) {
        const struct plan_job *other = audits[k].job;
        if (other->suite != job->suite || other->model->config != job->model->config ||
            other->model->context_tokens != job->model->context_tokens)
            continue;
        audits[i].count = audits[k].count;
        return true;
    }
    return token_count_job(job, 0, &audits[i].count, err);
}

/* ---- Time ---- */

/* The time of `n` things by a rate; *audit stays as it is where nothing was measured. */
static void apply_rate(struct audit *audit, const struct measured_rate *rate, double n,
                       const char *what)
{
    if (!(rate->seconds > 0)) return;
    audit->seconds = n * rate->seconds;
    snprintf(audit->measured, sizeof audit->measured, "%.4g %s a second in run %lld",
             1 / rate->seconds, what, (long long)rate->run);
}

/* The time is estimated by how fast the same questions were answered before, else by tokens, unless
 * some are generated: those are slower. */
static bool estimate_time(struct store *store, struct audit *audit, struct err *err)
{
    const struct token_count *count = &audit->count;
    const struct dataset *dataset = audit->job->dataset;
    const char *hash = audit->job->model->hash;
    struct measured_rate rate;
    if (!dataset || !store) return true;
    if (!runs_time_of_item(store, hash, dataset->suite->name, dataset->protocol, dataset->shots,
                           &rate, err))
        return false;
    apply_rate(audit, &rate, (double)dataset->n_items, "items");
    if (audit->seconds > 0 || count->new_tokens > 0 || !count->n_items) return true;
    if (!runs_time_of_token(store, hash, &rate, err)) return false;
    apply_rate(audit, &rate, count->shared_tokens, "tokens");
    return true;
}

/* ---- Printing ---- */

static void print_prompts(const struct audit *audit)
{
    const struct token_count *count = &audit->count;
    const struct plan_model *model = audit->job->model;
    const struct item *longest = &audit->job->dataset->items[count->i_longest];
    printf("  BOS          %s (%s); %zu prompts begin with two\n",
           model->adds_bos ? "every prompt begins with it" : "no prompt begins with it",
           BOS_POLICY_REASONS[model->config->bos], count->n_double_bos);
    if (dataset_asks_chat(audit->job->dataset))
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
    printf("  joins        %zu spanned by a token\n", count->n_spanned);
    printf("  white space  at the end of %zu prompts, where it goes to the continuation; stripped "
           "after special tokens in %zu\n",
           count->n_moved, count->n_stripping);
    printf("  round trip   the tokens of %zu give another text back\n", count->n_changed);
}

static void print_audit(const struct audit *audit)
{
    const struct plan_job *job = audit->job;
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
               BOS_POLICY_REASONS[job->model->config->bos], audit->count.naive_tokens);
    else if (job->model->config->api) printf("  tokens       counted by the server\n");
    else print_prompts(audit);
    clock_format_duration((int64_t)(audit->seconds * 1e9), time, sizeof time);
    if (audit->seconds > 0)
        visible_printf(stdout, "  time         about %s, at %s\n", time, audit->measured);
    else printf("  time         not known: nothing was measured with these weights\n");
}

static void write_audit(const struct audit *audit, struct json_writer *json)
{
    const struct token_count *count = &audit->count;
    const struct plan_job *job = audit->job;
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
    json_set_number(json, "join_spanned", (double)count->n_spanned);
    json_set_number(json, "double_bos", (double)count->n_double_bos);
    json_set_number(json, "space_moved", (double)count->n_moved);
    json_set_number(json, "space_stripped", (double)count->n_stripping);
    json_set_number(json, "changed", (double)count->n_changed);
    json_key(json, "seconds");
    if (audit->seconds > 0) json_put_number(json, audit->seconds);
    else json_put_null(json);
    json_end_object(json);
}

static bool print_json(const struct audit *audits, size_t n, struct err *err)
{
    struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = 2};
    json_begin_array(&json);
    for (size_t i = 0; i < n; i++) write_audit(&audits[i], &json);
    json_end_array(&json);
    return json_print(&json, stdout, err);
}

static void print_all(const struct audit *audits, size_t n)
{
    double seconds = 0;
    size_t n_unknown = 0;
    char time[64];
    for (size_t i = 0; i < n; i++) {
        print_audit(&audits[i]);
        seconds += audits[i].seconds;
        n_unknown += !(audits[i].seconds > 0);
    }
    clock_format_duration((int64_t)(seconds * 1e9), time, sizeof time);
    printf("%zu job%s", n, n == 1 ? "" : "s");
    if (n_unknown < n) printf(", about %s", time);
    if (n_unknown) printf(", and %zu whose time is not known", n_unknown);
    printf("; no weights were read\n");
}

/* ---- The command ---- */

/* The database, if there is one: an audit makes none. */
static bool open_rates(const struct options *options, const struct config *config,
                       struct store **store, struct err *err)
{
    const char *path = options->db.path ? options->db.path : config->db;
    const struct store_options how = {.mode = STORE_READ, .is_trusted = options->db.is_trusted};
    if (!options->db.path && !file_exists(path)) return true;
    *store = store_open_as(path, &how, err);
    return *store != NULL;
}

static bool audit_plan(const struct plan *plan, const struct options *options, struct err *err)
{
    struct store *store = NULL;
    struct audit *audits = mem_new(plan->n_jobs, sizeof *audits, err);
    bool ok = audits && open_rates(options, plan->config, &store, err);
    for (size_t i = 0; ok && i < plan->n_jobs; i++) {
        audits[i].job = &plan->jobs[i];
        ok = count_job(audits, i, err) && estimate_time(store, &audits[i], err);
    }
    if (ok && options->json) ok = print_json(audits, plan->n_jobs, err);
    else if (ok) print_all(audits, plan->n_jobs);
    store_close(store);
    free(audits);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    struct config *config =
        config_read(invocation->arguments[0], options->set.items, options->set.n, err);
    struct plan *plan = config ? plan_make(config, &invocation->console, err) : NULL;
    bool ok = plan && audit_plan(plan, options, err);
    plan_free(plan);
    config_free(config);
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
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details =
        "Encodes every prompt of every suite with the model's vocabulary, before any model runs, "
        "and counts what changes a score without changing a model: BOS, missing or twice; "
        "prompts that lose examples or their beginning, or fit in no form; joins of prompt and "
        "continuation that a token spans; white space that moves or is stripped; texts that "
        "their tokens do not give back. It says how many tokens are to be computed, with and "
        "without shared prefixes, which prompt is the longest, and how long a job would take by "
        "the last rates that the database has for the same weights.",
    .examples = EXAMPLES,
    .run = run,
};
