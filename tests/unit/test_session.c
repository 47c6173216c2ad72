/* test_session.c - same bits: logits do not depend on instruction set, threads, batch, chunking or
 * shared prefixes; and errors of a batch come before anything changes.
 */
#include "engine/engine.h"

#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    N_PROMPT = 40, /* more than two pages */
    N_FORK = 21,   /* inside the second page */
    N_OTHER = 5,   /* tokens of each other sequence in a batch */
    N_VOCAB = 512, /* of the tiny models */
    MAX_BATCH_SEQUENCES = 7,
};

struct way {
    int n_threads;
    size_t n_sequences; /* evaluated together; the first is the prompt */
    size_t chunk;       /* most tokens of the prompt in one batch */
    bool is_forked;     /* continues from another sequence's first N_FORK tokens */
    enum kv_type kv_type;
};

static int32_t token_at(size_t sequence, size_t position)
{
    return (int32_t)((7 + 131 * sequence + 29 * position + position * position) % N_VOCAB);
}

static struct session *open_session(const struct model *model, int n_threads, enum kv_type kv_type)
{
    struct err err = {0};
    struct session_options options = {
        .n_threads = n_threads, .kv_budget_bytes = 64 << 20, .kv_type = kv_type};
    struct session *session = session_open(model, &options, &err);
    if (!session) err_print(&err, stderr);
    assert_non_null(session);
    return session;
}

/* Evaluates [from, N_PROMPT) of the prompt with the other sequences in the same batches. */
static void eval_together(struct session *session, const int *sequences, const struct way *way,
                          size_t from, float *logits)
{
    for (size_t done = from, n_other = 0; done < N_PROMPT; n_other++) {
        struct session_token batch[N_PROMPT + MAX_BATCH_SEQUENCES];
        size_t n = 0, n_chunk = N_PROMPT - done < way->chunk ? N_PROMPT - done : way->chunk;
        size_t rows[N_PROMPT + MAX_BATCH_SEQUENCES], n_rows = 0;
        for (size_t i = 0; i < n_chunk || i + 1 < way->n_sequences; i++) {
            if (i + 1 < way->n_sequences && n_other < N_OTHER) {
                /* Every second sequence wants logits too, so that rows have gaps. */
                batch[n++] = (struct session_token){.sequence = sequences[i + 1],
                                                    .id = token_at(i + 1, n_other),
                                                    .wants_logits = i % 2};
                n_rows += i % 2;
            }
            if (i >= n_chunk) continue;
            batch[n++] = (struct session_token){
                .sequence = sequences[0], .id = token_at(0, done + i), .wants_logits = true};
            rows[i] = n_rows++;
        }
        assert_true(session_eval(session, batch, n, NULL));
        for (size_t i = 0; i < n_chunk; i++)
            memcpy(logits + (done + i) * N_VOCAB, session_logits(session, rows[i]),
                   N_VOCAB * sizeof *logits);
        done += n_chunk;
    }
}

/* logits: [N_PROMPT, N_VOCAB] of the prompt, evaluated this way. */
static void eval_prompt(const struct model *model, const struct way *way, float *logits)
{
    struct session *session = open_session(model, way->n_threads, way->kv_type);
    int sequences[MAX_BATCH_SEQUENCES], first;
    int32_t ids[N_FORK + 2];
    for (size_t i = 0; i < N_FORK; i++) ids[i] = token_at(0, i);
    ids[N_FORK] = ids[N_FORK + 1] = 3; /* where the first sequence goes another way */
    assert_true(session_start(session, &first, NULL));
    size_t from = 0;
    if (way->is_forked) {
        from = N_FORK;
        test_eval(session, first, ids, N_FORK, way->chunk, logits);
        assert_true(session_fork(session, first, N_FORK, &sequences[0], NULL));
        test_eval(session, first, ids + N_FORK, 2, 1, NULL);
    } else {
        sequences[0] = first;
    }
    for (size_t i = 1; i < way->n_sequences; i++)
        assert_true(session_start(session, &sequences[i], NULL));
    eval_together(session, sequences, way, from, logits);
    session_close(session);
}

