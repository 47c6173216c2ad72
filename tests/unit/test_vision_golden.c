/* test_vision_golden.c - a model with eyes against the reference of tools/golden/phi3v.py: what it
 * sees in pictures, and its logits after prompts with pictures. And against itself: the same bits
 * in whatever way they are computed, and from its Hugging Face folder.
 */
#include "engine/vision.h"

#include "base/file.h"
#include "base/mem.h"
#include "tests/support/golden_values.h"
#include "tests/support/pictures.h"
#include "tests/support/test_engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_PICTURES = 2 };

/* Lines of the fixture. */
enum { ALL_PROMPTS = 0, TINY_PICTURE = 2, TWO_PICTURES = 7 };

static const char MODEL[] = "tests/golden/phi3v.gguf";

/* A way to compute what the fixture has of its prompts: one, by its line, or all. */
struct way {
    const char *model;
    enum isa isa;
    int n_threads;
    size_t chunk;
    int line;
};

/* All that the prompts kept, one after the other: arrays of floats. */
struct answers {
    struct buf embeddings, logits;
};

/* The model at work, and what becomes of it. */
struct work {
    const struct way *way;
    const struct model *model;
    struct vision *vision;
    struct session *session;
    struct answers answers;
    size_t n_embd, n_vocab;
};

struct seen {
    size_t n;
    float *embeddings; /* [n, n_embd] */
};

static void append(struct buf *values, const float *row, size_t n)
{
    buf_append(values, row, n * sizeof *row);
}

static struct seen look(struct work *work, const struct json *picture)
{
    const char *file = json_as_string(json_get(picture, "file"), "");
    size_t max_crops = golden_count(picture, "max_crops"), n_bytes;
    struct image image;
    struct err err = {0};
    uint8_t *bytes = picture_file(file, &n_bytes);
    if (!image_decode(bytes, n_bytes, file, &image, &err)) fail_msg("%s", err.message);
    free(bytes);
    struct seen seen = {.n = vision_tokens(work->model, image.width, image.height, max_crops)};
    assert_int_equal(seen.n, golden_count(picture, "tokens"));
    seen.embeddings = mem_new(seen.n * work->n_embd, sizeof *seen.embeddings, NULL);
    assert_non_null(seen.embeddings);
    if (!vision_encode(work->vision, &image, max_crops, seen.embeddings, &err))
        fail_msg("%s: %s", file, err.message);
    image_free(&image);
    const struct json *rows = json_get(picture, "rows");
    for (size_t i = 0; i < json_length(rows); i++) {
        size_t row = (size_t)json_as_integer(json_at(rows, i), 0);
        assert_true(row < seen.n);
        append(&work->answers.embeddings, seen.embeddings + row * work->n_embd, work->n_embd);
    }
    return seen;
}

/* The prompt's tokens, a negative id's picture row by row; how many there are. */
static size_t lay_out(const struct work *work, const struct json *ids, const struct seen *seen,
                      int sequence, struct session_token *tokens)
{
    size_t n = 0;
    for (size_t i = 0; i < json_length(ids); i++) {
        int64_t id = json_as_integer(json_at(ids, i), 0);
        if (id >= 0) {
            tokens[n++] = (struct session_token){.sequence = sequence, .id = (int32_t)id};
            continue;
        }
        const struct seen *picture = &seen[-id - 1];
        for (size_t row = 0; row < picture->n; row++)
            tokens[n++] = (struct session_token){
                .sequence = sequence, .embedding = picture->embeddings + row * work->n_embd};
    }
    return n;
}

static void eval(struct work *work, const struct session_token *tokens, size_t n)
{
    struct err err = {0};
    for (size_t done = 0, n_batch; done < n; done += n_batch) {
        n_batch = n - done < work->way->chunk ? n - done : work->way->chunk;
        if (!session_eval(work->session, tokens + done, n_batch, &err)) fail_msg("%s", err.message);
        size_t n_logits = 0;
        for (size_t i = 0; i < n_batch; i++)
            if (tokens[done + i].wants_logits)
                append(&work->answers.logits, session_logits(work->session, n_logits++),
                       work->n_vocab);
    }
}

static void answer(struct work *work, const struct json *prompt, const struct seen *seen)
{
    const struct json *ids = json_get(prompt, "ids"), *shown = json_get(prompt, "logits");
    int sequence;
    assert_true(session_start(work->session, &sequence, NULL));
    struct session_token *tokens =
        mem_new(session_context_tokens(work->session), sizeof *tokens, NULL);
    assert_non_null(tokens);
    size_t n = lay_out(work, ids, seen, sequence, tokens);
    session_expect(work->session, sequence, n);
    for (size_t i = 0; i < json_length(shown); i++) {
        size_t row = (size_t)json_as_integer(json_at(shown, i), 0);
        assert_true(row < n);
        tokens[row].wants_logits = true;
    }
    eval(work, tokens, n);
    session_drop(work->session, sequence);
    free(tokens);
}

