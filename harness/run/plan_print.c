/* plan_print.c - what --dry-run shows. The tokens are those of the suite's own prompts, encoded by
 * the model's tokenizer; of a large suite a few windows are looked at, spread over it, and the sums
 * scaled.
 */
#include "base/visible.h"
#include "harness/run/plan.h"

#include "harness/run/token_count.h"

enum { MAX_WINDOWS = 4 };

size_t plan_measurements(const struct plan_job *job)
{
    const struct throughput_options *options = &job->suite->throughput;
    return options->n_threads * (options->n_prompt + options->n_generate * options->n_batch) *
           (size_t)options->repeat;
}

bool plan_print(const struct plan *plan, FILE *out, struct err *err)
{
    for (size_t i = 0; i < plan->n_jobs; i++) {
        const struct plan_job *job = &plan->jobs[i];
        struct token_count count;
        char label[256];
        plan_job_label(job, label, sizeof label);
        if (!job->dataset) {
            visible_printf(out, "%s: %zu measurements\n", label, plan_measurements(job));
            continue;
        }
        if (job->model->config->api) { /* the server counts its tokens */
            visible_printf(out, "%s: %zu items\n", label, job->dataset->n_items);
            continue;
        }
        if (!token_count_job(job, MAX_WINDOWS, &count, err)) return false;
        if (job->text) {
            visible_printf(out, "%s: %zu chunks, %.0f tokens\n", label, count.n_items,
                           count.naive_tokens);
            continue;
        }
        size_t n = job->dataset->n_items;
        double scale = count.n_items ? (double)n / (double)count.n_items : 0;
        visible_printf(out,
                       "%s: %zu items, %s%.0f tokens, %.0f with shared prefixes computed once\n",
                       label, n, count.n_items == n ? "" : "about ", scale * count.naive_tokens,
                       scale * count.shared_tokens);
    }
    for (size_t i = 0; i < plan->n_models; i++) {
        const struct plan_model *model = &plan->models[i];
        if (model->is_made)
            visible_printf(out, "%s %s: %.4g MB, quantized from %s\n", model->config->id,
                           model->quantization, (double)model->info.n_bytes * 1e-6,
                           model->config->path);
    }
    fprintf(out, "%zu job%s, %zu model%s; nothing was loaded or stored\n", plan->n_jobs,
            plan->n_jobs == 1 ? "" : "s", plan->n_models, plan->n_models == 1 ? "" : "s");
    return true;
}
