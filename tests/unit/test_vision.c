/* test_vision.c - pictures and embeddings against themselves, and what is refused. That rows and
 * logits are the reference's, and the same bits on every level, is test_vision_golden.c's.
 */
#include "engine/vision.h"

#include "base/file.h"
#include "engine/model.h"
#include "engine/open_source.h"
#include "tests/support/pictures.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_IDS = 6, SIDE_TOKENS = 12, MAX_FILE_BYTES = 1 << 20 };

/* A small tower and language model, copied to where the tests run. */
static const char MODEL[] = "eyes.gguf", WITHOUT[] = "synth:tiny:q4_0";

static int enter(void **state)
{
    size_t n_bytes;
    char *bytes = file_read("tests/golden/phi3v.gguf", MAX_FILE_BYTES, &n_bytes, NULL);
    if (!bytes || test_enter_folder(state) != 0) return 1;
    bool ok = file_write(MODEL, bytes, n_bytes, NULL);
    free(bytes);
    return ok ? 0 : 1;
}

/* ---- Embeddings in place of ids ---- */

/* The rows that the model has for the ids: [N_IDS, n_embd]. */
static float *rows_of(const struct model *model, const int32_t *ids)
{
    const struct tensor_info *embedding = model->embedding;
    size_t n_embd = embedding->shape[0];
    float *rows = calloc(N_IDS * n_embd, sizeof *rows);
    uint8_t *bytes = malloc(embedding->row_bytes);
    assert_non_null(rows);
    assert_non_null(bytes);
    for (size_t i = 0; i < N_IDS; i++) {
        assert_true(
            model->source->read_rows(model->source, embedding, (size_t)ids[i], 1, bytes, NULL));
        tensor_decode(embedding->type, bytes, n_embd, rows + i * n_embd);
    }
    free(bytes);
    return rows;
}

/* The logits of all tokens, those of `embedded` (a bit each) by their rows, in batches of so many.
 */
static float *eval(const struct model *model, const int32_t *ids, const float *rows,
                   unsigned embedded, size_t chunk)
{
    const size_t n_vocab = (size_t)model_info(model)->n_vocab;
    const size_t n_embd = (size_t)model_info(model)->n_embd;
    struct session_options options = {.n_threads = 2, .context_tokens = 32};
    struct session *session = session_open(model, &options, NULL);
    float *logits = calloc(N_IDS * n_vocab, sizeof *logits);
    int sequence;
    assert_non_null(session);
    assert_true(session_start(session, &sequence, NULL));
    for (size_t at = 0; at < N_IDS; at += chunk) {
        struct session_token tokens[N_IDS] = {{.sequence = sequence}};
        size_t n = N_IDS - at < chunk ? N_IDS - at : chunk;
        for (size_t i = 0; i < n; i++) {
            bool is_embedded = embedded >> (at + i) & 1;
            tokens[i] = (struct session_token){
                .sequence = sequence, .id = is_embedded ? -7 : ids[at + i], .wants_logits = true};
            if (is_embedded) tokens[i].embedding = rows + (at + i) * n_embd;
        }
        assert_true(session_eval(session, tokens, n, NULL));
        memcpy(logits + at * n_vocab, session_logits(session, 0), n * n_vocab * sizeof *logits);
    }
    session_close(session);
    return logits;
}

static void a_token_s_own_row_gives_the_bits_of_its_id(void **state)
{
    (void)state;
    static const int32_t ids[N_IDS] = {5, 9, 5, 300, 9, 5}; /* some come again */
    struct model *model = test_open_model(WITHOUT, isa_best());
    float *rows = rows_of(model, ids), *expected = eval(model, ids, rows, 0, N_IDS);
    size_t n_bytes = N_IDS * (size_t)model_info(model)->n_vocab * sizeof *expected;
    static const unsigned some[] = {0x3f, 0x01, 0x2a, 0x15, 0x20};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (size_t chunk = 1; chunk <= N_IDS; chunk += 5) {
            float *logits = eval(model, ids, rows, some[i], chunk);
            assert_memory_equal(logits, expected, n_bytes);
            free(logits);
        }
    free(expected);
    free(rows);
    model_close(model);
}

static void an_embedding_that_is_no_number_is_refused_and_leaves_no_token(void **state)
{
    (void)state;
    struct model *model = test_open_model(WITHOUT, isa_best());
    struct session_options options = {.n_threads = 1, .context_tokens = 32};
    struct session *session = session_open(model, &options, NULL);
    float *row = calloc((size_t)model_info(model)->n_embd, sizeof *row);
    struct err err = {0};
    int sequence;
    row[3] = NAN;
    assert_true(session_start(session, &sequence, NULL));
    struct session_token tokens[] = {{.sequence = sequence, .id = 5},
                                     {.sequence = sequence, .embedding = row}};
    assert_false(session_eval(session, tokens, 2, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "at position 1 of sequence"));
    assert_int_equal(session_length(session, sequence), 0);
    free(row);
    session_close(session);
    model_close(model);
}

/* ---- Pictures ---- */

/* [vision_tokens, n_embd] of a picture of noise. */
static float *look(struct vision *vision, const struct model *model, size_t width, size_t height,
                   size_t max_crops, size_t *n_tokens)
{
    struct image image;
    picture_by_formula(width, height, &image);
    *n_tokens = vision_tokens(model, width, height, max_crops);
    float *rows = calloc(*n_tokens * (size_t)model_info(model)->n_embd, sizeof *rows);
    assert_true(vision_encode(vision, &image, max_crops, rows, NULL));
    image_free(&image);
    return rows;
}

