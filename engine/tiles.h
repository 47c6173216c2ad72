/* tiles.h - which rows of a batch one call of the attention kernel takes together, and the scratch
 * that a call needs.
 *
 * A tile is as large as its scratch stays in the L2 cache. Engine-internal, for session.c.
 */
#ifndef PHIBENCH_ENGINE_TILES_H
#define PHIBENCH_ENGINE_TILES_H

#include "engine/session.h"

/* Floats of a thread's scratch, a multiple of 16: it holds one token at any position, and tiles as
 * long as they stay in the L2 cache. Reads the model, context_tokens and window. */
size_t tiles_scratch_floats(const struct session *session);

/* Cuts the rows of the stream, of which row i belongs to token rows[i]: [n_rows]. Reads positions
 * and pages. */
void tiles_cut(const struct session *session, const size_t *rows, size_t n_rows, struct cuts *cuts);

#endif