static bool take_prompt(void *context, const struct json *prompt, int i_line, struct err *err)
{
    (void)err;
    struct work *work = context;
    const struct json *pictures = json_get(prompt, "pictures");
    if (!pictures || (work->way->line != ALL_PROMPTS && work->way->line != i_line)) return true;
    struct seen seen[MAX_PICTURES];
    size_t n = json_length(pictures);
    assert_in_range(n, 1, MAX_PICTURES);
    for (size_t i = 0; i < n; i++) seen[i] = look(work, json_at(pictures, i));
    answer(work, prompt, seen);
    for (size_t i = 0; i < n; i++) free(seen[i].embeddings);
    return true;
}

static struct answers compute(const struct way *way)
{
    struct err err = {0};
    struct model *model = test_open_model(way->model, way->isa);
    struct vision *vision = vision_open(model, way->n_threads, &err);
    if (!vision) fail_msg("%s", err.message);
    struct session_options options = {.n_threads = way->n_threads, .kv_type = KV_F32};
    struct session *session = session_open(model, &options, &err);
    if (!session) fail_msg("%s", err.message);
    const struct model_info *info = model_info(model);
    struct work work = {.way = way,
                        .model = model,
                        .vision = vision,
                        .session = session,
                        .n_embd = (size_t)info->n_embd,
                        .n_vocab = (size_t)info->n_vocab};
    if (!json_read_lines("tests/golden/phi3v.jsonl", take_prompt, &work, &err))
        fail_msg("%s", err.message);
    session_close(session);
    vision_close(vision);
    model_close(model);
    assert_true(work.answers.logits.n_bytes > 0);
    return work.answers;
}

static void free_answers(struct answers *answers)
{
    buf_free(&answers->embeddings);
    buf_free(&answers->logits);
}

/* The largest difference to the file's values, relative to the largest of these. */
static double distance(struct buf *actual, const char *path)
{
    size_t n_bytes;
    float *expected = (float *)(void *)file_read(path, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_non_null(expected);
    assert_int_equal(actual->n_bytes, n_bytes);
    const float *values = (const float *)(const void *)buf_string(actual);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < n_bytes / sizeof *values; i++) {
        assert_true(isfinite(values[i]));
        largest = fmax(largest, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)values[i] - (double)expected[i]));
    }
    free(expected);
    return difference / largest;
}

static void pictures_and_logits_are_the_references_within_1e_4_of_the_largest(void **state)
{
    (void)state;
    struct way way = {MODEL, isa_best(), 2, 512, ALL_PROMPTS};
    struct answers answers = compute(&way);
    double seen = distance(&answers.embeddings, "tests/golden/phi3v.embeddings");
    double said = distance(&answers.logits, "tests/golden/phi3v.logits");
    printf("pictures differ by %.1e of the largest value, logits by %.1e\n", seen, said);
    assert_true(seen < 1e-4);
    assert_true(said < 1e-4);
    free_answers(&answers);
}

static void check_same(struct answers *first, const struct way *way)
{
    struct answers other = compute(way);
    assert_int_equal(other.embeddings.n_bytes, first->embeddings.n_bytes);
    assert_int_equal(other.logits.n_bytes, first->logits.n_bytes);
    assert_memory_equal(buf_string(&other.embeddings), buf_string(&first->embeddings),
                        first->embeddings.n_bytes);
    assert_memory_equal(buf_string(&other.logits), buf_string(&first->logits),
                        first->logits.n_bytes);
    free_answers(&other);
}

/* By the shortest prompt: portable kernels take their time. */
static void check_levels(const char *model)
{
    struct answers first = compute(&(struct way){model, isa_best(), 2, 512, TINY_PICTURE});
    for (enum isa isa = ISA_SCALAR; isa < ISA_COUNT; isa++) {
        if (!isa_available(isa)) continue;
        check_same(&first, &(struct way){model, isa, 1 + (int)isa % 3, 100 + 37 * (size_t)isa,
                                         TINY_PICTURE});
    }
    free_answers(&first);
}

static void bits_do_not_depend_on_the_level(void **state)
{
    (void)state;
    check_levels(MODEL);
    check_levels("quantize:q4_0:tests/golden/phi3v.gguf");
}

static void bits_do_not_depend_on_threads_and_batches(void **state)
{
    (void)state;
    struct answers first = compute(&(struct way){MODEL, isa_best(), 2, 512, TWO_PICTURES});
    check_same(&first, &(struct way){MODEL, isa_best(), 1, 333, TWO_PICTURES});
    check_same(&first, &(struct way){MODEL, isa_best(), 3, 7, TWO_PICTURES});
    free_answers(&first);
}

static void a_folder_is_the_same_model(void **state)
{
    (void)state;
    struct answers file = compute(&(struct way){MODEL, isa_best(), 2, 512, TWO_PICTURES});
    check_same(&file, &(struct way){"tests/golden/hf/phi3v", isa_best(), 2, 512, TWO_PICTURES});
    free_answers(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_and_logits_are_the_references_within_1e_4_of_the_largest),
        cmocka_unit_test(bits_do_not_depend_on_the_level),
        cmocka_unit_test(bits_do_not_depend_on_threads_and_batches),
        cmocka_unit_test(a_folder_is_the_same_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
