/* tower.c - the steps of towers around their layers: where patches stand in a picture, and what is
 * made of them for the language model. Each thread takes rows of its own.
 *
 * A sequence of a batch is a crop: the class, then its patches row by row.
 */
#include "engine/steps/pass.h"

#include <string.h>

void step_place(struct pass *pass, const struct operation *operation)
{
    size_t n_embd = pass->h->n_embd;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        size_t position = pass->session->positions[i];
        float *x = pass_row(pass, operation->step->to, i);
        memcpy(x, operation->vector + position * n_embd, n_embd * sizeof *x);
        if (position == 0) pass->kernels->add(x, operation->vector_bias, n_embd);
    }
}

/* merged: [4][n_embd], of the patches whose first one is row i of the stream. */
static void merge_patches(const struct pass *pass, const struct operation *operation, size_t i,
                          float *merged)
{
    size_t n_embd = pass->h->n_embd, n_side = hparams_patches(pass->h);
    const size_t rows[] = {i, i + 1, i + n_side, i + n_side + 1};
    for (size_t k = 0; k < 4; k++, merged += n_embd) {
        memcpy(merged, pass_row(pass, operation->step->from, rows[k]), n_embd * sizeof *merged);
        if (pass->has_delta)
            pass->kernels->add(merged, pass_row(pass, BUFFER_DELTA, rows[k]), n_embd);
    }
}

void step_merge(struct pass *pass, const struct operation *operation)
{
    enum buffer to = operation->step->to;
    size_t n_side = hparams_patches(pass->h), n_merged = n_side / 2,
           n_of_crop = n_merged * n_merged;
    size_t n_crops = pass->n_active / pass->h->context_tokens, n_rows = n_crops * n_of_crop;
    size_t n_cols = pass->scratch->widths[to];
    pass->active = pass->session->all; /* a fault names a row */
    pass->n_active = n_rows + 2;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        float *x = pass_row(pass, to, i);
        size_t i_crop = i / n_of_crop, y = i % n_of_crop / n_merged, x_merged = i % n_merged;
        size_t first = i_crop * pass->h->context_tokens + 1 + 2 * (y * n_side + x_merged);
        if (i < n_rows) merge_patches(pass, operation, first, x);
        else if (i == n_rows) memcpy(x, operation->vector_bias, n_cols * sizeof *x);
        else memcpy(x, operation->vector, n_cols * sizeof *x);
        pass_quantize(pass, operation->needs, to, i, 0, n_cols);
    }
    pass->has_delta = false;
}
