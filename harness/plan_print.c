/* plan_print.c - what --dry-run shows. The tokens are those of the suite's own prompts, encoded by
 * the model's tokenizer; of a large suite a few windows are looked at, spread over it, and the sums
 * scaled.
 */
#include "harness/plan.h"

#include "base/mem.h"
#include "harness/prompt_tokens.h"
#include "harness/trie.h"

#include <stdlib.h>

enum { WINDOW_ITEMS = 128, N_WINDOWS = 4, MAX_WINDOW_BYTES = 1 << 30 };

struct estimate {
    size_t n_items;
    double naive_tokens, shared_tokens;
};

/* The tokens of one item: as they are, and as they extend the trie. */
static bool count_item(const struct tokenizer *tokenizer, const struct prompt_options *options,
                       const struct request *request, struct trie *trie, struct estimate *estimate,
                       struct err *err)
{
    struct prompt_tokens prompt;
    int node;
    if (!prompt_tokens_make(tokenizer, options, request, &prompt, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < prompt.n_branches; i++) {
        const struct tokens *ids = &prompt.branches[i].ids;
        ok = trie_insert(trie, ids->ids, ids->n - 1, 0, &node, err);
    }
    estimate->naive_tokens += (double)prompt_naive_tokens(&prompt);
    estimate->n_items++;
    prompt_tokens_done(&prompt);
    return ok;
}

static bool count_window(const struct plan_job *job, const struct tokenizer *tokenizer,
                         size_t first, struct estimate *estimate, struct err *err)
{
    const struct dataset *dataset = job->dataset;
    const struct prompt_options options = {.bos = job->model->config->bos,
                                           .context_tokens = job->model->context_tokens};
    struct trie trie = {0};
    struct arena *arena = arena_new(MAX_WINDOW_BYTES, err);
    bool ok = arena && trie_init(&trie, err);
    for (size_t i = first; ok && i < dataset->n_items && i < first + WINDOW_ITEMS; i++) {
        struct request request;
        ok = dataset->suite->request(dataset, i, arena, &request, err) &&
             count_item(tokenizer, &options, &request, &trie, estimate, err);
    }
    estimate->shared_tokens += (double)trie.ids.n;
    trie_done(&trie);
    arena_free(arena);
    return ok;
}

static bool count_job(const struct plan_job *job, struct estimate *estimate, struct err *err)
{
    size_t n_windows = (job->dataset->n_items + WINDOW_ITEMS - 1) / WINDOW_ITEMS;
    size_t n_taken = n_windows < N_WINDOWS ? n_windows : N_WINDOWS;
    struct model_file *file = model_file_open(job->model->path, err);
    struct tokenizer *tokenizer = file ? model_file_tokenizer(file, err) : NULL;
    bool ok = tokenizer != NULL;
    for (size_t i = 0; ok && i < n_taken; i++)
        ok = count_window(job, tokenizer, i * n_windows / n_taken * WINDOW_ITEMS, estimate, err);
    tokenizer_release(tokenizer);
    model_file_close(file);
    double scale =
        estimate->n_items ? (double)job->dataset->n_items / (double)estimate->n_items : 0;
    estimate->naive_tokens *= scale;
    estimate->shared_tokens *= scale;
    return ok;
}

static size_t count_repetitions(const struct throughput_options *options)
{
    return options->n_threads * (options->n_prompt + options->n_generate * options->n_batch) *
           (size_t)options->repeat;
}

bool plan_print(const struct plan *plan, FILE *out, struct err *err)
{
    for (size_t i = 0; i < plan->n_jobs; i++) {
        const struct plan_job *job = &plan->jobs[i];
        struct estimate estimate = {0};
        char label[256];
        plan_job_label(job, label, sizeof label);
        if (!job->dataset) {
            fprintf(out, "%s: %zu measurements\n", label,
                    count_repetitions(&job->suite->throughput));
            continue;
        }
        if (!count_job(job, &estimate, err)) return false;
        bool is_exact = estimate.n_items == job->dataset->n_items;
        fprintf(out, "%s: %zu items, %s%.0f tokens, %.0f with shared prefixes computed once\n",
                label, job->dataset->n_items, is_exact ? "" : "about ", estimate.naive_tokens,
                estimate.shared_tokens);
    }
    fprintf(out, "%zu job%s, %zu model%s; nothing was loaded or stored\n", plan->n_jobs,
            plan->n_jobs == 1 ? "" : "s", plan->n_models, plan->n_models == 1 ? "" : "s");
    return true;
}
