/* kv.c - see kv.h. A page is its data, then a tail with its reference count and its link in the
 * free list. Pages are carved one by one, when first needed, from slabs, so that huge pages fit
 * them and memory that no sequence ever used is never touched. A page starts zeroed, so that the
 * padding of the values is zero for good.
 */
#include "engine/kv.h"

#include "base/mem.h"
#include "engine/kernels/kv_layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SEQUENCES = 1 << 20,
    MAX_SLABS = 1 << 20,
    TAIL_BYTES = 64,
    SLAB_BYTES = 32 << 20, /* or one page, if that is larger */
};

struct page_tail {
    size_t n_references; /* sequences that hold the page; 0 in the free list */
    uint8_t *next_free;
};
_Static_assert(sizeof(struct page_tail) <= TAIL_BYTES, "a tail keeps pages aligned");

struct sequence {
    bool is_open, is_long;
    size_t n_tokens;
    size_t n_gone;   /* pages given back, the first ones; NULL in pages */
    size_t n_new;    /* tokens counted by the kv_append in progress, otherwise 0 */
    uint8_t **pages; /* [pages of a full context]; kept when the sequence closes */
};

struct kv {
    struct kv_shape shape;
    size_t k_bytes, v_bytes, page_bytes; /* of one head; of one head; of a page's data */
    size_t context_tokens, window;
    size_t n_pages, n_used;
    uint8_t *free_pages;
    size_t n_free; /* in the free list: carved and unused */
    uint8_t **slabs;
    size_t n_slabs, slab_capacity;
    size_t slab_pages, n_uncarved; /* pages of a slab; those left in the last one */
    struct sequence *sequences;
    size_t n_sequences, capacity;
};

static size_t pages_of(size_t n_tokens)
{
    return n_tokens / SESSION_PAGE_TOKENS + (n_tokens % SESSION_PAGE_TOKENS != 0);
}

size_t kv_page_bytes(const struct kv_shape *shape)
{
    size_t n_bytes = kv_k_bytes(shape->type, shape->head_size);
    n_bytes += kv_v_bytes(shape->type, shape->head_size);
    if (!mem_multiply(n_bytes, shape->n_kv_heads, &n_bytes) ||
        !mem_multiply(n_bytes, shape->n_layers, &n_bytes))
        return 0;
    return n_bytes;
}

struct kv *kv_new(const struct kv_shape *shape, size_t context_tokens, size_t window,
                  size_t n_pages, struct err *err)
{
    assert(shape->head_size % 2 == 0 && shape->head_size > 0);
    struct kv *kv = mem_new(1, sizeof *kv, err);
    if (!kv) return NULL;
    *kv = (struct kv){.shape = *shape,
                      .k_bytes = kv_k_bytes(shape->type, shape->head_size),
                      .v_bytes = kv_v_bytes(shape->type, shape->head_size),
                      .page_bytes = kv_page_bytes(shape),
                      .context_tokens = context_tokens,
                      .window = window,
                      .n_pages = n_pages};
    assert(kv->page_bytes > 0);
    kv->slab_pages = SLAB_BYTES / (kv->page_bytes + TAIL_BYTES);
    if (kv->slab_pages > n_pages) kv->slab_pages = n_pages;
    if (kv->slab_pages == 0) kv->slab_pages = 1;
    return kv;
}

static struct page_tail *tail_of(const struct kv *kv, uint8_t *page)
{
    return (struct page_tail *)(void *)(page + kv->page_bytes);
}

static void push_free(struct kv *kv, uint8_t *page)
{
    *tail_of(kv, page) = (struct page_tail){.next_free = kv->free_pages};
    kv->free_pages = page;
    kv->n_free++;
}

/* A page from the free list, which must hold one; the caller has the only reference. */
static uint8_t *take_page(struct kv *kv)
{
    uint8_t *page = kv->free_pages;
    assert(page);
    kv->free_pages = tail_of(kv, page)->next_free;
    *tail_of(kv, page) = (struct page_tail){.n_references = 1};
    kv->n_free--;
    kv->n_used++;
    return page;
}

static void release_page(struct kv *kv, uint8_t *page)
{
    if (--tail_of(kv, page)->n_references > 0) return;
    kv->n_used--;
    push_free(kv, page);
}

static bool add_slab(struct kv *kv, struct err *err)
{
    size_t n_bytes;
    if (!mem_multiply(kv->page_bytes + TAIL_BYTES, kv->slab_pages, &n_bytes))
        return err_set(err, ERR_MEMORY, "size overflow");
    void *grown = kv->slabs;
    bool is_grown =
        mem_grow(&grown, &kv->slab_capacity, kv->n_slabs + 1, sizeof *kv->slabs, MAX_SLABS, err);
    kv->slabs = grown;
    if (!is_grown) return false;
    uint8_t *slab = mem_new_aligned(n_bytes, err);
    if (!slab) return err_context(err, "growing the KV cache");
    kv->slabs[kv->n_slabs++] = slab;
    kv->n_uncarved = kv->slab_pages;
    return true;
}

