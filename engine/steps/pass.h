/* pass.h - one thread's view of a pass, and what steps have in common.
 *
 * Engine-internal: made by graph.c, used by the steps.
 */
#ifndef PHIBENCH_ENGINE_STEPS_PASS_H
#define PHIBENCH_ENGINE_STEPS_PASS_H

#include "engine/session.h"

/* The rows of one expert: [first, first + n). */
struct expert_rows {
    size_t i_expert, first, n;
};

struct pass {
    struct session *session; /* of which a thread changes the fault alone */
    const struct model *model;
    const struct kernels *kernels;
    const struct hparams *h;
    const struct scratch *scratch;
    struct threads *threads;
    size_t i_thread, i_layer; /* i_layer: past the last one after the layers */
    /* A block's output waits in BUFFER_DELTA, or BUFFER_SECOND_DELTA, to be added to the stream. */
    bool has_delta, has_second_delta;
    const size_t *active; /* [n_active] the tokens that rows of the buffers belong to */
    size_t n_active;
    const struct cuts *cuts; /* of these rows */
    /* From step_gather to step_combine: what active was before, and the experts that have rows. */
    const size_t *tokens;
    size_t n_tokens, n_experts;
    struct expert_rows experts[HPARAMS_MAX_EXPERTS]; /* [n_experts], ascending */
};

/* Row i of a buffer. */
static inline float *pass_row(const struct pass *pass, enum buffer buffer, size_t i)
{
    return pass->scratch->rows[buffer] + i * pass->scratch->widths[buffer];
}

static inline struct range pass_share(const struct pass *pass, size_t n)
{
    return threads_share(pass->threads, n, pass->i_thread);
}

/* Rows [first, first + n) of a buffer that were made ready, in a format, to be multiplied. */
struct acts pass_acts(const struct pass *pass, enum buffer buffer, enum act_format format,
                      size_t first, size_t n);

/* Adds the inputs of the operation's projection to the session's importance, if there is one. */
void pass_observe(const struct pass *pass, const struct operation *operation,
                  const struct expert_rows *rows);

/* Keeps the fault if it is the first so far. Only what is wrong comes here. */
void pass_report(const struct pass *pass, enum fault_kind kind, size_t i_token);

/* The thread's share of the logits must be numbers, or the fault is reported. */
void pass_check_logits(const struct pass *pass);

/* Columns [begin, end) of row i of a buffer, in the quantized formats that are needed: begin is a
 * multiple of any format's block. They must be numbers, or the fault is reported: a product of
 * quantized inputs would hide that they are none. */
void pass_quantize(const struct pass *pass, const bool needs[ACT_FORMAT_COUNT], enum buffer buffer,
                   size_t i, size_t begin, size_t end);

#endif
