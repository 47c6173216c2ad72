/* test_longrope.c - models with LongRoPE against the reference: prompts on both sides of the
 * border, far beyond it, and a generation that crosses; and that nothing but tokens and factors
 * shows in the bits. tools/golden/longrope.py says what stands in the files.
 */
#include "engine/engine.h"

#include "base/file.h"
#include "base/sha256.h"
#include "tests/support/test_engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    MAX_FILE_BYTES = 1 << 20,
    ORIGINAL = 64, /* the border of the golden models */
    N_SHORT = 40,
    N_LONG = 96,
    N_FAR = 1900,
    FAR_SHOWN = 4,
    N_PROMPT = 60, /* of the generation */
    N_STEPS = 12,
    N_FORK = 50, /* a prefix of the long prompt, itself no longer than the border */
    MAX_VOCAB = 96,
};

static const char *const names[] = {"longrope-phi3", "longrope-partial"};
/* Of the bits of the short and of the long prompt's logits, by ENGINE_NUMERICS_VERSION 1. */
static const char *const hashes[] = {
    "dbe0675209f98cf7c2765a8ca9d953dc7fe65cdb8f7190d5adb3f6e1c618a94a",
    "ecd3d0cb95efdae3c92fb6d73f5103f9b9e228a52c594ff8778d5847556b6f46"};

/* The sequences of NAME.ids in their order, and what NAME.logits has of each. */
struct golden {
    int32_t *ids, *short_ids, *long_ids, *far_ids, *generated_ids;
    float *logits, *short_logits, *long_logits, *far_logits, *steps;
    size_t n_vocab;
};

static char *read_golden(const char *name, const char *extension, size_t *n_bytes)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s.%s", name, extension);
    char *bytes = file_read(path, MAX_FILE_BYTES, n_bytes, NULL);
    assert_non_null(bytes);
    return bytes;
}

static void open_golden(struct golden *golden, const char *name)
{
    enum { N_IDS = N_SHORT + N_LONG + N_FAR + N_PROMPT + N_STEPS };
    size_t n_bytes, n_ids = 0;
    char *text = read_golden(name, "ids", &n_bytes), *end;
    golden->ids = calloc(N_IDS, sizeof *golden->ids);
    for (char *at = text;; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        assert_true(n_ids < N_IDS);
        golden->ids[n_ids++] = (int32_t)id;
    }
    free(text);
    assert_int_equal(n_ids, N_IDS);
    golden->short_ids = golden->ids;
    golden->long_ids = golden->short_ids + N_SHORT;
    golden->far_ids = golden->long_ids + N_LONG;
    golden->generated_ids = golden->far_ids + N_FAR;
    golden->logits = (float *)(void *)read_golden(name, "logits", &n_bytes);
    golden->n_vocab = n_bytes / sizeof(float) / (N_SHORT + N_LONG + FAR_SHOWN + N_STEPS);
    assert_true(golden->n_vocab <= MAX_VOCAB);
    golden->short_logits = golden->logits;
    golden->long_logits = golden->short_logits + N_SHORT * golden->n_vocab;
    golden->far_logits = golden->long_logits + N_LONG * golden->n_vocab;
    golden->steps = golden->far_logits + FAR_SHOWN * golden->n_vocab;
}

static void close_golden(struct golden *golden)
{
    free(golden->ids);
    free(golden->logits);
}

static struct model *open_model(const char *name, enum isa isa)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s.gguf", name);
    return test_open_model(path, isa);
}

static struct session *open_session(const struct model *model, int n_threads, enum rope_policy rope,
                                    enum kv_type kv_type)
{
    const struct session_options options = {
        .n_threads = n_threads, .rope = rope, .kv_type = kv_type, .kv_budget_bytes = 64 << 20};
    struct session *session = session_open(model, &options, NULL);
    assert_non_null(session);
    return session;
}

static int start(struct session *session, size_t n_expected)
{
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    session_expect(session, sequence, n_expected);
    return sequence;
}

/* Logits after each of ids [n], of a sequence that expects n_expected. */
static void eval(struct session *session, const int32_t *ids, size_t n, size_t n_expected,
                 size_t chunk, float *logits)
{
    int sequence = start(session, n_expected);
    test_eval(session, sequence, ids, n, chunk, logits);
    session_drop(session, sequence);
}

/* The largest difference, relative to the largest expected value. */
static double difference(const float *logits, const float *expected, size_t n)
{
    double largest = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(isfinite(logits[i]));
        largest = fmax(largest, fabs((double)expected[i]));
        most = fmax(most, fabs((double)logits[i] - (double)expected[i]));
    }
    return most / largest;
}

static double compare_prompt(struct session *session, const struct golden *golden,
                             const int32_t *ids, size_t n, const float *expected, size_t n_shown)
{
    float *logits = calloc(n * golden->n_vocab, sizeof *logits);
    eval(session, ids, n, n, 512, logits);
    double most =
        difference(logits + (n - n_shown) * golden->n_vocab, expected, n_shown * golden->n_vocab);
    free(logits);
    return most;
}