/* Brings the free list to n pages at least. */
static bool carve_pages(struct kv *kv, size_t n, struct err *err)
{
    size_t stride = kv->page_bytes + TAIL_BYTES;
    while (kv->n_free < n) {
        if (kv->n_uncarved == 0 && !add_slab(kv, err)) return false;
        uint8_t *page = kv->slabs[kv->n_slabs - 1] + (kv->slab_pages - kv->n_uncarved--) * stride;
        memset(page, 0, stride);
        push_free(kv, page);
    }
    return true;
}

void kv_free(struct kv *kv)
{
    if (!kv) return;
    for (size_t i = 0; i < kv->n_sequences; i++) free(kv->sequences[i].pages);
    for (size_t i = 0; i < kv->n_slabs; i++) free(kv->slabs[i]);
    free(kv->slabs);
    free(kv->sequences);
    free(kv);
}

static struct sequence *get(const struct kv *kv, int sequence)
{
    assert(kv_is_open(kv, sequence));
    return &kv->sequences[sequence];
}

void kv_set_long(struct kv *kv, int sequence, bool is_long)
{
    assert(kv_length(kv, sequence) == 0);
    get(kv, sequence)->is_long = is_long;
}

bool kv_is_long(const struct kv *kv, int sequence)
{
    return get(kv, sequence)->is_long;
}

bool kv_start(struct kv *kv, int *sequence, struct err *err)
{
    size_t i = 0;
    while (i < kv->n_sequences && kv->sequences[i].is_open) i++;
    if (i == kv->n_sequences) {
        void *grown = kv->sequences;
        bool is_grown =
            mem_grow(&grown, &kv->capacity, i + 1, sizeof *kv->sequences, MAX_SEQUENCES, err);
        kv->sequences = grown;
        if (!is_grown) return false;
        uint8_t **pages = mem_new(pages_of(kv->context_tokens), sizeof *pages, err);
        if (!pages) return false;
        kv->sequences[i] = (struct sequence){.pages = pages};
        kv->n_sequences++;
    }
    kv->sequences[i].is_open = true;
    kv->sequences[i].is_long = false;
    kv->sequences[i].n_tokens = kv->sequences[i].n_gone = 0;
    *sequence = (int)i;
    return true;
}

/* The first page that the token after n_tokens sees. */
static size_t first_seen(const struct kv *kv, size_t n_tokens)
{
    size_t end = n_tokens + 1;
    return kv->window && end > kv->window ? (end - kv->window) / SESSION_PAGE_TOKENS : 0;
}

size_t kv_shortest(const struct kv *kv, int sequence)
{
    size_t n_gone = get(kv, sequence)->n_gone;
    return n_gone ? n_gone * SESSION_PAGE_TOKENS + kv->window - 1 : 0;
}

bool kv_fork(struct kv *kv, int source, size_t n_tokens, int *sequence, struct err *err)
{
    assert(n_tokens <= kv_length(kv, source));
    if (n_tokens && n_tokens < kv_shortest(kv, source))
        return err_set(err, ERR_USAGE,
                       "a fork at %zu tokens of a sequence whose first %zu are out of its window "
                       "and gone: it must have %zu at least",
                       n_tokens, get(kv, source)->n_gone * SESSION_PAGE_TOKENS,
                       kv_shortest(kv, source));
    if (!kv_start(kv, sequence, err)) return false;
    const struct sequence *from = get(kv, source);
    struct sequence *to = get(kv, *sequence);
    to->n_tokens = n_tokens;
    to->is_long = from->is_long;
    for (size_t i = 0; i < first_seen(kv, n_tokens); i++) to->pages[i] = NULL;
    to->n_gone = first_seen(kv, n_tokens);
    for (size_t i = to->n_gone; i < pages_of(n_tokens); i++) {
        to->pages[i] = from->pages[i];
        tail_of(kv, to->pages[i])->n_references++;
    }
    return true;
}

void kv_truncate(struct kv *kv, int sequence, size_t n_tokens)
{
    struct sequence *s = get(kv, sequence);
    assert(n_tokens <= s->n_tokens);
    assert(n_tokens == 0 || n_tokens >= kv_shortest(kv, sequence));
    size_t first = pages_of(n_tokens) > s->n_gone ? pages_of(n_tokens) : s->n_gone;
    for (size_t i = first; i < pages_of(s->n_tokens); i++) release_page(kv, s->pages[i]);
    s->n_tokens = n_tokens;
    if (n_tokens == 0) s->n_gone = 0;
}

void kv_drop(struct kv *kv, int sequence)
{
    kv_truncate(kv, sequence, 0);
    get(kv, sequence)->is_open = false;
}

