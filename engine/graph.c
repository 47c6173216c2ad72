/* graph.c - the forward pass of a batch: every thread walks the model's operations, takes its share
 * of each, and meets the others after it. What they are is said by the architecture (arch/) and
 * done by the steps (steps/).
 */
#include "engine/session.h"

#include "engine/steps/pass.h"

static void run_share(void *context, struct threads *threads, size_t i_thread)
{
    struct session *session = context;
    const struct model *model = session->model;
    struct pass pass = {.session = session,
                        .model = model,
                        .kernels = model->kernels,
                        .h = &model->hparams,
                        .scratch = &session->scratch,
                        .threads = threads,
                        .i_thread = i_thread,
                        .active = session->all,
                        .n_active = session->n_tokens,
                        .cuts = &session->all_cuts};
    for (size_t i = 0; pass.n_active > 0 && i < model->n_operations; i++) {
        const struct operation *operation = &model->operations[i];
        pass.i_layer = operation->i_layer;
        operation->step->run(&pass, operation);
        threads_barrier(threads, i_thread); /* what all threads wrote is visible from here on */
    }
    pass_check_logits(&pass);
}

void graph_run(struct session *session)
{
    atomic_store(&session->fault, NO_FAULT);
    threads_run(session->threads, run_share, session);
}
