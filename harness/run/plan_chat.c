/* plan_chat.c - see plan_chat.h. MT-bench's second turns need answers, so that its check is a
 * greeting; a task's first question is what it is in the run.
 *
 * Owns nothing.
 */
#include "harness/run/plan_chat.h"

#include "harness/ask/chat_prompt.h"

enum { MAX_REQUEST_BYTES = 1 << 28 };

static bool try_chat(const struct plan_job *job, const char *system,
                     const struct dialogue *dialogue, struct err *err)
{
    struct buf prompt = {0};
    bool ok = chat_prompt_render(job->model->tokenizer, CHAT_FORMATS[job->model->config->chat],
                                 system, dialogue, "", &prompt, err);
    buf_free(&prompt);
    return ok;
}

static bool try_task(const struct plan_job *job, const struct request *request,
                     const struct log *log, struct err *err)
{
    char label[256];
    struct err refusal = {0};
    const struct dialogue *first = &request->dialogues[0];
    if (!request->system || try_chat(job, request->system, first, &refusal))
        return request->system || try_chat(job, NULL, first, err);
    if (refusal.code != ERR_INPUT) {
        *err = refusal;
        return false;
    }
    if (!try_chat(job, NULL, first, err)) return false;
    plan_job_label(job, label, sizeof label);
    log_warning(log,
                "%s: the chat template refuses a system message (%s), and the questions are asked "
                "without: as lm-evaluation-harness does it",
                label, refusal.message);
    return true;
}

bool plan_chat_check(const struct plan_job *job, const struct log *log, struct err *err)
{
    static const char *const HELLO[] = {"Hello"};
    const struct dataset *dataset = job->dataset;
    struct err fault = {0};
    bool ok;
    if (dataset->chat.is_asked) {
        struct request request;
        struct arena *arena = arena_new(MAX_REQUEST_BYTES, &fault);
        ok = arena && dataset->suite->request(dataset, 0, arena, &request, &fault) &&
             try_task(job, &request, log, &fault);
        arena_free(arena);
    } else {
        ok = try_chat(job, NULL, &(struct dialogue){HELLO, 1}, &fault);
    }
    if (ok) return true;
    err_context(&fault, "asking %s in a chat", job->model->path);
    if (err) *err = fault;
    return false;
}
