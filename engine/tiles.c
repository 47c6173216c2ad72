/* tiles.c - see tiles.h: what a call of attention takes at most, and where a batch is cut for it.
 *
 * How rows are cut leaves no trace in the bits.
 */
#include "engine/tiles.h"

enum {
    TILE_QUERIES = 24, /* heads of tokens in one call of attention, unless one token has more */
    TILE_SCRATCH_BYTES = 512 << 10,
};

/* What one call of the attention kernel takes of a tile whose last position is end - 1. */
static struct attention tile_call(const struct session *session, bool is_sparse, size_t n_tokens,
                                  size_t end)
{
    const struct hparams *h = &session->model->hparams;
    struct attention call = {.n_tokens = n_tokens, .n_heads = h->n_heads / h->n_kv_heads};
    call.position = end - n_tokens;
    call.window = session->window;
    call.n_keys = hparams_keys_ahead(h);
    if (is_sparse) call.blocks = h->blocks;
    if (is_sparse && n_tokens > 1) call.n_heads = 1;
    return call;
}

/* Scratch of the call. */
static size_t attention_floats(const struct session *session, bool is_sparse, size_t n_tokens,
                               size_t end)
{
    struct attention call = tile_call(session, is_sparse, n_tokens, end);
    return attention_scratch_floats(n_tokens, call.n_heads, session->model->hparams.head_size,
                                    attention_most_keys(&call));
}

static size_t largest_tile(const struct session *session, bool is_sparse)
{
    size_t n_heads = session->model->hparams.n_heads / session->model->hparams.n_kv_heads;
    if (is_sparse) n_heads = 1;
    return n_heads < TILE_QUERIES ? TILE_QUERIES / n_heads : 1;
}

size_t tiles_scratch_floats(const struct session *session)
{
    size_t n_context = session->context_tokens, n_floats = 0;
    const int n_forms = session->model->hparams.blocks.n_keys ? 2 : 1; /* dense, block-sparse */
    for (int is_sparse = 0; is_sparse < n_forms; is_sparse++) {
        size_t n_largest = largest_tile(session, is_sparse);
        if (n_largest > n_context) n_largest = n_context;
        size_t n_one = attention_floats(session, is_sparse, 1, n_context);
        size_t n_most = attention_floats(session, is_sparse, n_largest, n_context);
        if (n_most > TILE_SCRATCH_BYTES / sizeof(float))
            n_most = TILE_SCRATCH_BYTES / sizeof(float);
        if (n_one > n_most) n_most = n_one;
        if (n_most > n_floats) n_floats = n_most;
    }
    return (n_floats + 15) / 16 * 16;
}

/* Whether a sparse tile ends before the position: tokens of one block see the same blocks. */
static bool begins_block(const struct session *session, bool is_sparse, size_t position)
{
    return is_sparse && position % session->model->hparams.blocks.n_keys == 0;
}

/* Row i of the stream belongs to token rows[i]. Tokens of one sequence that are neighbours in the
 * batch have consecutive positions. */
static void cut_tiles(const struct session *session, const size_t *rows, size_t n_rows,
                      bool is_sparse, struct tiles *tiles)
{
    size_t most = largest_tile(session, is_sparse), stride = session->scratch.attention_stride;
    tiles->n_tiles = 0;
    for (size_t i = 0; i < n_rows;) {
        size_t first = rows[i], end = session->positions[first] + 1, n = 1;
        while (n < most && i + n < n_rows && rows[i + n] == first + n &&
               session->pages[first + n] == session->pages[first] &&
               !begins_block(session, is_sparse, end - 1 + n) &&
               attention_floats(session, is_sparse, n + 1, end + n) <= stride)
            n++;
        tiles->tiles[tiles->n_tiles++] = (struct tile){i, n};
        i += n;
    }
}

void tiles_cut(const struct session *session, const size_t *rows, size_t n_rows, struct cuts *cuts)
{
    cut_tiles(session, rows, n_rows, false, &cuts->dense);
    if (session->model->hparams.blocks.n_keys)
        cut_tiles(session, rows, n_rows, true, &cuts->sparse);
}
