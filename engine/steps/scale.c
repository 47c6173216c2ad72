/* scale.c - the steps that bring a buffer to another scale: embeddings before the layers, with what
 * the model says of them (struct hparams). Each thread takes rows of its own.
 */
#include "engine/steps/pass.h"

void step_scale_embedding(struct pass *pass, const struct operation *operation)
{
    (void)operation;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++)
        pass->kernels->scale(pass_row(pass, BUFFER_STREAM, i), pass->h->embedding_scale,
                             pass->h->n_embd);
}
