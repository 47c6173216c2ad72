/* test_phi3small.c - Phi-3-small's logits against the reference of tools/golden/phi3small.py, past
 * the length up to which its block-sparse layers see every key; and against themselves, however the
 * tokens are computed.
 */
#include "engine/engine.h"

#include "base/file.h"
#include "engine/open_source.h"
#include "tests/support/test_engine.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TOKENS = 1400, MAX_FILE_BYTES = 1 << 20, N_MASKED = 5 };

static const int32_t masked[N_MASKED] = {90, 92, 93, 94, 95};

/* A model, the prompt and the logits after each of its tokens by the best kernels. */
struct scene {
    const char *name;
    struct model *model;
    int32_t ids[MAX_TOKENS];
    size_t n_ids, n_vocab;
    float *logits; /* [n_ids, n_vocab] */
};

static void read_ids(struct scene *scene)
{
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s.ids", scene->name);
    char *text = file_read(path, MAX_FILE_BYTES, NULL, NULL), *end = NULL;
    assert_non_null(text);
    for (char *at = text;; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        assert_true(scene->n_ids < MAX_TOKENS);
        scene->ids[scene->n_ids++] = (int32_t)id;
    }
    free(text);
}

static struct session *open_session(const struct model *model, int n_threads)
{
    struct session_options options = {.n_threads = n_threads, .kv_type = KV_F32};
    struct session *session = session_open(model, &options, NULL);
    assert_non_null(session);
    return session;
}

/* The logits after every token of the prompt, in batches of so many. */
static float *eval(const struct scene *scene, const struct model *model, int n_threads,
                   size_t chunk)
{
    struct session *session = open_session(model, n_threads);
    float *logits = calloc(scene->n_ids * scene->n_vocab, sizeof *logits);
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    session_expect(session, sequence, scene->n_ids);
    test_eval(session, sequence, scene->ids, scene->n_ids, chunk, logits);
    session_close(session);
    return logits;
}

static struct scene open_scene(const char *name)
{
    struct scene scene = {.name = name};
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s.gguf", name);
    scene.model = test_open_model(path, isa_best());
    scene.n_vocab = (size_t)model_info(scene.model)->n_vocab;
    read_ids(&scene);
    scene.logits = eval(&scene, scene.model, 2, 512);
    return scene;
}

static void close_scene(struct scene *scene)
{
    free(scene->logits);
    model_close(scene->model);
}

static bool is_masked(size_t id)
{
    bool is = false;
    for (size_t i = 0; i < N_MASKED; i++) is = is || (size_t)masked[i] == id;
    return is;
}

/* Which rows of logits the file has: see phi3small.py. */
static bool is_shown(size_t row, size_t n)
{
    return row < 4 || row % 64 == 0 || row % 64 == 63 || row + 40 >= n;
}

static double distance(const struct scene *scene)
{
    char path[128];
    size_t n_bytes, row_floats = scene->n_vocab;
    snprintf(path, sizeof path, "tests/golden/%s.logits", scene->name);
    float *file = (float *)(void *)file_read(path, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_non_null(file);
    const float *expected = file;
    double largest = 0, difference = 0;
    for (size_t row = 0; row < scene->n_ids; row++) {
        if (!is_shown(row, scene->n_ids)) continue;
        const float *actual = scene->logits + row * row_floats;
        for (size_t id = 0; id < row_floats; id++) {
            assert_true(isfinite(actual[id]));
            if (is_masked(id)) {
                assert_true(expected[id] == -FLT_MAX && actual[id] == -FLT_MAX);
                continue;
            }
            largest = fmax(largest, fabs((double)expected[id]));
            difference = fmax(difference, fabs((double)actual[id] - (double)expected[id]));
        }
        expected += row_floats;
    }
    assert_int_equal((size_t)(expected - file) * sizeof *file, n_bytes);
    free(file);
    return difference / largest;
}

static void logits_are_the_references_within_1e_4_of_the_largest(void **state)
{
    (void)state;
    static const char *const names[] = {"phi3small", "phi3small-narrow", "phi3small-long"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct scene scene = open_scene(names[i]);
        double difference = distance(&scene);
        printf("%-16s differs by %.1e of the largest logit\n", names[i], difference);
        assert_true(difference < 1e-4);
        close_scene(&scene);
    }
}

static void logits_do_not_depend_on_level_threads_and_batches(void **state)
{
    (void)state;
    struct scene scene = open_scene("phi3small-narrow");
    size_t n_bytes = scene.n_ids * scene.n_vocab * sizeof(float);
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        if (!isa_available(isa)) continue;
        struct model *model = test_open_model("tests/golden/phi3small-narrow.gguf", isa);
        float *logits = eval(&scene, model, 1 + (int)isa % 3, 100 + 37 * (size_t)isa);
        assert_memory_equal(logits, scene.logits, n_bytes);
        free(logits);
        model_close(model);
    }
    static const size_t chunks[] = {1, 7, 65};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        float *logits = eval(&scene, scene.model, 3, chunks[i]);
        assert_memory_equal(logits, scene.logits, n_bytes);
        free(logits);
    }
    close_scene(&scene);
}

/* Two sequences of unequal lengths in each batch, one of them forked from the other. */
static void logits_do_not_depend_on_other_sequences(void **state)
{
    (void)state;
    enum { SHARED = 1050, SHORT = 1200, ROUND = 50 };
    struct scene scene = open_scene("phi3small");
    struct session *session = open_session(scene.model, 2);
    int sequences[2];
    assert_true(session_start(session, &sequences[0], NULL));
    test_eval(session, sequences[0], scene.ids, SHARED, 512, NULL);
    assert_true(session_fork(session, sequences[0], SHARED, &sequences[1], NULL));
    for (size_t at = SHARED; at < SHORT; at += ROUND) {
        struct session_token batch[ROUND + 1];
        /* The second sequence gets a token in each round. */
        size_t n = 0, ahead = (size_t)(at - SHARED) / ROUND;
        for (size_t i = 0; i < ROUND; i++, n++)
            batch[n] = (struct session_token){
                .sequence = sequences[0], .id = scene.ids[at + i], .wants_logits = i + 1 == ROUND};
        batch[n++] = (struct session_token){
            .sequence = sequences[1], .id = scene.ids[SHARED + ahead], .wants_logits = true};
        assert_true(session_eval(session, batch, n, NULL));
        assert_memory_equal(session_logits(session, 0),
                            scene.logits + (at + ROUND - 1) * scene.n_vocab,
                            scene.n_vocab * sizeof(float));
        assert_memory_equal(session_logits(session, 1),
                            scene.logits + (SHARED + ahead) * scene.n_vocab,
                            scene.n_vocab * sizeof(float));
    }
    session_close(session);
    close_scene(&scene);
}

/* 7.4 billion, as published: only if it is tied. */
static void shapes_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const char *const specs[] = {"synth:phi-3-small:q4_0", "synth:phi-3-small-128k:q4_0"};
    for (size_t i = 0; i < 2; i++) {
        struct source *source = source_open(specs[i], NULL);
        assert_non_null(source);
        struct model_info info = test_model_info(source);
        assert_int_equal(info.n_params, 7392272384u);
        assert_int_equal(info.short_tokens, i ? 8192 : 0);
        assert_int_equal(info.block_keys, 64);
        source_close(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_the_references_within_1e_4_of_the_largest),
        cmocka_unit_test(logits_do_not_depend_on_level_threads_and_batches),
        cmocka_unit_test(logits_do_not_depend_on_other_sequences),
        cmocka_unit_test(shapes_have_the_published_number_of_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
