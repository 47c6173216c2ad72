/* runner.c - see runner.h. This file begins and ends runs and goes through the jobs, opening each
 * model at most once and only if a job has work left; items.c and speed.c carry out one
 * job.
 */
#include "harness/run/runner.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "harness/run/job.h"
#include "harness/run/lock.h"
#include "harness/run/machine.h"
#include "harness/run/records.h"
#include "harness/run/references.h"
#include "harness/run/server_notes.h"
#include "results/runs.h"

#include <stdlib.h>
#include <string.h>

/* ---- Jobs ---- */

static bool add_label(const struct plan_job *job, struct err *err)
{
    char label[256];
    plan_job_label(job, label, sizeof label);
    return err->code != ERR_INTERRUPTED && err_context(err, "running %s", label);
}

/* Whether what went wrong would do so in any job, or is the configuration's fault: what answers is
 * not to blame. */
static bool ends_run(const struct run_context *run, const struct err *err)
{
    return err->code == ERR_INTERRUPTED || err->code == ERR_MEMORY || err->code == ERR_FULL ||
           err->code == ERR_CONFIG || err->code == ERR_USAGE ||
           !strncmp(err->file, store_path(run->store), sizeof err->file - 1);
}

/* Notes why a job failed, unless its error ends the run; then false. */
static bool go_on_after(struct run_context *run, const struct plan_job *job, int64_t id,
                        struct err *err)
{
    char reason[sizeof err->file + sizeof err->message + 4];
    if (ends_run(run, err)) return false;
    snprintf(reason, sizeof reason, "%s%s%s", err->file, *err->file ? ": " : "", err->message);
    add_label(job, err);
    log_warning(&run->options->console.log, "%s%s%s", err->file, *err->file ? ": " : "",
                err->message);
    if (!run->n_failed++) run->first_fault = *err;
    err_clear(err);
    return store_put_note(run->store, id, JOB_FAILED_NOTE, 1, reason, err);
}

static bool run_job(struct run_context *run, const struct plan_job *job, struct err *err)
{
    int64_t id;
    bool finished, complete = true;
    if (!interrupt_check(err) || !record_job(run->store, run->id, job, &id, err) ||
        !runs_job_is_finished(run->store, id, &finished, err) ||
        (finished && !run_references_are_complete(run, job, &complete, err)))
        return false;
    if (finished && complete) return true;
    if (!store_drop_note(run->store, id, JOB_FAILED_NOTE, err)) return false;
    if (job->dataset ? run_items(run, job, id, err) : run_speed(run, job, id, err)) return true;
    return go_on_after(run, job, id, err);
}

static bool run_jobs(struct run_context *run, struct err *err)
{
    const struct plan *plan = run->plan;
    bool ok = true;
    for (size_t i = 0; ok && i < plan->n_jobs; i++) {
        const struct plan_job *job = &plan->jobs[i];
        if (i && job->model != plan->jobs[i - 1].model) run_close_model(run);
        ok = run_job(run, job, err);
        if (!ok) add_label(job, err);
    }
    run_close_model(run);
    if (ok && run->n_failed) {
        const struct err *first = &run->first_fault;
        ok = err_set(err, ERR_JOBS, "%zu of %zu jobs failed: %s%s%s", run->n_failed, plan->n_jobs,
                     first->file, *first->file ? ": " : "", first->message);
    }
    if (ok && plan->n_jobs > 1 && run->work.n_items)
        run_say_work(&run->options->console.log, "all jobs", &run->work);
    return ok;
}

/* ---- The run ---- */

/* What a new run's row says, and what that of an old one must say to be continued. */
static struct run_record describe_run(const struct run_context *run, const struct machine *machine)
{
    const struct config *config = run->plan->config;
    struct run_record record =
        record_run(run->options->command_line, run->options->isa,
                   config->n_threads ? config->n_threads : engine_default_threads(), machine);
    record.name = config->name;
    record.config_path = config->file;
    record.config_text = config->text;
    record.config_hash = config->hash;
    return record;
}

static bool is_planned(const struct plan *plan, const char *fingerprint)
{
    for (size_t i = 0; i < plan->n_jobs; i++)
        if (!strcmp(plan->jobs[i].fingerprint, fingerprint)) return true;
    return false;
}

/* Whether the run holds jobs that this plan does not: then weights or data are other ones by now,
 * under the same names. */
static bool has_other_jobs(const struct run_context *run, int64_t id, bool *has, struct err *err)
{
    struct query *query = runs_jobs(run->store, id, err);
    int more = 0;
    *has = false;
    while (!*has && (more = query_next(query, err)) > 0)
        *has = !is_planned(run->plan, runs_job(query).fingerprint);
    query_close(query);
    return more >= 0;
}

/* The run to continue, 0 if there is none. */
static bool find_unfinished(const struct run_context *run, const struct run_record *record,
                            int64_t *id, struct err *err)
{
    bool has_others = false;
    *id = 0;
    if (run->options->is_fresh) return true;
    if (!store_find_unfinished_run(run->store, record, id, err) ||
        (*id && !has_other_jobs(run, *id, &has_others, err)))
        return false;
    if (!has_others) return true;
    log_warning(&run->options->console.log,
                "weights, data or what a server says have changed since run %lld: it is left "
                "unfinished",
                (long long)*id);
    *id = 0;
    return true;
}

/* The unfinished run of this configuration, or a new one; in both cases no other process has it. */
static bool find_or_begin(struct run_context *run, const struct machine *machine,
                          struct run_lock *lock, struct err *err)
{
    const struct run_record record = describe_run(run, machine);
    int64_t id;
    if (!run_lock_open(lock, store_path(run->store), err) ||
        !find_unfinished(run, &record, &id, err))
        return false;
    if (id) {
        if (!run_lock_take(lock, id, err)) return err_place(err, store_path(run->store), 0, 0);
        log_info(&run->options->console.log, "continuing run %lld", (long long)id);
        run->id = id;
        return store_finish_run(run->store, id, RUN_RUNNING, 0, NULL, err);
    }
    if (run->options->must_resume)
        return err_set(err, ERR_USAGE, "%s has no unfinished run of this configuration and program",
                       store_path(run->store));
    return store_begin_run(run->store, &record, &run->id, err) && run_lock_take(lock, run->id, err);
}

static bool finish_run(struct run_context *run, bool ok, struct err *err)
{
    bool interrupted = !ok && err->code == ERR_INTERRUPTED;
    bool done = record_end(run->store, run->id, ok, err);
    if (interrupted)
        return err_set(err, ERR_INTERRUPTED,
                       "interrupted; everything answered is stored. To go on: %s",
                       run->options->is_fresh ? "the same command without --fresh"
                                              : run->options->command_line);
    return done;
}

static bool say_weak(const struct run_context *run, struct err *err)
{
    return run->options->is_fresh ||
           server_notes_say_weak(run->plan, run->store, &run->options->console.log, err);
}

bool runner_execute(const struct plan *plan, struct store *store,
                    const struct runner_options *options, int64_t *run, struct err *err)
{
    struct err own = {0};
    struct run_context context = {.plan = plan, .store = store, .options = options};
    struct run_lock lock = {.file = -1};
    struct machine machine;
    machine_describe(&machine);
    machine_warn(&machine.record, &options->console.log);
    bool ok = find_or_begin(&context, &machine, &lock, &own);
    *run = context.id;
    if (ok) ok = finish_run(&context, say_weak(&context, &own) && run_jobs(&context, &own), &own);
    run_lock_close(&lock);
    if (!ok && err) *err = own;
    return ok;
}
