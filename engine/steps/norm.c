/* norm.c - the steps that make whole rows ready to be projected: the norm of the stream, and
 * no more than quantizing what others wrote. Each thread takes rows of its own.
 */
#include "engine/steps/pass.h"

/* Squares of what is below have a sum that is a number: above, a norm would make zeros of it. */
static const float MAX_SQUARED = 0x1p52f;

/* Row i of the stream, with what the last block adds to it. */
static const float *add_delta(const struct pass *pass, size_t i)
{
    size_t n_embd = pass->h->n_embd;
    float *x = pass_row(pass, BUFFER_STREAM, i);
    if (pass->has_delta) pass->kernels->add(x, pass_row(pass, BUFFER_DELTA, i), n_embd);
    if (!floats_are_below(x, n_embd, MAX_SQUARED)) pass_report(pass, FAULT_STREAM, pass->active[i]);
    return x;
}

void step_norm(struct pass *pass, const struct operation *operation)
{
    enum buffer to = operation->step->to;
    size_t n_embd = pass->h->n_embd;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        const float *x = add_delta(pass, i);
        pass->kernels->rms_norm(x, operation->vector, n_embd, pass->h->norm_eps,
                                pass_row(pass, to, i));
        pass_quantize(pass, operation->needs, to, i, 0, n_embd);
    }
    pass->has_delta = false;
}

void step_layer_norm(struct pass *pass, const struct operation *operation)
{
    enum buffer to = operation->step->to;
    size_t n_embd = pass->h->n_embd;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        const float *x = add_delta(pass, i);
        pass->kernels->layer_norm(x, operation->vector, operation->vector_bias, n_embd,
                                  pass->h->norm_eps, pass_row(pass, to, i));
        pass_quantize(pass, operation->needs, to, i, 0, n_embd);
    }
    pass->has_delta = false;
}

void step_quantize(struct pass *pass, const struct operation *operation)
{
    enum buffer from = operation->step->from;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++)
        pass_quantize(pass, operation->needs, from, i, 0, pass->scratch->widths[from]);
}
