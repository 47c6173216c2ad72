/* gate.c - the steps between the two projections of a feed-forward, by slices of columns, so that
 * one token too is divided.
 */
#include "engine/steps/pass.h"

/* Columns that one thread computes and quantizes at a time: whole blocks of any format. */
enum { SLICE_COLUMNS = 1024 };

/* One slice: n columns of what from and to hold. */
typedef void slice_fn(const struct pass *pass, const float *from, size_t n, float *to);

/* Every slice of every row, ready to be projected. */
static void run_slices(const struct pass *pass, const struct operation *operation, slice_fn *run)
{
    enum buffer from = operation->step->from, to = operation->step->to;
    size_t n_cols = pass->scratch->widths[to];
    size_t n_slices = (n_cols + SLICE_COLUMNS - 1) / SLICE_COLUMNS;
    struct range share = pass_share(pass, pass->n_active * n_slices);
    for (size_t unit = share.begin; unit < share.end; unit++) {
        size_t i = unit / n_slices, begin = unit % n_slices * SLICE_COLUMNS;
        size_t end = begin + SLICE_COLUMNS < n_cols ? begin + SLICE_COLUMNS : n_cols;
        run(pass, pass_row(pass, from, i) + begin, end - begin, pass_row(pass, to, i) + begin);
        pass_quantize(pass, operation->needs, to, i, begin, end);
    }
}

static void gate_silu(const struct pass *pass, const float *gate, size_t n, float *to)
{
    pass->kernels->silu_mul(gate, gate + pass->h->n_ff, n, to);
}

static void gate_gelu(const struct pass *pass, const float *gate, size_t n, float *to)
{
    pass->kernels->gelu_mul(gate, gate + pass->h->n_ff, n, to);
}

static void gate_gegelu(const struct pass *pass, const float *gate, size_t n, float *to)
{
    pass->kernels->gegelu_mul(gate, gate + pass->h->n_ff, n, pass->h->gegelu_limit, to);
}

static void gelu(const struct pass *pass, const float *from, size_t n, float *to)
{
    pass->kernels->gelu(from, n, to);
}

static void gelu_quick(const struct pass *pass, const float *from, size_t n, float *to)
{
    pass->kernels->gelu_quick(from, n, to);
}

static void gelu_erf(const struct pass *pass, const float *from, size_t n, float *to)
{
    pass->kernels->gelu_erf(from, n, to);
}

void step_gate_silu(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gate_silu);
}

void step_gate_gelu(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gate_gelu);
}

void step_gate_gegelu(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gate_gegelu);
}

void step_gelu(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gelu);
}

void step_gelu_quick(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gelu_quick);
}

void step_gelu_erf(struct pass *pass, const struct operation *operation)
{
    run_slices(pass, operation, gelu_erf);
}
