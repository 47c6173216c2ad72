/* job.c - see job.h: the model that the jobs of a run share, and what they say of their work.
 *
 * Calls neither the runner nor what carries out a job.
 */
#include "harness/run/job.h"

#include "base/clock.h"
#include "harness/run/load_model.h"
#include "harness/run/machine.h"

void run_close_model(struct run_context *run)
{
    model_close(run->model);
    cached_model_done(&run->made);
    run->model = NULL;
    run->load_ns = 0;
    err_clear(&run->load_fault);
}

static bool load(struct run_context *run, const struct plan_model *planned, const char *path,
                 const struct model_seal *seal, struct err *err)
{
    const struct runner_options *options = run->options;
    const struct session_options session = {.n_threads = run->plan->config->n_threads,
                                            .context_tokens = planned->config->context_tokens,
                                            .kv_type = planned->config->kv_type,
                                            .rope = planned->config->rope};
    machine_reset_peak();
    int64_t begin_ns = clock_ns();
    run->model = load_model(&options->console, path, seal, options->isa, &session, err);
    run->load_ns = clock_ns() - begin_ns;
    run->load_rss_bytes = machine_peak_rss_bytes();
    return run->model != NULL;
}

static bool load_made(struct run_context *run, const struct plan_model *planned,
                      const char *why_again, struct err *err)
{
    const struct config *config = run->plan->config;
    const struct runner_options *options = run->options;
    cached_model_done(&run->made);
    return model_cache_get(&options->console, config->cache ? config->cache : options->cache,
                           planned, why_again, config->n_threads, &run->made, err) &&
           load(run, planned, run->made.path, run->made.seal, err);
}

/* A file of the cache that cannot be read as it was made is made again, once. */
static bool open_model(struct run_context *run, const struct plan_model *planned, struct err *err)
{
    struct err why = {0};
    if (!planned->is_made) return load(run, planned, planned->path, planned->seal, err);
    if (load_made(run, planned, NULL, &why)) return true;
    if (run->made.seal && (why.code == ERR_INPUT || why.code == ERR_IO))
        return load_made(run, planned, why.message, err);
    *err = why;
    return false;
}

bool run_need_model(struct run_context *run, const struct plan_model *planned, struct err *err)
{
    if (run->model || planned->config->api) return true;
    if (run->load_fault.code == ERR_NONE && open_model(run, planned, &run->load_fault)) return true;
    if (err) *err = run->load_fault;
    return false;
}

void run_add_work(struct run_work *sum, const struct run_work *work)
{
    sum->n_items += work->n_items;
    sum->naive_tokens += work->naive_tokens;
    sum->computed_tokens += work->computed_tokens;
    sum->wall_ns += work->wall_ns;
}

void run_say_work(const struct log *log, const char *label, const struct run_work *work)
{
    char time[64];
    double seconds = (double)(work->wall_ns ? work->wall_ns : 1) * 1e-9;
    double naive = (double)work->naive_tokens, computed = (double)work->computed_tokens;
    clock_format_duration(work->wall_ns, time, sizeof time);
    log_info(log,
             "%s: %zu answers in %s, %.3g a second; %lld tokens computed, %.4g a second, in place "
             "of %lld (%.3g times as many)",
             label, work->n_items, time, (double)work->n_items / seconds,
             (long long)work->computed_tokens, computed / seconds, (long long)work->naive_tokens,
             computed > 0 ? naive / computed : 0);
}
