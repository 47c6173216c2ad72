/* embedding_rows.h - where the rows come from that a prompt has in place of tokens: what whoever
 * computes a prompt with pictures asks for, batch by batch.
 *
 * Knows no picture: ids below 0 are rows, whatever they stand for.
 */
#ifndef PHIBENCH_HARNESS_ASK_EMBEDDING_ROWS_H
#define PHIBENCH_HARNESS_ASK_EMBEDDING_ROWS_H

#include "engine/engine.h"

struct embedding_rows {
    size_t n_embd;
    /* Writes the row of an id below 0: [n_embd]. May compute it first, which takes a while. */
    bool (*write)(void *context, int32_t id, float *row, struct err *err);
    void *context;
};

/* The token of an id: that of the vocabulary, or the row of one below 0, which is written to row
 * [n_embd] and must live there until the token is computed. rows: NULL where there is none such. */
static inline bool embedding_rows_token(const struct embedding_rows *rows, int32_t id, float *row,
                                        struct session_token *token, struct err *err)
{
    token->id = id;
    if (id >= 0) return true;
    token->id = 0;
    token->embedding = row;
    return rows->write(rows->context, id, row, err);
}

#endif