bool kv_is_open(const struct kv *kv, int sequence)
{
    return sequence >= 0 && (size_t)sequence < kv->n_sequences && kv->sequences[sequence].is_open;
}

size_t kv_length(const struct kv *kv, int sequence)
{
    return get(kv, sequence)->n_tokens;
}

size_t kv_free_pages(const struct kv *kv)
{
    return kv->n_pages - kv->n_used;
}

size_t kv_total_pages(const struct kv *kv)
{
    return kv->n_pages;
}

size_t kv_held_pages(const struct kv *kv, int sequence)
{
    const struct sequence *s = get(kv, sequence);
    return pages_of(s->n_tokens) - s->n_gone;
}

/* From the first key that an append's first token sees to its last token lie window + n_batch - 1
 * positions, which may begin anywhere in a page. */
size_t kv_most_pages(size_t window, size_t n_batch, size_t n_tokens)
{
    size_t n_all = pages_of(n_tokens), n_seen = pages_of(window + n_batch - 2) + 1;
    return window && n_seen < n_all ? n_seen : n_all;
}

/* Gives back what no token from the end on sees. */
static void give_back_unseen(struct kv *kv, struct sequence *s)
{
    for (; s->n_gone < first_seen(kv, s->n_tokens); s->n_gone++) {
        release_page(kv, s->pages[s->n_gone]);
        s->pages[s->n_gone] = NULL;
    }
}

/* Whether the next position lies in a page that somebody else holds too. */
static bool must_copy(const struct kv *kv, const struct sequence *s)
{
    return s->n_tokens % SESSION_PAGE_TOKENS != 0 &&
           tail_of(kv, s->pages[s->n_tokens / SESSION_PAGE_TOKENS])->n_references > 1;
}

size_t kv_pages_needed(const struct kv *kv, int sequence, size_t n_tokens)
{
    const struct sequence *s = get(kv, sequence);
    if (n_tokens == 0) return 0;
    return pages_of(s->n_tokens + n_tokens) - pages_of(s->n_tokens) + must_copy(kv, s);
}

/* Counts the tokens of each sequence into n_new, and the pages that all of them need. */
static bool count_new(struct kv *kv, const struct session_token *tokens, size_t n_tokens,
                      size_t *n_needed, struct err *err)
{
    *n_needed = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        struct sequence *s = get(kv, tokens[i].sequence);
        if (s->n_tokens + s->n_new >= kv->context_tokens)
            return err_set(err, ERR_USAGE, "the context of %zu tokens is full", kv->context_tokens);
        *n_needed -= kv_pages_needed(kv, tokens[i].sequence, s->n_new);
        *n_needed += kv_pages_needed(kv, tokens[i].sequence, ++s->n_new);
    }
    if (*n_needed > kv_free_pages(kv))
        return err_set(err, ERR_CAPACITY, "the KV cache has %zu free pages of %zu, %zu are needed",
                       kv_free_pages(kv), kv->n_pages, *n_needed);
    return true;
}

/* The next position of a sequence, with a page of its own to write to: from the free list if new.
 */
static size_t advance(struct kv *kv, struct sequence *s)
{
    uint8_t **page = &s->pages[s->n_tokens / SESSION_PAGE_TOKENS];
    if (s->n_tokens % SESSION_PAGE_TOKENS == 0) {
        *page = take_page(kv);
    } else if (must_copy(kv, s)) {
        uint8_t *copy = take_page(kv);
        memcpy(copy, *page, kv->page_bytes);
        release_page(kv, *page);
        *page = copy;
    }
    return s->n_tokens++;
}

bool kv_append(struct kv *kv, const struct session_token *tokens, size_t n_tokens,
               size_t *positions, struct err *err)
{
    size_t n_needed;
    for (size_t i = 0; i < n_tokens; i++) give_back_unseen(kv, get(kv, tokens[i].sequence));
    bool fits = count_new(kv, tokens, n_tokens, &n_needed, err) && carve_pages(kv, n_needed, err);
    for (size_t i = 0; i < n_tokens; i++) kv->sequences[tokens[i].sequence].n_new = 0;
    for (size_t i = 0; fits && i < n_tokens; i++)
        positions[i] = advance(kv, get(kv, tokens[i].sequence));
    return fits;
}

uint8_t *const *kv_pages(const struct kv *kv, int sequence)
{
    return get(kv, sequence)->pages;
}

size_t kv_k_offset(const struct kv *kv, size_t i_layer, size_t i_kv_head)
{
    return (i_layer * kv->shape.n_kv_heads + i_kv_head) * (kv->k_bytes + kv->v_bytes);
}

size_t kv_v_offset(const struct kv *kv, size_t i_layer, size_t i_kv_head)
{
    return kv_k_offset(kv, i_layer, i_kv_head) + kv->k_bytes;
}
