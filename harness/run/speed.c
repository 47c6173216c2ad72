/* speed.c - one throughput job: every repetition that the store lacks, stored as it comes.
 *
 * Speeds are never taken over from other runs: they belong to a moment of a machine.
 */
#include "harness/run/job.h"

#include "base/clock.h"
#include "harness/run/progress.h"
#include "harness/run/throughput.h"

struct speed_job {
    struct run_context *run;
    int64_t job;
    struct progress progress;
};

static bool put(void *context, const struct speed_record *record, struct err *err)
{
    const struct speed_job *speed = context;
    return store_put_speed(speed->run->store, speed->job, record, err);
}

static bool has(void *context, const struct speed_record *record, bool *there, struct err *err)
{
    const struct speed_job *speed = context;
    return store_has_speed(speed->run->store, speed->job, record, there, err);
}

static void show_progress(void *context, size_t n_done, size_t n_total)
{
    struct speed_job *speed = context;
    speed->progress.total = n_total;
    progress_update(&speed->progress, n_done);
}

static bool measure(struct speed_job *speed, const struct plan_job *planned,
                    const struct throughput_sink *sink, struct err *err)
{
    struct run_context *run = speed->run;
    char label[256];
    if (!run_need_model(run, planned->model, err)) return false;
    const struct throughput_target target = {.model = run->model,
                                             .context_tokens = planned->model->context_tokens,
                                             .batch_tokens = run->plan->config->batch_tokens,
                                             .kv_type = planned->model->config->kv_type,
                                             .rope = planned->model->config->rope,
                                             .load_ns = run->load_ns,
                                             .load_rss_bytes = run->load_rss_bytes,
                                             .n_load_threads = run->plan->config->n_threads
                                                                   ? run->plan->config->n_threads
                                                                   : engine_default_threads()};
    plan_job_label(planned, label, sizeof label);
    progress_begin(&speed->progress, &run->options->console, label, 0, 0);
    bool ok = throughput_measure(&target, &planned->suite->throughput, sink, err);
    progress_end(&speed->progress);
    return ok;
}

bool run_speed(struct run_context *run, const struct plan_job *planned, int64_t job,
               struct err *err)
{
    struct speed_job speed = {.run = run, .job = job};
    const struct throughput_sink sink = {put, has, show_progress, &speed};
    bool complete;
    int64_t begin_ns = clock_ns();
    if (!throughput_is_complete(&planned->suite->throughput, run->options->isa, &sink, &complete,
                                err))
        return false;
    if (!complete && !measure(&speed, planned, &sink, err)) return false;
    const struct job_result result = job_result_of_speed(clock_ns() - begin_ns);
    return store_finish_job(run->store, job, &result, err);
}
