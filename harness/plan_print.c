/* plan_print.c - what --dry-run shows. The tokens are those of the suite's own prompts, encoded by
 * the model's tokenizer; of a large suite a few windows are looked at, spread over it, and the sums
 * scaled.
 */
#include "harness/plan.h"

#include "base/mem.h"
#include "harness/prompt_tokens.h"
#include "harness/text_chunks.h"
#include "harness/trie.h"
#include "harness/windows.h"

#include <stdlib.h>

enum { N_WINDOWS = 4, MAX_WINDOW_BYTES = 1 << 30 };

struct estimate {
    size_t n_items;
    double naive_tokens, shared_tokens;
};

/* The tokens of one item: as they are, and as they extend the trie. */
static bool count_item(struct line_encoder *encoder, const struct prompt_options *options,
                       const struct request *request, struct trie *trie, struct estimate *estimate,
                       struct err *err)
{
    struct prompt_tokens prompt;
    int node;
    if (!prompt_tokens_make(encoder, options, request, &prompt, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < prompt.n_branches; i++) {
        const struct joined_tokens *branch = &prompt.branches[i];
        ok = trie_insert(trie, TRIE_ROOT, branch->ids.ids, prompt_computed_tokens(branch), 0, &node,
                         err);
    }
    estimate->naive_tokens += (double)prompt_naive_tokens(&prompt);
    estimate->n_items++;
    prompt_tokens_done(&prompt);
    return ok;
}

static bool count_window(const struct plan_job *job, const struct tokenizer *tokenizer,
                         size_t first, size_t end, struct estimate *estimate, struct err *err)
{
    const struct dataset *dataset = job->dataset;
    const struct prompt_options options = {.context_tokens = job->model->context_tokens};
    struct line_encoder encoder;
    struct trie trie = {0};
    line_encoder_init(&encoder, tokenizer, job->model->config->bos);
    struct arena *arena = arena_new(MAX_WINDOW_BYTES, err);
    bool ok = arena && trie_init(&trie, err);
    for (size_t i = first; ok && i < end; i++) {
        struct request request;
        ok = dataset->suite->request(dataset, i, arena, &request, err) &&
             (!dataset->items[i].follows || request_set_answer(&request, arena, "", err)) &&
             count_item(&encoder, &options, &request, &trie, estimate, err);
    }
    estimate->shared_tokens += (double)trie.ids.n;
    line_encoder_done(&encoder);
    trie_done(&trie);
    arena_free(arena);
    return ok;
}

/* Counts every n-th window, those of a run that has all items to compute. */
static bool count_windows(const struct plan_job *job, const struct tokenizer *tokenizer,
                          const struct item_list *list, struct estimate *estimate, struct err *err)
{
    size_t n_windows = 0, i_window = 0;
    for (size_t first = 0; first < list->n; first = window_end(list, first)) n_windows++;
    size_t step = (n_windows + N_WINDOWS - 1) / N_WINDOWS;
    for (size_t first = 0, end; first < list->n; first = end, i_window++) {
        end = window_end(list, first);
        if (i_window % step == 0 && !count_window(job, tokenizer, first, end, estimate, err))
            return false;
    }
    return true;
}

static bool count_job(const struct plan_job *job, struct estimate *estimate, struct err *err)
{
    size_t n = job->dataset->n_items;
    size_t *all = mem_new(n, sizeof *all, err);
    struct model_file *file = all ? model_file_open(job->model->path, err) : NULL;
    struct tokenizer *tokenizer = file ? model_file_tokenizer(file, err) : NULL;
    const struct item_list list = {job->dataset, all, n, NULL};
    for (size_t i = 0; tokenizer && i < n; i++) all[i] = i;
    bool ok = tokenizer && count_windows(job, tokenizer, &list, estimate, err);
    tokenizer_release(tokenizer);
    model_file_close(file);
    free(all);
    double scale = estimate->n_items ? (double)n / (double)estimate->n_items : 0;
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
        if (job->text) {
            size_t n = job->dataset->n_items, n_tokens = text_chunks_of(job->dataset)->chunk_tokens;
            fprintf(out, "%s: %zu chunks, %zu tokens\n", label, n, n * (n_tokens - 1));
            continue;
        }
        if (job->model->config->api) { /* the server counts its tokens */
            fprintf(out, "%s: %zu items\n", label, job->dataset->n_items);
            continue;
        }
        if (!count_job(job, &estimate, err)) return false;
        bool is_exact = estimate.n_items == job->dataset->n_items;
        fprintf(out, "%s: %zu items, %s%.0f tokens, %.0f with shared prefixes computed once\n",
                label, job->dataset->n_items, is_exact ? "" : "about ", estimate.naive_tokens,
                estimate.shared_tokens);
    }
    for (size_t i = 0; i < plan->n_models; i++) {
        const struct plan_model *model = &plan->models[i];
        if (model->is_made)
            fprintf(out, "%s %s: %.4g MB, quantized from %s\n", model->config->id,
                    model->quantization, (double)model->info.n_bytes * 1e-6, model->config->path);
    }
    fprintf(out, "%zu job%s, %zu model%s; nothing was loaded or stored\n", plan->n_jobs,
            plan->n_jobs == 1 ? "" : "s", plan->n_models, plan->n_models == 1 ? "" : "s");
    return true;
}
