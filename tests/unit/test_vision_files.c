/* test_vision_files.c - a model with eyes is the same in a Hugging Face folder, in the file that
 * convert makes of it and quantized on the way: the same bits of what it sees in a picture, and of
 * its logits behind it.
 *
 * The folder is tests/golden/hf/phi3v.
 */
#include "engine/vision.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/tools.h"
#include "tests/support/pictures.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_CROPS = 2, BATCH_TOKENS = 256 };
static char golden[512]; /* the absolute path of tests/golden, where tests of their own run */

/* What becomes of a picture and of two tokens around it. */
struct sight {
    float *embeddings, *logits; /* [n_seen, n_embd], [n_vocab] */
    size_t n_seen, n_embd, n_vocab;
};

static void look(const struct model *model, struct sight *sight)
{
    struct image image;
    struct err err = {0};
    picture_by_formula(90, 40, &image);
    struct vision *vision = vision_open(model, 2, &err);
    sight->n_seen = vision_tokens(model, image.width, image.height, MAX_CROPS);
    sight->embeddings = mem_new(sight->n_seen * sight->n_embd, sizeof *sight->embeddings, &err);
    if (!vision || !sight->embeddings ||
        !vision_encode(vision, &image, MAX_CROPS, sight->embeddings, &err))
        fail_msg("%s", err.message);
    vision_close(vision);
    image_free(&image);
}

static void answer(const struct model *model, struct sight *sight)
{
    struct err err = {0};
    struct session_options options = {.n_threads = 2, .kv_type = KV_F32};
    struct session *session = session_open(model, &options, &err);
    size_t n = sight->n_seen + 2;
    struct session_token *tokens = mem_new(n, sizeof *tokens, &err);
    int sequence = -1;
    if (!session || !tokens || !session_start(session, &sequence, &err))
        fail_msg("%s", err.message);
    session_expect(session, sequence, n);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (struct session_token){.sequence = sequence, .id = 1};
    for (size_t i = 0; i < sight->n_seen; i++)
        tokens[i + 1].embedding = sight->embeddings + i * sight->n_embd;
    tokens[n - 1].wants_logits = true;
    for (size_t done = 0; done < n; done += BATCH_TOKENS) {
        size_t left = n - done, n_batch = left < BATCH_TOKENS ? left : BATCH_TOKENS;
        if (!session_eval(session, tokens + done, n_batch, &err)) fail_msg("%s", err.message);
    }
    sight->logits = mem_new(sight->n_vocab, sizeof *sight->logits, &err);
    assert_non_null(sight->logits);
    memcpy(sight->logits, session_logits(session, 0), sight->n_vocab * sizeof *sight->logits);
    free(tokens);
    session_close(session);
}

static struct sight see(const char *path)
{
    struct model *model = test_open_model(path, isa_best());
    const struct model_info *info = model_info(model);
    struct sight sight = {.n_embd = (size_t)info->n_embd, .n_vocab = (size_t)info->n_vocab};
    look(model, &sight);
    answer(model, &sight);
    model_close(model);
    return sight;
}

static bool sees_the_same(const struct sight *a, const char *path)
{
    struct sight b = see(path);
    assert_int_equal(a->n_seen, b.n_seen);
    bool is = !memcmp(a->embeddings, b.embeddings, a->n_seen * a->n_embd * sizeof(float)) &&
              !memcmp(a->logits, b.logits, a->n_vocab * sizeof(float));
    free(b.embeddings);
    free(b.logits);
    return is;
}

/* type: "" or "quantize:TYPE:" */
static void check_files(const char *type)
{
    char folder[600], file[600];
    struct err err = {0};
    snprintf(folder, sizeof folder, "%s%s/hf/phi3v", type, golden);
    snprintf(file, sizeof file, "%s%s/phi3v.gguf", type, golden);
    if (!model_write(folder, "made.gguf", NULL, 2, NULL, NULL, &err)) fail_msg("%s", err.message);
    struct sight sight = see(folder);
    assert_true(sees_the_same(&sight, "made.gguf"));
    assert_true(sees_the_same(&sight, file));
    free(sight.embeddings);
    free(sight.logits);
}

static void a_folder_and_its_file_see_the_same(void **state)
{
    (void)state;
    check_files("");
}

static void quantized_they_see_the_same(void **state)
{
    (void)state;
    check_files("quantize:q5_0:");
}

/* So that equal bits say something. */
static void another_type_sees_otherwise(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/hf/phi3v", golden);
    struct sight sight = see(path);
    snprintf(path, sizeof path, "quantize:q5_0:%s/hf/phi3v", golden);
    assert_false(sees_the_same(&sight, path));
    free(sight.embeddings);
    free(sight.logits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_enter_folder, test_leave_folder)
        IN_FOLDER(a_folder_and_its_file_see_the_same),
        IN_FOLDER(quantized_they_see_the_same),
        cmocka_unit_test(another_type_sees_otherwise),
    };
    if (!realpath("tests/golden", golden)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
