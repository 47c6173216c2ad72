/* cmd_regrade.c - phibench regrade: grades the stored responses of a run again, without a model.
 *
 * Verdicts that differ are collected first and written in one transaction.
 * Needs neither model nor data files: a grade depends on item and response alone.
 */
#include "base/arena.h"
#include "base/mem.h"
#include "base/visible.h"
#include "harness/cli/commands.h"
#include "harness/cli/rows.h"
#include "harness/config/task_file.h"
#include "harness/run/job_scores.h"
#include "suites/suite.h"

#include <stdlib.h>
#include <string.h>

struct options {
    struct db_options db;
    bool dry_run;
};

static const struct option_spec OPTIONS[] = {
    OPTION_DB(struct options, db),
    {"dry-run", 0, OPTION_FLAG, NULL, "only count what would change",
     offsetof(struct options, dry_run), 0, 0, 0},
};

enum { MAX_ARENA_BYTES = 1 << 30, MAX_JOBS = 1 << 20 };

/* A verdict that differs from the stored one. */
struct change {
    struct change *next;
    const char *key, *others_json;
    struct verdict verdict;
};

struct regrading {
    const struct suite *suite;
    const char *protocol;
    struct arena *arena; /* of one job */
    struct buf others;   /* scratch */
    struct change *changes;
    size_t n_answers, n_changes;
};

static bool is_same(const struct answer_record *answer, const struct verdict *verdict,
                    const char *others)
{
    return !strcmp(answer->others_json ? answer->others_json : "", others) &&
           answer->answered == verdict->answered && answer->is_correct == verdict->is_correct &&
           !strcmp(answer->predicted, verdict->predicted) &&
           !memcmp(&answer->score, &verdict->score, sizeof answer->score) &&
           !memcmp(&answer->margin, &verdict->margin, sizeof answer->margin);
}

static bool grade_again(void *context, const struct answer_record *answer, struct err *err)
{
    struct regrading *regrading = context;
    struct response response;
    struct verdict verdict = {0};
    struct item item = {.key = arena_string(regrading->arena, answer->key, err),
                        .subset = arena_string(regrading->arena, answer->subset, err),
                        .expected = arena_string(regrading->arena, answer->expected, err)};
    if (!item.key || !item.subset || !item.expected) return false;
    if (!response_read(answer->response_json, strlen(answer->response_json), &response,
                       regrading->arena, err))
        return err_context(err, "reading the stored response of %s", answer->key);
    if (!regrading->suite->grade(regrading->suite, regrading->protocol, &item, &response, &verdict,
                                 err))
        return false;
    regrading->n_answers++;
    buf_clear(&regrading->others);
    verdict_write_others(&verdict, &regrading->others);
    if (!buf_check(&regrading->others, err)) return false;
    if (is_same(answer, &verdict, buf_string(&regrading->others))) return true;
    struct change *change = arena_alloc(regrading->arena, 1, sizeof *change, err);
    if (!change) return false;
    change->verdict = verdict;
    change->key = item.key;
    if (verdict.n_others && !(change->others_json = arena_string(
                                  regrading->arena, buf_string(&regrading->others), err)))
        return false;
    change->next = regrading->changes;
    regrading->changes = change;
    regrading->n_changes++;
    return true;
}

static bool store_changes(struct store *store, int64_t job, struct regrading *regrading,
                          struct err *err)
{
    bool ok = store_begin(store, err);
    if (!ok) return false;
    for (struct change *change = regrading->changes; ok && change; change = change->next) {
        const struct answer_record answer = {.key = change->key,
                                             .answered = change->verdict.answered,
                                             .is_correct = change->verdict.is_correct,
                                             .score = change->verdict.score,
                                             .margin = change->verdict.margin,
                                             .predicted = change->verdict.predicted,
                                             .others_json = change->others_json};
        ok = store_put_verdict(store, job, &answer, err);
    }
    ok = ok && job_scores_compute(store, job, regrading->suite, err) && store_commit(store, err);
    if (!ok) store_rollback(store);
    return ok;
}

