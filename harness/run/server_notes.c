/* server_notes.c - see server_notes.h. Until identities were asked of servers, a model behind one
 * was known by its URL and name: whatever was loaded there, the answers passed for its own; and
 * echoed log-probabilities were read where the server said, whatever they were of.
 *
 * Such answers stay where they are, and count for nothing.
 */
#include "harness/run/server_notes.h"

#include <string.h>

bool server_notes_put(struct store *store, int64_t job, const char *kind,
                      const struct plan_server *server, struct err *err)
{
    struct buf text = {0};
    const struct server_words *words = &server->words;
    if (words->json) buf_printf(&text, "the server says of itself: %s", words->json);
    else if (words->why) buf_printf(&text, "the server tells nothing of itself (%s)", words->why);
    else buf_text(&text, "the server was not asked what it is");
    if (server->options->revision) buf_printf(&text, "; revision: %s", server->options->revision);
    bool ok = buf_check(&text, err) && store_put_note(store, job, kind, 0, buf_string(&text), err);
    buf_free(&text);
    return ok;
}

static bool count_weak(const struct plan_job *job, struct store *store, int64_t *n, struct err *err)
{
    const struct api_options *options = job->model->server->options;
    const struct weak_answers_query wanted = {.base_url = options->base_url,
                                              .model = options->model,
                                              .suite = job->dataset->suite->name,
                                              .protocol = job->dataset->protocol,
                                              .shots = job->dataset->shots,
                                              .fingerprint = job->fingerprint};
    return store_count_weak_answers(store, &wanted, n, err);
}

bool server_notes_say_weak(const struct plan *plan, struct store *store, const struct log *log,
                           struct err *err)
{
    for (size_t i = 0; i < plan->n_jobs;) {
        const struct plan_model *model = plan->jobs[i].model;
        int64_t n = 0, n_scored = 0, n_job;
        for (; i < plan->n_jobs && plan->jobs[i].model == model; i++) {
            const struct plan_job *job = &plan->jobs[i];
            if (!model->server || !job->dataset) continue;
            if (!count_weak(job, store, &n_job, err)) return false;
            n += n_job;
            if (!strcmp(job->dataset->suite->decoding, "loglikelihood")) n_scored += n_job;
        }
        if (n)
            log_info(
                log,
                "%s: %lld answers of an older program in %s are asked anew: their key was too "
                "weak, which had the server's URL and the model's name and not what the server "
                "says of itself%s",
                model->config->id, (long long)n, store_path(store),
                n_scored ? ", and echoed log-probabilities were read unchecked" : "");
    }
    return true;
}
