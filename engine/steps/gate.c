/* gate.c - the step of a gated feed-forward, by slices of columns, so that one token too is
 * divided.
 */
#include "engine/steps/pass.h"

/* Columns that one thread gates and quantizes at a time: whole blocks of any format. */
enum { SLICE_COLUMNS = 1024 };

void step_gate_silu(struct pass *pass, const struct operation *operation)
{
    enum buffer from = operation->step->from, to = operation->step->to;
    size_t n_ff = pass->h->n_ff, n_slices = (n_ff + SLICE_COLUMNS - 1) / SLICE_COLUMNS;
    struct range share = pass_share(pass, pass->n_active * n_slices);
    for (size_t unit = share.begin; unit < share.end; unit++) {
        size_t i = unit / n_slices, begin = unit % n_slices * SLICE_COLUMNS;
        size_t end = begin + SLICE_COLUMNS < n_ff ? begin + SLICE_COLUMNS : n_ff;
        const float *gates = pass_row(pass, from, i);
        pass->kernels->silu_mul(gates + begin, gates + n_ff + begin, end - begin,
                                pass_row(pass, to, i) + begin);
        pass_quantize(pass, operation->needs, to, i, begin, end);
    }
}
