/* test_block_sparse.c - which keys block-sparse attention attends to, against a mask that is
 * written out position by position, with the pattern of Phi-3-small and with small ones.
 *
 * All scores are equal and the value of a key is 1 in the dimension of its block, so that an output
 * shows how many keys of each block a query attended to. Pages of blocks that no head of a call may
 * look at are not there.
 */
#include "engine/kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = SESSION_PAGE_TOKENS, HEAD_SIZE = 64, MAX_TOKENS = 70, MAX_HEADS = 4 };
enum { PAGE_FLOATS = 2 * SLOTS * HEAD_SIZE };

struct pattern {
    size_t n_heads, n_keys, n_local, stride, head_step, n_positions;
};

/* Phi-3-small's; one where heads step by more than one; one whose blocks are larger than what a
 * kernel takes at a time. */
static const struct pattern patterns[] = {
    {32, 64, 16, 8, 1, 3072}, {2, 16, 3, 8, 4, 900}, {6, 144, 2, 3, 1, 2000}};

/* Whether position `key` is attended to from `query`: the rule as it is published, on positions. */
static bool is_attended(const struct pattern *p, size_t head, size_t query, size_t key)
{
    size_t q = query / p->n_keys, k = key / p->n_keys;
    bool is_local = q - k < p->n_local;
    bool is_in_stripe = (k + head * p->head_step + 1) % p->stride == 0;
    return key <= query && (is_local || is_in_stripe);
}

struct scene {
    const struct pattern *pattern;
    float *memory;   /* the pages: K is 0, V is 1 in the dimension of the block */
    uint8_t **pages; /* those that a call may look at */
    float q[MAX_TOKENS * MAX_HEADS * HEAD_SIZE], out[MAX_TOKENS * MAX_HEADS * HEAD_SIZE];
    struct attention attention;
};

static struct scene *new_scene(const struct pattern *pattern)
{
    size_t n_pages = (pattern->n_positions + SLOTS - 1) / SLOTS;
    struct scene *scene = calloc(1, sizeof *scene);
    assert_true(pattern->n_positions / pattern->n_keys < HEAD_SIZE);
    scene->pattern = pattern;
    scene->memory = calloc(n_pages * PAGE_FLOATS, sizeof(float));
    scene->pages = calloc(n_pages, sizeof *scene->pages);
    for (size_t i = 0; i < pattern->n_positions; i++) {
        float *v = scene->memory + i / SLOTS * PAGE_FLOATS + SLOTS * HEAD_SIZE;
        v[i % SLOTS * HEAD_SIZE + i / pattern->n_keys] = 1.0f;
    }
    return scene;
}

static void free_scene(struct scene *scene)
{
    free(scene->memory);
    free(scene->pages);
    free(scene);
}

static bool is_page_attended(const struct attention *a, const struct pattern *p, size_t page)
{
    for (size_t token = 0; token < a->n_tokens; token++)
        for (size_t head = 0; head < a->n_heads; head++)
            for (size_t key = page * SLOTS; key < (page + 1) * SLOTS; key++)
                if (is_attended(p, a->first_head + head, a->position + token, key)) return true;
    return false;
}

static void check_out(const struct scene *scene, const struct attention *a, size_t token,
                      size_t head)
{
    size_t query = a->position + token, n_all = 0, counts[HEAD_SIZE] = {0};
    for (size_t key = 0; key <= query; key++)
        if (is_attended(scene->pattern, a->first_head + head, query, key)) {
            counts[key / scene->pattern->n_keys]++;
            n_all++;
        }
    const float *out = scene->out + (token * a->n_heads + head) * HEAD_SIZE;
    for (size_t d = 0; d < HEAD_SIZE; d++)
        assert_int_equal(lround((double)out[d] * (double)n_all), counts[d]);
}

/* Heads [first, first + n) of n_tokens from `position` on, by the kernel of a level. */
static void check_call(struct scene *scene, enum isa isa, size_t position, size_t n_tokens,
                       size_t first, size_t n_heads)
{
    const struct pattern *p = scene->pattern;
    struct attention a = {.q = scene->q, .q_stride = n_heads * HEAD_SIZE, .n_tokens = n_tokens};
    a.n_heads = n_heads;
    a.head_size = HEAD_SIZE;
    a.position = position;
    a.blocks = (struct block_pattern){p->n_keys, p->n_local, p->stride, p->head_step};
    a.first_head = first;
    a.pages = scene->pages;
    a.v_offset = SLOTS * HEAD_SIZE * sizeof(float);
    a.type = KV_F32;
    a.scale = 1.0f;
    a.out = scene->out;
    a.out_stride = a.q_stride;
    size_t n_scratch =
        attention_scratch_floats(n_tokens, n_heads, HEAD_SIZE, attention_most_keys(&a));
    a.scratch = aligned_alloc(64, (n_scratch * sizeof(float) + 63) / 64 * 64);
    for (size_t i = 0; i < (p->n_positions + SLOTS - 1) / SLOTS; i++)
        scene->pages[i] =
            is_page_attended(&a, p, i) ? (uint8_t *)(scene->memory + i * PAGE_FLOATS) : NULL;
    kernels_for(isa)->attention(&a);
    free(a.scratch);
    for (size_t token = 0; token < n_tokens; token++)
        for (size_t head = 0; head < n_heads; head++) check_out(scene, &a, token, head);
}

static void check_pattern(const struct pattern *pattern, enum isa isa)
{
    struct scene *scene = new_scene(pattern);
    size_t last = pattern->n_positions - 1, block = pattern->n_keys;
    const size_t positions[] = {0, block - 1, block, pattern->n_local * block, last / 2, last};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
        for (size_t head = 0; head < pattern->n_heads; head++)
            check_call(scene, isa, positions[i], 1, head, 1);
    size_t n_sharing = pattern->n_heads < MAX_HEADS ? pattern->n_heads : MAX_HEADS;
    check_call(scene, isa, last, 1, pattern->n_heads - n_sharing, n_sharing);
    check_call(scene, isa, last - 5, 6, 0, n_sharing);
    check_call(scene, isa, last / block * block - 40, 24, 1, 1);
    check_call(scene, isa, last / block * block - MAX_TOKENS, MAX_TOKENS, 1, 1);
    free_scene(scene);
}

static void every_level_attends_to_the_blocks_of_the_rule_alone(void **state)
{
    (void)state;
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++)
        for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
            if (isa_available(isa)) check_pattern(&patterns[i], isa);
}

/* Up to 1,024 tokens Phi-3-small's pattern leaves nothing out; 4,096 tokens see a third. */
static void room_for_scores_is_that_of_the_blocks_that_are_seen(void **state)
{
    (void)state;
    struct attention a = {.n_tokens = 1, .n_heads = 1, .position = 1023};
    a.blocks = (struct block_pattern){64, 16, 8, 1};
    assert_int_equal(attention_most_keys(&a), 1024);
    a.position = 4095;
    assert_int_equal(attention_most_keys(&a), (16 + 48 / 8 + 1) * 64);
    a.n_heads = 4;
    assert_int_equal(attention_most_keys(&a), (16 + 4 * (48 / 8 + 1)) * 64);
    a.n_heads = 8;
    assert_int_equal(attention_most_keys(&a), 4096);
    a.n_heads = 1;
    a.window = 300;
    assert_int_equal(attention_most_keys(&a), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_attends_to_the_blocks_of_the_rule_alone),
        cmocka_unit_test(room_for_scores_is_that_of_the_blocks_that_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
