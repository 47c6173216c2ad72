/* norm.c - the steps that work on whole rows: norms of the stream, of what blocks add to it, of the
 * heads of queries and keys; and no more than quantizing what others wrote. Each thread takes rows
 * of its own.
 */
#include "engine/steps/pass.h"

/* Squares of what is below have a sum that is a number: above, a norm would make zeros of it. */
static const float MAX_SQUARED = 0x1p52f;

/* Values of row i can be normed, or the fault is reported. */
static void check_squares(const struct pass *pass, const float *x, size_t n, size_t i)
{
    if (!floats_are_below(x, n, MAX_SQUARED)) pass_report(pass, FAULT_STREAM, pass->active[i]);
}

/* x: [n_embd], the stream's; out: what its norm is. */
typedef void norm_fn(const struct pass *pass, const struct operation *operation, const float *x,
                     float *out);

/* Adds to each row of the stream what the last blocks add to it, and norms it. */
static void norm_stream(struct pass *pass, const struct operation *operation, norm_fn *norm)
{
    enum buffer to = operation->step->to;
    size_t n_embd = pass->h->n_embd;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        float *x = pass_row(pass, BUFFER_STREAM, i);
        if (pass->has_delta) pass->kernels->add(x, pass_row(pass, BUFFER_DELTA, i), n_embd);
        if (pass->has_second_delta)
            pass->kernels->add(x, pass_row(pass, BUFFER_SECOND_DELTA, i), n_embd);
        check_squares(pass, x, n_embd, i);
        norm(pass, operation, x, pass_row(pass, to, i));
        pass_quantize(pass, operation->needs, to, i, 0, n_embd);
    }
    pass->has_delta = pass->has_second_delta = false;
}

static void rms_norm(const struct pass *pass, const struct operation *operation, const float *x,
                     float *out)
{
    pass->kernels->rms_norm(x, operation->vector, pass->h->n_embd, pass->h->norm_eps, out);
}

static void layer_norm(const struct pass *pass, const struct operation *operation, const float *x,
                       float *out)
{
    pass->kernels->layer_norm(x, operation->vector, operation->vector_bias, pass->h->n_embd,
                              pass->h->norm_eps, out);
}

void step_norm(struct pass *pass, const struct operation *operation)
{
    norm_stream(pass, operation, rms_norm);
}

void step_layer_norm(struct pass *pass, const struct operation *operation)
{
    norm_stream(pass, operation, layer_norm);
}

void step_norm_delta(struct pass *pass, const struct operation *operation)
{
    enum buffer to = operation->step->to;
    size_t n_embd = pass->h->n_embd;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        float *delta = pass_row(pass, to, i);
        check_squares(pass, delta, n_embd, i);
        rms_norm(pass, operation, delta, delta);
    }
}

/* Of n_heads heads of each row, which begin with value first. */
static void norm_heads(const struct pass *pass, const struct operation *operation, size_t first,
                       size_t n_heads)
{
    enum buffer to = operation->step->to;
    size_t head_size = pass->h->head_size;
    struct range share = pass_share(pass, pass->n_active * n_heads);
    for (size_t i = share.begin; i < share.end; i++) {
        float *head = pass_row(pass, to, i / n_heads) + first + i % n_heads * head_size;
        check_squares(pass, head, head_size, i / n_heads);
        pass->kernels->rms_norm(head, operation->vector, head_size, pass->h->norm_eps, head);
    }
}

void step_norm_q(struct pass *pass, const struct operation *operation)
{
    norm_heads(pass, operation, 0, pass->h->n_heads);
}

void step_norm_k(struct pass *pass, const struct operation *operation)
{
    norm_heads(pass, operation, hparams_count(pass->h, EXTENT_Q), pass->h->n_kv_heads);
}

void step_quantize(struct pass *pass, const struct operation *operation)
{
    enum buffer from = operation->step->from;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++)
        pass_quantize(pass, operation->needs, from, i, 0, pass->scratch->widths[from]);
}
