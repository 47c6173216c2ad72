/* kv.h - the KV cache: pages of 16 positions of every layer, counted references, sequences that
 * share.
 *
 * A sequence is a list of pages. A fork takes references and copies nothing; whoever appends to a
 * partly filled page that others hold copies it first. Where no query sees further back than a
 * window, an append first gives back the pages that no token from the sequence's end on can see.
 * Pages come from the system when first needed and return to a free list. Owns the pages; what
 * stands in them is the attention kernels' business. One thread at a time; during a forward pass
 * all threads may read the tables and write the pages.
 */
#ifndef PHIBENCH_ENGINE_KV_H
#define PHIBENCH_ENGINE_KV_H

#include "engine/engine.h"

struct kv;

/* How the keys and values of one layer and KV head stand in a page is said in kernels/kv_layout.h.
 * head_size is even. */
struct kv_shape {
    size_t n_layers, n_kv_heads, head_size;
    enum kv_type type;
};

/* Bytes of one page, a multiple of 64; 0 on overflow. */
size_t kv_page_bytes(const struct kv_shape *shape);

/* At most n_pages pages, sequences of at most context_tokens, of which a query sees the last
 * `window`, its own position included; 0: all. Takes no page yet. Free with kv_free. */
struct kv *kv_new(const struct kv_shape *shape, size_t context_tokens, size_t window,
                  size_t n_pages, struct err *err) __attribute__((warn_unused_result));
void kv_free(struct kv *kv);

/* Whether a sequence is rotated as a long one (engine.h, enum rope_policy): a new one is not, a
 * fork is as its source. Set while it is empty. */
void kv_set_long(struct kv *kv, int sequence, bool is_long);
bool kv_is_long(const struct kv *kv, int sequence);

/* A new sequence, empty or with the first n_tokens (at most its length) of `source`. ERR_MEMORY. */
bool kv_start(struct kv *kv, int *sequence, struct err *err) __attribute__((warn_unused_result));
bool kv_fork(struct kv *kv, int source, size_t n_tokens, int *sequence, struct err *err)
    __attribute__((warn_unused_result));
/* A fork or a truncation to n_tokens needs the keys that the next token sees: of lengths other than
 * 0 this is the least for which they are still there. Its length before the last append is one. */
size_t kv_shortest(const struct kv *kv, int sequence);
/* Forgets the positions from n_tokens, 0 or at least kv_shortest, on. */
void kv_truncate(struct kv *kv, int sequence, size_t n_tokens);
void kv_drop(struct kv *kv, int sequence);

bool kv_is_open(const struct kv *kv, int sequence);
size_t kv_length(const struct kv *kv, int sequence);
size_t kv_free_pages(const struct kv *kv);
size_t kv_total_pages(const struct kv *kv);
/* Those that a sequence holds, alone or with others. */
size_t kv_held_pages(const struct kv *kv, int sequence);
/* The most that a sequence ever holds on its way to n_tokens, by appends of at most n_batch. */
size_t kv_most_pages(size_t window, size_t n_batch, size_t n_tokens);
/* Pages that appending n_tokens would take, the copy of a shared page included. */
size_t kv_pages_needed(const struct kv *kv, int sequence, size_t n_tokens);

/* Gives each token, in order, the next position of its open sequence: positions [n_tokens]. All or
 * nothing: ERR_USAGE if a context is full, ERR_CAPACITY if the pages do not suffice (of sequences
 * that share a partly filled page each is counted as copying it), ERR_MEMORY. */
bool kv_append(struct kv *kv, const struct session_token *tokens, size_t n_tokens,
               size_t *positions, struct err *err) __attribute__((warn_unused_result));

/* The pages of a sequence, in order, NULL for those given back; valid until it is next changed. */
uint8_t *const *kv_pages(const struct kv *kv, int sequence);
/* Bytes from a page's base to the keys and to the values of a layer and KV head. */
size_t kv_k_offset(const struct kv *kv, size_t i_layer, size_t i_kv_head);
size_t kv_v_offset(const struct kv *kv, size_t i_layer, size_t i_kv_head);

#endif