struct graded_job {
    int64_t id;
    char suite[64], protocol[256];
    char task[1024]; /* the file of a task that is not built in, "" for others */
};

/* The suite of a job: NULL without an error for a measurement. *task is its owner, if it is one. */
static const struct suite *find_suite(const struct graded_job *job, struct task **task,
                                      struct err *err)
{
    const struct suite *suite = suite_find(job->suite);
    if (suite || (!job->task[0] && !task_file_find(job->suite))) return suite;
    *task = config_task_open(job->task[0] ? job->task : job->suite, err);
    if (*task) return &(*task)->suite;
    err_context(err, "grading job %lld (%s)", (long long)job->id, job->suite);
    return NULL;
}

static bool regrade_job(struct store *store, const struct graded_job *job, bool dry_run,
                        struct err *err)
{
    struct task *task = NULL;
    struct err reason = {0};
    struct regrading regrading = {.suite = find_suite(job, &task, &reason),
                                  .protocol = job->protocol};
    if (reason.code && err) *err = reason;
    if (!regrading.suite) return !reason.code; /* a measurement: nothing to grade */
    regrading.arena = arena_new(MAX_ARENA_BYTES, err);
    bool ok = regrading.arena && store_each_answer(store, job->id, grade_again, &regrading, err);
    if (ok && regrading.n_changes && !dry_run) ok = store_changes(store, job->id, &regrading, err);
    if (ok)
        visible_printf(stdout, "job %lld (%s): %zu answers, %zu verdicts %s\n", (long long)job->id,
                       job->suite, regrading.n_answers, regrading.n_changes,
                       dry_run ? "would change" : "changed");
    buf_free(&regrading.others);
    arena_free(regrading.arena);
    task_free(task);
    return ok;
}

/* The jobs are listed first, since grading writes to the tables that the query reads. */
static bool regrade_run(struct store *store, int64_t run, bool dry_run, struct err *err)
{
    struct graded_job *jobs = NULL;
    size_t n = 0, capacity = 0;
    int more;
    struct query *query = runs_jobs(store, run, err);
    while ((more = query_next(query, err)) > 0) {
        const struct job_row job = runs_job(query);
        if (job.is_judged) continue;
        if (!mem_grow((void **)&jobs, &capacity, n + 1, sizeof *jobs, MAX_JOBS, err)) {
            more = -1;
            break;
        }
        jobs[n].id = job.id;
        snprintf(jobs[n].suite, sizeof jobs[n].suite, "%s", job.suite);
        snprintf(jobs[n].protocol, sizeof jobs[n].protocol, "%s", job.protocol);
        snprintf(jobs[n].task, sizeof jobs[n].task, "%s", job.task);
        n++;
    }
    query_close(query);
    bool ok = more >= 0;
    for (size_t i = 0; ok && i < n; i++) ok = regrade_job(store, &jobs[i], dry_run, err);
    free(jobs);
    return ok;
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const struct options *options = invocation->options;
    int64_t run_id;
    struct store *store =
        rows_open_store(&options->db, options->dry_run ? STORE_READ : STORE_WRITE, err);
    bool ok = store &&
              labels_resolve(store, invocation->n_arguments ? invocation->arguments[0] : NULL,
                             &run_id, err) &&
              regrade_run(store, run_id, options->dry_run, err);
    store_close(store);
    return ok;
}

static const char *const EXAMPLES[] = {"phibench regrade last --db out/example.db", NULL};

const struct command COMMAND_REGRADE = {
    .name = "regrade",
    .summary = "grade the stored responses of a run again",
    .arguments = "[RUN]",
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct options),
    .details = "Grades every stored response of a run, the newest by default, with the grader of "
               "this version and "
               "computes the scores again. No model is loaded. Says how many verdicts changed; "
               "with an unchanged "
               "grader, none.",
    .examples = EXAMPLES,
    .run = run,
};
