/* scale.c - the steps that bring a buffer to another scale: embeddings before the layers, logits
 * after them, with what the model says of them (struct hparams).
 */
#include "engine/steps/pass.h"

#include <float.h>

/* Each thread takes rows of its own. */
void step_scale_embedding(struct pass *pass, const struct operation *operation)
{
    (void)operation;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++)
        pass->kernels->scale(pass_row(pass, BUFFER_STREAM, i), pass->h->embedding_scale,
                             pass->h->n_embd);
}

/* Each thread takes a part of all rows, which lie side by side. A cap would hide what is no
 * number. */
void step_cap_logits(struct pass *pass, const struct operation *operation)
{
    (void)operation;
    if (!(pass->h->logit_softcap > 0)) return;
    struct range share = pass_share(pass, pass->n_active * pass->h->n_vocab);
    pass_check_logits(pass);
    if (share.begin < share.end)
        pass->kernels->softcap(pass_row(pass, BUFFER_LOGITS, 0) + share.begin,
                               pass->h->logit_softcap, share.end - share.begin);
}

/* Each thread takes a part of all rows, which lie side by side. The lowest number, and not minus
 * infinity: logits are numbers. */
void step_finish_logits(struct pass *pass, const struct operation *operation)
{
    const struct hparams *h = pass->h;
    struct range share = pass_share(pass, pass->n_active * h->n_vocab);
    float *logits = pass_row(pass, operation->step->to, 0);
    if (share.begin < share.end)
        pass->kernels->scale(logits + share.begin, 1 / h->logit_divisor, share.end - share.begin);
    for (size_t row = share.begin / h->n_vocab; row * h->n_vocab < share.end; row++)
        for (size_t i = 0; i < h->n_masked; i++) {
            size_t at = row * h->n_vocab + (size_t)h->masked[i];
            if (at >= share.begin && at < share.end) logits[at] = -FLT_MAX;
        }
}