static void check_way(const struct model *model, const struct way *way, const float *expected)
{
    float *logits = malloc(N_PROMPT * N_VOCAB * sizeof *logits);
    eval_prompt(model, way, logits);
    bool same = memcmp(logits, expected, N_PROMPT * N_VOCAB * sizeof *logits) == 0;
    if (!same)
        printf("%s %s %s: other bits with %d threads, %zu sequences, chunk %zu%s\n",
               model_info(model)->name, model_info(model)->quantization,
               isa_name(model_info(model)->isa), way->n_threads, way->n_sequences, way->chunk,
               way->is_forked ? ", forked" : "");
    free(logits);
    assert_true(same);
}

/* Every way on every level equals the scalar kernels one token at a time. */
static void check_model(const char *shape, const char *type, enum kv_type kv_type)
{
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s:%s", shape, type);
    float *expected = malloc(N_PROMPT * N_VOCAB * sizeof *expected);
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        if (!isa_available(isa)) continue;
        struct model *model = test_open_model(spec, isa);
        assert_int_equal(model_info(model)->n_vocab, N_VOCAB);
        assert_string_equal(model_info(model)->quantization, type);
        if (isa == ISA_SCALAR) eval_prompt(model, &(struct way){1, 1, 1, false, kv_type}, expected);
        static const size_t chunks[] = {1, 3, 512};
        for (int n_threads = 1; n_threads <= 2; n_threads++)
            for (size_t n_sequences = 1; n_sequences <= 7; n_sequences += 6)
                for (size_t i = 0; i < 3; i++)
                    for (int is_forked = 0; is_forked < 2; is_forked++) {
                        struct way way = {n_threads, n_sequences, chunks[i], is_forked, kv_type};
                        /* Scalar kernels take long and have no tiles: the odd ways suffice. */
                        bool is_odd = n_threads == 2 && n_sequences == 7 && chunks[i] == 3;
                        if (isa != ISA_SCALAR || is_odd) check_way(model, &way, expected);
                    }
        model_close(model);
    }
    free(expected);
}

static void logits_have_the_same_bits_in_f16(void **state)
{
    (void)state;
    check_model("tiny", "f16", KV_F16);
    check_model("tiny-llama", "f16", KV_F16);
    check_model("tiny-qwen2", "f16", KV_F16);
}

static void logits_have_the_same_bits_in_q8_0(void **state)
{
    (void)state;
    check_model("tiny", "q8_0", KV_F16);
    check_model("tiny-llama", "q8_0", KV_F16);
    check_model("tiny-qwen2", "q8_0", KV_F16);
}

static void logits_have_the_same_bits_in_q4_0(void **state)
{
    (void)state;
    check_model("tiny", "q4_0", KV_F16);
    check_model("tiny-llama", "q4_0", KV_F16);
    check_model("tiny-qwen2", "q4_0", KV_F16);
    check_model("tiny-phimoe", "q4_0", KV_F16);
}

static void logits_have_the_same_bits_in_q4_k(void **state)
{
    (void)state;
    check_model("tiny", "q4_k", KV_F16);
    check_model("tiny-llama", "q4_k", KV_F16);
    check_model("tiny-qwen2", "q4_k", KV_F16);
    check_model("tiny-qwen3", "q4_k", KV_F16);
    check_model("tiny-gemma2", "q4_k", KV_F16);
    check_model("tiny-gemma3", "q4_k", KV_F16);
    check_model("tiny-phi2", "q4_k", KV_F16);
    check_model("tiny-mixtral", "q4_k", KV_F16);
}

static void logits_have_the_same_bits_with_keys_and_values_in_bytes(void **state)
{
    (void)state;
    check_model("tiny", "q4_0", KV_Q8_0);
    check_model("tiny-qwen2", "f16", KV_Q8_0);
}