static void prompts_on_both_sides_of_the_border_are_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct golden golden;
        open_golden(&golden, names[i]);
        struct model *model = open_model(names[i], isa_best());
        assert_int_equal(model_info(model)->short_tokens, ORIGINAL);
        assert_int_equal(model_info(model)->n_vocab, golden.n_vocab);
        struct session *session = open_session(model, 2, ROPE_AUTO, KV_F32);
        double at_short = compare_prompt(session, &golden, golden.short_ids, N_SHORT,
                                         golden.short_logits, N_SHORT);
        double at_long =
            compare_prompt(session, &golden, golden.long_ids, N_LONG, golden.long_logits, N_LONG);
        double far =
            compare_prompt(session, &golden, golden.far_ids, N_FAR, golden.far_logits, FAR_SHOWN);
        printf("%-16s differs by %.1e, beyond the border %.1e, far beyond %.1e\n", names[i],
               at_short, at_long, far);
        assert_true(at_short < 1e-4 && at_long < 1e-4 && far < 1e-4);
        session_close(session);
        model_close(model);
        close_golden(&golden);
    }
}

/* A step at a time, as `generate` goes: what was stored with the short factors is computed anew. */
static void a_generation_across_the_border_is_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct golden golden;
        open_golden(&golden, names[i]);
        struct model *model = open_model(names[i], isa_best());
        struct session *session = open_session(model, 2, ROPE_AUTO, KV_F32);
        float *logits = calloc((N_PROMPT + N_STEPS) * MAX_VOCAB, sizeof *logits);
        int sequence = start(session, N_PROMPT), n_anew = 0;
        test_eval(session, sequence, golden.generated_ids, N_PROMPT, 512, logits);
        for (size_t step = 0; step < N_STEPS; step++) {
            size_t n = N_PROMPT + step;
            const float *last = logits + (n - 1) * golden.n_vocab;
            assert_true(difference(last, golden.steps + step * golden.n_vocab, golden.n_vocab) <
                        1e-4);
            assert_int_equal(logits_argmax(last, golden.n_vocab), golden.generated_ids[n]);
            if (session_may_reach(session, sequence, n + 1)) {
                test_eval(session, sequence, golden.generated_ids + n, 1, 1,
                          logits + n * golden.n_vocab);
                continue;
            }
            assert_int_equal(n, ORIGINAL);
            session_truncate(session, sequence, 0);
            session_expect(session, sequence, n + 1);
            test_eval(session, sequence, golden.generated_ids, n + 1, 512, logits);
            n_anew++;
        }
        assert_int_equal(n_anew, 1);
        free(logits);
        session_close(session);
        model_close(model);
        close_golden(&golden);
    }
}

static void short_factors_are_never_mixed_with_long_ones(void **state)
{
    (void)state;
    struct golden golden;
    open_golden(&golden, names[0]);
    struct model *model = open_model(names[0], isa_best());
    struct session *session = open_session(model, 1, ROPE_AUTO, KV_F16);
    assert_int_equal(session_short_tokens(session), ORIGINAL);
    int sequence = start(session, ORIGINAL), fork;
    struct err err = {0};
    struct session_token tokens[2] = {{.sequence = sequence, .id = 3, .wants_logits = true},
                                      {.sequence = sequence, .id = 4, .wants_logits = true}};
    test_eval(session, sequence, golden.long_ids, ORIGINAL - 1, 512, NULL);
    assert_true(session_may_reach(session, sequence, ORIGINAL));
    assert_false(session_may_reach(session, sequence, ORIGINAL + 1));
    assert_false(session_eval(session, tokens, 2, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, "short factors"));
    assert_int_equal(session_length(session, sequence), ORIGINAL - 1);
    assert_true(session_eval(session, tokens, 1, NULL));
    assert_true(session_fork(session, sequence, N_FORK, &fork, NULL)); /* as its source */
    assert_false(session_may_reach(session, fork, ORIGINAL + 1));
    session_close(session);
    model_close(model);
    close_golden(&golden);
}

static void check_hash(const char *expected, const float *at_short, const float *at_long,
                       size_t n_vocab)
{
    char hex[SHA256_HEX_BYTES];
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_update(hash, at_short, N_SHORT * n_vocab * sizeof *at_short);
    sha256_update(hash, at_long, N_LONG * n_vocab * sizeof *at_long);
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_int_equal(ENGINE_NUMERICS_VERSION, 1);
    assert_string_equal(hex, expected);
}

