/* test_store_pictures.c - pictures of items: each stored once, found by item, carried along with
 * answers that are taken over, asked for again where a file could not be read; and shown beside an
 * item that two runs answer differently.
 */
#include "base/file.h"
#include "reports/comparison_report.h"
#include "results/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/store_fixture.h"
#include "tests/support/test_data.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
static const uint8_t SMALL_A[] = {0x89, 'P', 0, 1}, SMALL_B[] = {0xff};
static const struct picture_record PICTURE_A = {
    "images/\"a\"<b>.jpg", HASH_A, "image/jpeg", 640, 480, SMALL_A, sizeof SMALL_A};
static const struct picture_record PICTURE_B = {"images/b.png", HASH_B,        "image/png", 3, 5,
                                                SMALL_B,        sizeof SMALL_B};

static void put(int64_t job, const char *key, const struct picture_record *pictures, size_t n)
{
    struct err err = {0};
    const struct answer_record answer = {
        .key = key, .response_json = "{}", .pictures = pictures, .n_pictures = n};
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
}

static int64_t new_job(void)
{
    return test_new_job(test_new_run(), "q8_0", "same", "data", "acc");
}

#define ITEM_PICTURES                                                                              \
    "SELECT item, position, file, substr(hash, 1, 1), media_type, width, height, hex(thumbnail) "  \
    "FROM v_pictures ORDER BY item, position"