/* The last of 300 tokens sees 255 keys; which batches the others were in must not show. */
static void chunks_leave_no_trace_beyond_the_sliding_window(void **state)
{
    (void)state;
    enum { N = 300 };
    int32_t ids[N];
    for (size_t i = 0; i < N; i++) ids[i] = token_at(1, i);
    static const size_t chunks[] = {N, 1, 7};
    static const enum isa isas[] = {ISA_SCALAR, ISA_AVX2, ISA_AVXVNNI, ISA_AVX512, ISA_AVX512VNNI};
    float expected[N_VOCAB];
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        if (!isa_available(isas[i])) continue;
        struct model *model = test_open_model("synth:tiny:q4_0", isas[i]);
        assert_int_equal(model_info(model)->sliding_window, 255);
        for (size_t j = 0; j < sizeof chunks / sizeof *chunks; j++) {
            struct session *session = open_session(model, 1 + (int)j % 2, KV_F16);
            int sequence;
            float last[N_VOCAB];
            assert_true(session_start(session, &sequence, NULL));
            test_eval(session, sequence, ids, N - 1, chunks[j], NULL);
            test_eval(session, sequence, ids + N - 1, 1, 1, last);
            if (i == 0 && j == 0) memcpy(expected, last, sizeof last);
            assert_memory_equal(last, expected, sizeof last);
            session_close(session);
        }
        model_close(model);
    }
}

/* Same bits would also hold if attention saw nothing: the past must matter, and only its window. */
static void a_logit_depends_on_every_token_in_the_window_and_on_none_before(void **state)
{
    (void)state;
    /* Two layers reach twice as far back as one; N tokens are one more than they reach. */
    enum { WINDOW = 255, N_LAYERS = 2, N = N_LAYERS * (WINDOW - 1) + 2 };
    struct model *model = test_open_model("synth:tiny:q8_0", isa_best());
    struct session *session = open_session(model, 2, KV_F16);
    int32_t ids[N];
    float logits[3][N_VOCAB];
    static const size_t changed[] = {N, 0, 1}; /* none; just outside; the farthest inside */
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < N; j++) ids[j] = token_at(2, j);
        if (changed[i] < N) ids[changed[i]] = (ids[changed[i]] + 1) % N_VOCAB;
        int sequence;
        assert_true(session_start(session, &sequence, NULL));
        test_eval(session, sequence, ids, N - 1, 512, NULL);
        test_eval(session, sequence, ids + N - 1, 1, 1, logits[i]);
        session_drop(session, sequence);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_memory_not_equal(logits[0], logits[2], sizeof logits[0]);
    session_close(session);
    model_close(model);
}

/* Everything in the window stays where it is while pages behind it come and go: twice as long as
 * the cache has room for, with the logits of a cache that holds all. */
static void a_window_takes_bounded_memory_and_the_same_bits(void **state)
{
    (void)state;
    enum { N = 1000, BATCH = 64, MOST = 21, PAGE_BYTES = 2 * 2 * 16 * (64 + 64) * 2 };
    struct model *model = test_open_model("synth:tiny:q4_0", isa_best());
    int32_t ids[N];
    for (size_t i = 0; i < N; i++) ids[i] = token_at(3, i);
    float *logits = malloc(N * N_VOCAB * sizeof *logits), last[N_VOCAB];
    struct session_options options = {.n_threads = 2,
                                      .batch_tokens = BATCH,
                                      .context_tokens = N,
                                      .kv_budget_bytes = MOST * PAGE_BYTES};
    struct session *bounded = session_open(model, &options, NULL);
    assert_non_null(bounded);
    assert_int_equal(session_total_pages(bounded), MOST);
    assert_int_equal(session_most_pages(bounded, N), MOST);
    int sequence;
    assert_true(session_start(bounded, &sequence, NULL));
    for (size_t done = 0; done < N; done += BATCH) {
        size_t n = N - done < BATCH ? N - done : BATCH;
        test_eval(bounded, sequence, ids + done, n, BATCH, logits + done * N_VOCAB);
        assert_true(session_held_pages(bounded, sequence) <= MOST);
    }
    session_close(bounded);

    /* All at once nothing is behind any window until the end. */
    options = (struct session_options){.n_threads = 2, .batch_tokens = N, .context_tokens = N};
    struct session *whole = session_open(model, &options, NULL);
    assert_non_null(whole);
    float *expected = malloc(N * N_VOCAB * sizeof *expected);
    assert_true(session_start(whole, &sequence, NULL));
    test_eval(whole, sequence, ids, N, N, expected);
    assert_int_equal(session_held_pages(whole, sequence), (N + 15) / 16);
    assert_memory_equal(logits, expected, N * N_VOCAB * sizeof *expected);

    /* One token more, and what it does not see is gone; the end can be forked and cut. */
    int fork;
    struct err err = {0};
    assert_true(session_fork(whole, sequence, N - 300, &fork, NULL));
    session_drop(whole, fork);
    session_truncate(whole, sequence, N - 1);
    test_eval(whole, sequence, ids + N - 1, 1, 1, last);
    assert_memory_equal(last, expected + (N - 1) * N_VOCAB, sizeof last);
    assert_true(session_held_pages(whole, sequence) <= 255 / 16 + 2);
    assert_int_equal(session_shortest(whole, sequence), (N - 255) / 16 * 16 + 254);
    assert_false(session_fork(whole, sequence, N - 300, &fork, &err));
    assert_int_equal(err.code, ERR_USAGE);
    session_close(whole);
    model_close(model);
    free(logits);
    free(expected);
}

