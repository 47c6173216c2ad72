/* test_picture_cache.c - embeddings of pictures: computed when they are first asked for, kept as
 * far as the memory allows, and computed again to the same bits.
 */
#include "harness/ask/picture_cache.h"

#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/golden/pictures/"

static int open_model_once(void **state)
{
    return test_enter_model(state, "synth:tiny-vision:q8_0");
}

struct looking {
    struct picture_eyes eyes;
    struct pictures pictures;
    struct picture_cache *cache;
};

static void begin(struct looking *looking, const struct model *model, uint64_t most_bytes)
{
    looking->eyes = picture_eyes_of(model_info(model));
    pictures_init(&looking->pictures, &looking->eyes, arena_new(0, NULL));
    looking->cache = picture_cache_open(model, 1, most_bytes, NULL);
    assert_non_null(looking->cache);
}

static void end(struct looking *looking)
{
    arena_free(looking->pictures.arena);
    pictures_done(&looking->pictures);
    picture_cache_close(looking->cache);
}

static const struct picture *look(struct looking *looking, const char *path)
{
    struct picture_file file;
    struct err err = {0};
    if (!pictures_look(&looking->pictures, path, 1, &file, &err)) fail_msg("%s", err.message);
    assert_non_null(file.picture);
    return file.picture;
}

static size_t n_encoded(const struct looking *looking)
{
    int64_t ns;
    return picture_cache_encoded(looking->cache, &ns);
}

static const float *get(struct looking *looking, const struct picture *picture)
{
    struct err err = {0};
    const float *rows = picture_cache_get(looking->cache, picture, &err);
    if (!rows) fail_msg("%s", err.message);
    return rows;
}

/* One picture is kept whatever it takes; two want room for two. */
static void what_was_given_up_is_computed_again_to_the_same_bits(void **state)
{
    (void)state;
    size_t n_embd = (size_t)model_info(*state)->n_embd;
    struct looking small, large;
    begin(&small, *state, 1);
    begin(&large, *state, 0);
    const char *const paths[] = {FOLDER "rgb.png", FOLDER "rgb.png", FOLDER "gray.jpg",
                                 FOLDER "rgb.png", FOLDER "gray.jpg"};
    static const size_t N_SMALL[] = {1, 1, 2, 3, 4}, N_LARGE[] = {1, 1, 2, 2, 2};
    for (size_t i = 0; i < 5; i++) {
        const struct picture *picture = look(&small, paths[i]);
        const float *a = get(&small, picture), *b = get(&large, look(&large, paths[i]));
        assert_int_equal(picture->n_tokens, 313);
        assert_memory_equal(a, b, picture->n_tokens * n_embd * sizeof *a);
        assert_int_equal(n_encoded(&small), N_SMALL[i]);
        assert_int_equal(n_encoded(&large), N_LARGE[i]);
    }
    end(&small);
    end(&large);
}

static void rows_are_those_of_the_ids(void **state)
{
    (void)state;
    size_t n_embd = (size_t)model_info(*state)->n_embd;
    float *row = calloc(n_embd, sizeof *row);
    struct looking looking;
    begin(&looking, *state, 0);
    const struct picture *first = look(&looking, FOLDER "rgb.png");
    const struct picture *second = look(&looking, FOLDER "gray.jpg");
    struct picture_source source = {&looking.pictures, looking.cache};
    const struct embedding_rows rows = picture_rows(&source);
    assert_int_equal(rows.n_embd, n_embd);
    assert_true(rows.write(rows.context, second->first_id - 5, row, NULL));
    assert_int_equal(n_encoded(&looking), 1);
    assert_memory_equal(row, get(&looking, second) + 5 * n_embd, n_embd * sizeof *row);
    assert_true(rows.write(rows.context, -1, row, NULL));
    assert_memory_equal(row, get(&looking, first), n_embd * sizeof *row);
    assert_int_equal(n_encoded(&looking), 2);
    free(row);
    end(&looking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_up_is_computed_again_to_the_same_bits),
        cmocka_unit_test(rows_are_those_of_the_ids),
    };
    return cmocka_run_group_tests(tests, open_model_once, test_leave_model);
}