static void a_picture_is_kept_once_and_found_by_item(void **state)
{
    (void)state;
    struct err err = {0};
    const struct picture_record both[] = {PICTURE_B, PICTURE_A};
    const struct picture_record *found;
    struct arena *arena = arena_new(0, NULL);
    int64_t job = new_job();
    size_t n;
    put(job, "p/1", &PICTURE_A, 1);
    put(job, "p/2", both, 2);
    put(job, "p/3", NULL, 0);
    test_assert_rows(ITEM_PICTURES, "p/1|1|images/\"a\"<b>.jpg|a|image/jpeg|640|480|89500001\n"
                                    "p/2|1|images/b.png|b|image/png|3|5|FF\n"
                                    "p/2|2|images/\"a\"<b>.jpg|a|image/jpeg|640|480|89500001");
    test_assert_rows("SELECT count(*) FROM picture", "2");
    test_assert_done(store_find_pictures(test_store, job, "p/2", arena, &found, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(found[0].file, "images/b.png");
    assert_string_equal(found[1].hash, HASH_A);
    assert_int_equal(found[1].width, 640);
    assert_int_equal(found[1].n_thumbnail_bytes, sizeof SMALL_A);
    assert_memory_equal(found[1].thumbnail, SMALL_A, sizeof SMALL_A);
    test_assert_done(store_find_pictures(test_store, job, "p/3", arena, &found, &n, &err), &err);
    assert_int_equal(n, 0);
    arena_free(arena);
}

static void the_newest_reading_of_an_item_wins(void **state)
{
    (void)state;
    const struct picture_record both[] = {PICTURE_A, PICTURE_B};
    put(new_job(), "p/1", both, 2);
    put(new_job(), "p/1", &PICTURE_B, 1);
    test_assert_rows("SELECT position, file FROM v_pictures", "1|images/b.png");
    put(new_job(), "p/1", NULL, 0); /* nothing was seen: what is known stays */
    test_assert_rows("SELECT position, file FROM v_pictures", "1|images/b.png");
}

/* The data lies elsewhere by now, so that its items are other rows. */
static void answers_that_are_taken_over_bring_their_pictures(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const KEYS[] = {"p/1", "p/2"};
    const struct picture_record both[] = {PICTURE_A, PICTURE_B};
    int64_t to = test_new_job(test_new_run(), "q8_0", "same", "elsewhere", "acc"), from = new_job();
    size_t n;
    put(from, "p/1", both, 2);
    put(from, "p/2", NULL, 0);
    test_assert_rows("SELECT count(*) FROM response JOIN verdict ON response = response.id", "2");
    test_assert_done(store_reuse_answers(test_store, to, KEYS, NULL, 2, &n, &err), &err);
    assert_int_equal(n, 2);
    test_assert_rows("SELECT count(*), count(DISTINCT item.dataset) FROM item_picture "
                     "JOIN item ON item.id = item_picture.item WHERE key = 'p/1'",
                     "4|2");
}

/* The picture was missing: neither taken over nor kept when it is there. */
static void an_answer_without_its_picture_gives_way_to_another(void **state)
{
    (void)state;
    struct err err = {0};
    static const char *const KEYS[] = {"p/1"};
    int64_t first = new_job(), second = new_job();
    struct answer_record answer = {
        .key = "p/1",
        .response_json = "{\"answered\":false,\"failure\":\"no_picture\",\"reason\":\"x\"}"};
    size_t n;
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_answer(test_store, first, &answer, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
    test_assert_done(store_reuse_answers(test_store, second, KEYS, NULL, 1, &n, &err), &err);
    assert_int_equal(n, 0);
    put(first, "p/1", &PICTURE_A, 1);
    test_assert_rows("SELECT content FROM response", "{}");
    test_assert_done(store_reuse_answers(test_store, second, KEYS, NULL, 1, &n, &err), &err);
    assert_int_equal(n, 1);
}

/* ---- What people see ---- */

/* One answer that is right in the first run alone. */
static void answer_once(int64_t run, bool is_right)
{
    struct err err = {0};
    int64_t job = test_new_job(run, "q8_0", "same", "data", "acc");
    const struct answer_record answer = {.key = "p/1",
                                         .subset = "p",
                                         .expected = "A",
                                         .response_json = "{\"answered\":true}",
                                         .prompt = "user: <|image_1|>\nWhat?",
                                         .pictures = &PICTURE_A,
                                         .n_pictures = 1,
                                         .answered = true,
                                         .is_correct = is_right,
                                         .score = is_right,
                                         .predicted = is_right ? "A" : "B"};
    test_assert_done(store_begin(test_store, &err), &err);
    test_assert_done(store_put_answer(test_store, job, &answer, &err), &err);
    test_assert_done(store_commit(test_store, &err), &err);
}

static char *read_text(const char *folder, const char *name)
{
    char *path = file_join(folder, name, NULL);
    char *text = file_read(path, 1 << 20, NULL, NULL);
    assert_non_null(text);
    free(path);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("there is no %s in\n%s", part, text);
}

static void a_flip_is_shown_with_its_picture(void **state)
{
    (void)state;
    struct err err = {0};
    static const struct log SILENT = {0};
    int64_t first = test_new_run(), second = test_new_run();
    answer_once(first, true);
    answer_once(second, false);
    const struct side base = {.store = test_store, .run = first};
    const struct side candidate = {.store = test_store, .run = second};
    const struct comparison_options options = {.n_flips = 1};
    struct comparison *comparison = comparison_make(&base, &candidate, &options, &err);
    test_assert_done(comparison != NULL, &err);
    char folder[256];
    assert_true(test_make_folder(folder, sizeof folder));
    test_assert_done(comparison_write(comparison, NULL, folder, NULL, &SILENT, &err), &err);
    char *page = read_text(folder, "index.html");
    assert_has(page, "<img src=\"data:image/png;base64,iVAAAQ==\" alt=\"picture 1: "
                     "images/&quot;a&quot;&lt;b&gt;.jpg, 640 x 480, image/jpeg\">");
    char *json = read_text(folder, "comparison.json");
    assert_has(json, "\"sha256\": \"" HASH_A "\"");
    free(page);
    free(json);
    char *text = NULL;
    size_t n_bytes;
    FILE *out = open_memstream(&text, &n_bytes);
    test_assert_done(comparison_print(comparison, NULL, COMPARISON_TABLE, out, &err), &err);
    fclose(out);
    assert_has(text, "picture 1: images/\"a\"<b>.jpg, 640 x 480, image/jpeg\n");
    free(text);
    comparison_free(comparison);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(a_picture_is_kept_once_and_found_by_item),
        IN_TEST_STORE(the_newest_reading_of_an_item_wins),
        IN_TEST_STORE(answers_that_are_taken_over_bring_their_pictures),
        IN_TEST_STORE(an_answer_without_its_picture_gives_way_to_another),
        IN_TEST_STORE(a_flip_is_shown_with_its_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