/* Both prompts in the same batches, the long one after a fork too. */
static void check_way(const struct model *model, const struct golden *golden, int n_threads,
                      size_t chunk, bool is_forked, const float *at_short, const float *at_long)
{
    struct session *session = open_session(model, n_threads, ROPE_AUTO, KV_F16);
    size_t n_vocab = golden->n_vocab, row = n_vocab * sizeof(float);
    int sequence = start(session, N_LONG), other = start(session, N_SHORT);
    size_t done = 0, n_other = 0;
    if (is_forked) {
        int source = sequence;
        test_eval(session, source, golden->long_ids, N_FORK, chunk, NULL);
        assert_true(session_fork(session, source, N_FORK, &sequence, NULL));
        done = N_FORK;
    }
    for (; done < N_LONG; done += chunk) {
        struct session_token batch[N_LONG + N_SHORT];
        size_t n = 0, n_chunk = N_LONG - done < chunk ? N_LONG - done : chunk;
        bool has_other = n_other < N_SHORT;
        if (has_other)
            batch[n++] = (struct session_token){
                .sequence = other, .id = golden->short_ids[n_other], .wants_logits = true};
        for (size_t i = 0; i < n_chunk; i++)
            batch[n++] = (struct session_token){
                .sequence = sequence, .id = golden->long_ids[done + i], .wants_logits = true};
        assert_true(session_eval(session, batch, n, NULL));
        if (has_other)
            assert_memory_equal(session_logits(session, 0), at_short + n_other++ * n_vocab, row);
        for (size_t i = 0; i < n_chunk; i++)
            assert_memory_equal(session_logits(session, i + has_other),
                                at_long + (done + i) * n_vocab, row);
    }
    session_close(session);
}

static void bits_depend_on_tokens_and_factors_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct golden golden;
        open_golden(&golden, names[i]);
        float *at_short = calloc(N_SHORT * MAX_VOCAB, sizeof *at_short);
        float *at_long = calloc(N_LONG * MAX_VOCAB, sizeof *at_long);
        for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
            if (!isa_available(isa)) continue;
            struct model *model = open_model(names[i], isa);
            if (isa == ISA_SCALAR) {
                struct session *session = open_session(model, 1, ROPE_AUTO, KV_F16);
                eval(session, golden.short_ids, N_SHORT, N_SHORT, 1, at_short);
                eval(session, golden.long_ids, N_LONG, N_LONG, 1, at_long);
                session_close(session);
                check_hash(hashes[i], at_short, at_long, golden.n_vocab);
            }
            static const size_t chunks[] = {7, 33, N_LONG};
            /* Scalar kernels take long: the odd chunk suffices. */
            for (size_t j = 0; j < (isa == ISA_SCALAR ? 1 : 3); j++)
                for (int is_forked = 0; is_forked < 2; is_forked++)
                    check_way(model, &golden, 1 + (int)j % 2, chunks[j], is_forked, at_short,
                              at_long);
            model_close(model);
        }
        free(at_short);
        free(at_long);
        close_golden(&golden);
    }
}

static void a_fixed_choice_takes_its_factors_at_every_length(void **state)
{
    (void)state;
    struct golden golden;
    open_golden(&golden, names[1]);
    struct model *model = open_model(names[1], isa_best());
    size_t n_bytes = N_LONG * golden.n_vocab * sizeof(float);
    float *by_length = malloc(n_bytes), *fixed = malloc(n_bytes);
    struct session *automatic = open_session(model, 1, ROPE_AUTO, KV_F16);
    struct session *always_long = open_session(model, 1, ROPE_LONG, KV_F16);
    struct session *always_short = open_session(model, 1, ROPE_SHORT, KV_F16);
    assert_true(session_short_tokens(always_long) == SIZE_MAX);
    assert_true(session_short_tokens(always_short) == SIZE_MAX);

    eval(automatic, golden.long_ids, N_LONG, N_LONG, 512, by_length);
    eval(always_long, golden.long_ids, N_SHORT, N_SHORT, 512, fixed);
    assert_memory_equal(by_length, fixed, n_bytes / N_LONG * N_SHORT);
    eval(always_short, golden.long_ids, N_LONG, N_LONG, 512, fixed);
    assert_memory_not_equal(by_length + golden.n_vocab, fixed + golden.n_vocab, n_bytes / N_LONG);
    eval(automatic, golden.long_ids, N_SHORT, N_SHORT, 512, by_length);
    assert_memory_equal(by_length, fixed, n_bytes / N_LONG * N_SHORT);

    session_close(automatic);
    session_close(always_long);
    session_close(always_short);
    free(by_length);
    free(fixed);
    model_close(model);
    close_golden(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_on_both_sides_of_the_border_are_the_references),
        cmocka_unit_test(a_generation_across_the_border_is_the_references),
        cmocka_unit_test(short_factors_are_never_mixed_with_long_ones),
        cmocka_unit_test(bits_depend_on_tokens_and_factors_alone),
        cmocka_unit_test(a_fixed_choice_takes_its_factors_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
