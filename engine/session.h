/* session.h - the inside of a session, shared by session.c, which owns it, and graph.c, which
 * computes.
 *
 * Everything that a batch needs is allocated when the session opens. Engine-internal.
 */
#ifndef PHIBENCH_ENGINE_SESSION_H
#define PHIBENCH_ENGINE_SESSION_H

#include "engine/kv.h"
#include "engine/model.h"
#include "engine/threads.h"

#include <stdatomic.h>

/* Scratch for one batch; T is batch_tokens. Rows are contiguous. */
struct scratch {
    float *rows[BUFFER_COUNT];   /* [T, widths[i]] each; T times n_experts_used if it is routed */
    size_t widths[BUFFER_COUNT]; /* of a row */
    /* [T, n_rope / 2][2] cosine and sine at each token's position; NULL: no such rotation */
    float *rotations[ROTATION_OF_LAYERS];
    float *attention; /* [threads, attention_stride] scratch of the kernel */
    size_t attention_stride;
    struct acts acts[ACT_FORMAT_COUNT]; /* quantized copies of the current input; ACT_F32 unused */
};

/* Rows [first, first + n) of the stream, neighbours in the batch too: consecutive positions of one
 * sequence, which one call of the attention kernel takes together. */
struct tile {
    size_t first, n;
};

struct tiles {
    struct tile *tiles; /* [T] at most */
    size_t n_tiles;
};

/* The tiles of a batch in layers that attend to all keys, where the heads that share a KV head go
 * together, and in block-sparse ones, where each head of a tile goes alone unless the tile is one
 * token. */
struct cuts {
    struct tiles dense, sparse;
};

/* Where a pass may leave the numbers, in the order of its steps. */
enum fault_kind {
    FAULT_STREAM, /* what enters a projection */
    FAULT_STORED, /* keys and values, which may leave the range of their type */
    FAULT_LOGITS
};

/* Faults are counted in the order of computing, so that the least is the first, whatever thread
 * finds it: layer, kind, token of the batch. */
enum { FAULT_KINDS = 4 };
static const uint64_t NO_FAULT = UINT64_MAX;

static inline uint64_t fault_code(size_t i_layer, enum fault_kind kind, size_t i_token)
{
    return (uint64_t)(i_layer * FAULT_KINDS + kind) << 32 | i_token;
}

/* Where tokens go in a layer with experts; n_experts_used of each for a token, in the order in
 * which they were chosen. */
struct routing {
    size_t *experts, *rows; /* which, and in which routed row */
    float *weights;
    size_t *tokens; /* of the batch, by routed row */
};

struct session {
    const struct model *model;
    struct importance *importance; /* that the inputs of every projection are added to, or NULL */
    struct threads *threads;
    struct kv *kv;
    size_t context_tokens, batch_tokens;
    size_t window; /* the keys that a query of any layer attends to are among so many; 0: all */
    enum kv_type kv_type;
    bool starts_long;    /* sequences are, whatever they expect */
    size_t short_tokens; /* the most of a sequence that is not long */
    struct scratch scratch;
    uint8_t *row_bytes;   /* one row of the embedding as the source has it */
    int32_t *first_of_id; /* [n_vocab]: -1 between batches; within one, where an id came first */
    /* The batch being computed, and the number of logits that it left. */
    size_t n_tokens, n_logits;
    _Atomic uint64_t fault; /* the first of the pass, or NO_FAULT */
    size_t *positions;      /* [T] */
    bool *is_long;          /* [T] whether each token's sequence is */
    uint8_t *const **pages; /* [T] of each token's sequence */
    size_t *all, *wanting;  /* [T] 0, 1, 2 ...; the tokens with wants_logits, ascending */
    struct cuts all_cuts, wanting_cuts; /* of the rows that these make */
    struct routing routing;             /* [T * n_experts_used] */
};

/* Bytes of the buffers of a session; of what it allocates by far the most but for KV pages. */
uint64_t session_scratch_bytes(const struct model *model, size_t batch_tokens);

/* Row i of what the pass left: logits, or embeddings of a tower; valid until the next. */
const float *session_row(const struct session *session, size_t i);

/* Runs the batch through the model on all threads: from the embeddings in the buffer that its
 * architecture reads to the one that it leaves, storing keys and values in the pages. What is no
 * number, or beyond what its place can hold, is left in session->fault; keys and values of that
 * kind are not stored. */
void graph_run(struct session *session);

#endif