static void truncating_and_appending_again_gives_the_same_bits(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny-llama:q5_k", isa_best());
    struct session *session = open_session(model, 2, KV_F16);
    int32_t ids[N_PROMPT], wrong[N_PROMPT];
    for (size_t i = 0; i < N_PROMPT; i++) {
        ids[i] = token_at(0, i);
        wrong[i] = i < 19 ? ids[i] : 5;
    }
    float *first = malloc(N_PROMPT * N_VOCAB * sizeof *first),
          *second = malloc(N_PROMPT * N_VOCAB * sizeof *second);
    int a, b;
    assert_true(session_start(session, &a, NULL));
    assert_true(session_start(session, &b, NULL));
    test_eval(session, a, ids, N_PROMPT, 512, first);
    test_eval(session, b, wrong, N_PROMPT, 512, second);
    assert_int_equal(session_length(session, b), N_PROMPT);
    session_truncate(session, b, 19);
    test_eval(session, b, ids + 19, N_PROMPT - 19, 512, second + 19 * N_VOCAB);
    assert_memory_equal(first, second, N_PROMPT * N_VOCAB * sizeof *first);
    free(first);
    free(second);
    session_close(session);
    model_close(model);
}

static void a_bad_batch_is_refused_before_anything_changes(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny:q4_0", isa_best());
    struct err err = {0};
    struct session_options options = {.n_threads = 1, .batch_tokens = 4, .context_tokens = 20};
    struct session *session = session_open(model, &options, &err);
    assert_non_null(session);
    assert_int_equal(session_batch_tokens(session), 4);
    assert_int_equal(session_context_tokens(session), 20);
    int a;
    assert_true(session_start(session, &a, NULL));
    struct session_token batch[5] = {{.sequence = a, .id = 1, .wants_logits = true},
                                     {.sequence = a, .id = 2, .wants_logits = true},
                                     {.sequence = a, .id = 3, .wants_logits = true},
                                     {.sequence = a, .id = 4, .wants_logits = true},
                                     {.sequence = a, .id = 5, .wants_logits = true}};
    size_t n_free = session_free_pages(session);
    assert_false(session_eval(session, batch, 5, &err));
    assert_int_equal(err.code, ERR_USAGE);
    static const int32_t bad_ids[] = {-1, N_VOCAB, INT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        batch[2].id = bad_ids[i];
        err_clear(&err);
        assert_false(session_eval(session, batch, 4, &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
    batch[2] = (struct session_token){.sequence = a + 1, .id = 3, .wants_logits = true};
    assert_false(session_eval(session, batch, 4, &err));
    assert_int_equal(session_length(session, a), 0);
    assert_int_equal(session_free_pages(session), n_free);

    batch[2] = (struct session_token){.sequence = a, .id = 3, .wants_logits = true};
    for (int i = 0; i < 5; i++) assert_true(session_eval(session, batch, 4, NULL));
    err_clear(&err);
    assert_false(session_eval(session, batch, 1, &err));
    assert_int_equal(err.code, ERR_USAGE); /* the context is full */
    assert_int_equal(session_length(session, a), 20);
    session_close(session);
    model_close(model);
}

static void a_full_cache_is_told_as_capacity_and_room_made_is_used(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny:q4_0", isa_best());
    enum { PAGE_BYTES = 2 * 2 * 16 * (64 + 64) * 2, CONTEXT = 32 };
    struct session_options options = {
        .n_threads = 1, .context_tokens = CONTEXT, .kv_budget_bytes = 3 * PAGE_BYTES};
    struct session *session = session_open(model, &options, NULL);
    assert_non_null(session);
    assert_int_equal(session_total_pages(session), 3);
    assert_int_equal(session_kv_bytes(model, KV_F16, 0, 0), 0);
    assert_int_equal(session_kv_bytes(model, KV_F16, CONTEXT, 0), 2 * PAGE_BYTES);
    assert_int_equal(session_kv_bytes(model, KV_F32, CONTEXT + 1, 0), 3 * 2 * PAGE_BYTES);
    enum { Q8_BYTES = 2 * 2 * (2 * 16 * 64 + 2 * 2 * 16 * 2) }; /* scales in f16 of 32 values */
    assert_int_equal(session_kv_bytes(model, KV_Q8_0, CONTEXT, 0), 2 * Q8_BYTES);
    /* A window of 255 and a batch of 64 before it: 317 positions, which may begin in mid-page. */
    assert_int_equal(session_kv_bytes(model, KV_F16, SIZE_MAX, 64), (20 + 1) * PAGE_BYTES);
    assert_int_equal(session_kv_bytes(model, KV_F16, SIZE_MAX, 0), (48 + 1) * PAGE_BYTES);
    int a, b;
    int32_t ids[CONTEXT] = {0};
    float before[N_VOCAB], after[N_VOCAB];
    assert_true(session_start(session, &a, NULL));
    assert_true(session_start(session, &b, NULL));
    test_eval(session, a, ids, CONTEXT, 512, NULL);
    test_eval(session, b, ids, 16, 512, NULL);
    struct session_token token = {.sequence = b, .id = 9, .wants_logits = true};
    struct err err = {0};
    assert_false(session_eval(session, &token, 1, &err));
    assert_int_equal(err.code, ERR_CAPACITY);
    assert_int_equal(session_length(session, b), 16);
    session_truncate(session, a, 16);
    test_eval(session, b, &token.id, 1, 1, before);
    session_drop(session, a);
    session_truncate(session, b, 16);
    test_eval(session, b, &token.id, 1, 1, after);
    assert_memory_equal(before, after, sizeof before);
    session_close(session);

    options.kv_budget_bytes = 2 * PAGE_BYTES - 1;
    assert_null(session_open(model, &options, &err));
    assert_int_equal(err.code, ERR_USAGE);
    options = (struct session_options){.context_tokens = 2049};
    assert_null(session_open(model, &options, &err));
    assert_int_equal(err.code, ERR_USAGE);
    model_close(model);
}

static bool interrupt(void *context, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    assert_true(done > *last && done <= total);
    *last = done;
    return done < total / 2;
}

static bool follow(void *context, uint64_t done, uint64_t total)
{
    *(bool *)context = done == total;
    return true;
}

static void loading_tells_its_progress_and_can_be_interrupted(void **state)
{
    (void)state;
    static const char *const specs[] = {"synth:tiny:q4_0", "tests/golden/llama-tied.gguf"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t last = 0;
        bool is_complete = false;
        struct err err = {0};
        struct model_options options = model_default_options();
        options.progress = interrupt;
        options.progress_context = &last;
        assert_null(model_open(specs[i], &options, &err));
        assert_int_equal(err.code, ERR_INTERRUPTED);
        options.progress = follow;
        options.progress_context = &is_complete;
        struct model *model = model_open(specs[i], &options, &err);
        assert_non_null(model);
        assert_true(is_complete);
        model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_have_the_same_bits_in_f16),
        cmocka_unit_test(logits_have_the_same_bits_in_q8_0),
        cmocka_unit_test(logits_have_the_same_bits_in_q4_0),
        cmocka_unit_test(logits_have_the_same_bits_in_q4_k),
        cmocka_unit_test(logits_have_the_same_bits_with_keys_and_values_in_bytes),
        cmocka_unit_test(chunks_leave_no_trace_beyond_the_sliding_window),
        cmocka_unit_test(a_logit_depends_on_every_token_in_the_window_and_on_none_before),
        cmocka_unit_test(a_window_takes_bounded_memory_and_the_same_bits),
        cmocka_unit_test(truncating_and_appending_again_gives_the_same_bits),
        cmocka_unit_test(a_bad_batch_is_refused_before_anything_changes),
        cmocka_unit_test(a_full_cache_is_told_as_capacity_and_room_made_is_used),
        cmocka_unit_test(loading_tells_its_progress_and_can_be_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
