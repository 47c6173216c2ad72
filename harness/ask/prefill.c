/* prefill.c - see prefill.h.
 *
 * Batches are as large as the session takes; logits are handed out batch by batch.
 * Owns the batch while it works.
 */
#include "harness/ask/prefill.h"

#include "base/interrupt.h"
#include "base/mem.h"

#include <stdlib.h>

static bool eval_chunk(struct session *session, struct session_token *batch, size_t n, size_t first,
                       prefill_logits_fn *fn, void *context, struct err *err)
{
    if (!interrupt_check(err)) return false;
    if (!session_eval(session, batch, n, err)) return false;
    size_t i_output = 0;
    for (size_t i = 0; i < n; i++)
        if (batch[i].wants_logits &&
            !fn(context, first + i, session_logits(session, i_output++), err))
            return false;
    return true;
}

/* The next tokens of the sequence: batch [n]; embeddings [n][rows->n_embd] of ids below 0. */
static bool fill_batch(int sequence, const int32_t *ids, size_t n,
                       const struct embedding_rows *rows, float *embeddings,
                       struct session_token *batch, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        float *row = rows ? embeddings + i * rows->n_embd : NULL;
        batch[i] = (struct session_token){.sequence = sequence};
        if (!embedding_rows_token(rows, ids[i], row, &batch[i], err)) return false;
    }
    return true;
}

bool prefill(struct session *session, int sequence, const struct tokens *ids,
             const struct embedding_rows *rows, bool all, prefill_logits_fn *fn, void *context,
             struct err *err)
{
    size_t capacity = session_batch_tokens(session), at = 0;
    struct session_token *batch = mem_new(capacity, sizeof *batch, err);
    float *embeddings = rows ? mem_new(capacity, rows->n_embd * sizeof *embeddings, err) : NULL;
    bool ok = batch && (embeddings || !rows);
    if (session_length(session, sequence) == 0) session_expect(session, sequence, ids->n);
    while (ok && at < ids->n) {
        size_t n = ids->n - at < capacity ? ids->n - at : capacity;
        ok = fill_batch(sequence, ids->ids + at, n, rows, embeddings, batch, err);
        for (size_t i = 0; i < n; i++) batch[i].wants_logits = all || at + i + 1 == ids->n;
        ok = ok && eval_chunk(session, batch, n, at, fn, context, err);
        at += n;
    }
    free(batch);
    free(embeddings);
    return ok;
}