static void a_picture_is_seen_alike_whatever_was_seen_before(void **state)
{
    (void)state;
    struct model *model = test_open_model(MODEL, isa_best());
    struct vision *vision = vision_open(model, 2, NULL), *other = vision_open(model, 1, NULL);
    size_t n_first, n_between, n_bytes;
    float *first = look(vision, model, 50, 20, 2, &n_first);
    float *between = look(vision, model, 20, 60, 3, &n_between);
    assert_int_equal(n_first, (1 * 2 + 1) * 144 + 1 + (1 + 1) * 12);
    assert_int_equal(n_between, (3 * 1 + 1) * 144 + 1 + (3 + 1) * 12);
    n_bytes = n_first * (size_t)model_info(model)->n_embd * sizeof *first;
    struct vision *visions[] = {vision, other};
    for (size_t i = 0; i < 2; i++) {
        float *again = look(visions[i], model, 50, 20, 2, &n_first);
        assert_memory_equal(again, first, n_bytes);
        free(again);
    }
    free(first);
    free(between);
    vision_close(vision);
    vision_close(other);
    model_close(model);
}

static void rows_of_tokens_end_alike_in_every_picture(void **state)
{
    (void)state;
    struct model *model = test_open_model(MODEL, isa_best());
    struct vision *vision = vision_open(model, 2, NULL);
    const size_t n_embd = (size_t)model_info(model)->n_embd, width = 2 * SIDE_TOKENS + 1;
    const size_t row_bytes = n_embd * sizeof(float), n_crops_rows = SIDE_TOKENS * width;
    size_t n_wide, n_small;
    float *wide = look(vision, model, 50, 20, 2, &n_wide);
    float *small = look(vision, model, 30, 30, 1, &n_small);
    const float *end = wide + (width - 1) * n_embd, *between = wide + n_crops_rows * n_embd;
    for (size_t i = 0; i < SIDE_TOKENS; i++) {
        size_t thumbnail = n_crops_rows + 1 + i * (SIDE_TOKENS + 1) + SIDE_TOKENS;
        size_t of_small = i * (SIDE_TOKENS + 1) + SIDE_TOKENS;
        assert_memory_equal(wide + (i * width + width - 1) * n_embd, end, row_bytes);
        assert_memory_equal(wide + thumbnail * n_embd, end, row_bytes);
        assert_memory_equal(small + of_small * n_embd, end, row_bytes);
        assert_memory_not_equal(wide + (i * width + SIDE_TOKENS) * n_embd, end, row_bytes);
    }
    assert_memory_not_equal(between, end, row_bytes);
    assert_memory_equal(small + SIDE_TOKENS * (SIDE_TOKENS + 1) * n_embd, between, row_bytes);
    free(wide);
    free(small);
    vision_close(vision);
    model_close(model);
}

static void a_model_says_what_its_tower_is(void **state)
{
    (void)state;
    struct model *model = test_open_model(MODEL, isa_best());
    const struct model_info *info = model_info(model);
    assert_int_equal(info->vision_side, 336);
    assert_int_equal(info->vision_layers, 2);
    assert_true(info->vision_crops > 0);
    assert_true(info->n_active_params < info->n_params);
    assert_true(info->packed_bytes > model->vision->info.packed_bytes);
    assert_true(model->vision->info.packed_bytes > 0);
    size_t by_default = vision_tokens(model, 900, 700, 0);
    assert_int_equal(by_default, vision_tokens(model, 900, 700, (size_t)info->vision_crops));
    model_close(model);
}

static void a_model_without_eyes_says_so(void **state)
{
    (void)state;
    struct model *model = test_open_model(WITHOUT, isa_best());
    struct err err = {0};
    assert_int_equal(model_info(model)->vision_side, 0);
    assert_int_equal(vision_tokens(model, 100, 100, 4), 0);
    assert_null(vision_open(model, 1, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_string_equal(err.message, "the model has no eyes: its file holds no vision tower");
    model_close(model);
}

/* Writes a copy of the model in which the first value of a tensor is another one. */
static void spoil(const char *path, const char *tensor, float value)
{
    struct source *source = source_open(MODEL, NULL);
    size_t n_bytes, offset = (size_t)source_find(source, tensor)->offset;
    assert_int_equal(source_find(source, tensor)->type, TENSOR_F32);
    char *bytes = file_read(MODEL, MAX_FILE_BYTES, &n_bytes, NULL);
    memcpy(bytes + offset, &value, sizeof value);
    assert_true(file_write(path, bytes, n_bytes, NULL));
    free(bytes);
    source_close(source);
}

static void a_number_that_grows_too_large_in_the_tower_is_told(void **state)
{
    (void)state;
    struct image image;
    struct err err = {0};
    spoil("spoilt.gguf", "v.pre_ln.weight", 3e38f);
    struct model *model = test_open_model("spoilt.gguf", isa_best());
    struct vision *vision = vision_open(model, 2, NULL);
    picture_by_formula(20, 20, &image);
    size_t n_values = vision_tokens(model, 20, 20, 1) * (size_t)model_info(model)->n_embd;
    float *rows = calloc(n_values, sizeof *rows);
    assert_false(vision_encode(vision, &image, 1, rows, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "are no numbers, or too large to compute with"));
    free(rows);
    image_free(&image);
    vision_close(vision);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_s_own_row_gives_the_bits_of_its_id),
        cmocka_unit_test(an_embedding_that_is_no_number_is_refused_and_leaves_no_token),
        cmocka_unit_test(a_picture_is_seen_alike_whatever_was_seen_before),
        cmocka_unit_test(rows_of_tokens_end_alike_in_every_picture),
        cmocka_unit_test(a_model_says_what_its_tower_is),
        cmocka_unit_test(a_model_without_eyes_says_so),
        cmocka_unit_test(a_number_that_grows_too_large_in_the_tower_is_told),
    };
    return cmocka_run_group_tests(tests, enter, test_leave_folder);
}
