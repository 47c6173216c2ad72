/* test_reference.c - logits kept in a file and compared with: the same bits come back, chunk by
 * chunk, and what is missing, damaged, of another text or no reference at all is told apart.
 */
#include "harness/ask/reference.h"

#include "base/file.h"
#include "tests/support/test_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { N_CHUNKS = 200, N_SCORED = 3, N_VOCAB = 5 };

static const struct reference_key KEY = {.data_hash = "d474",
                                         .n_chunks = N_CHUNKS,
                                         .n_scored = N_SCORED,
                                         .n_vocab = N_VOCAB,
                                         .origin = "mini f16, weights beef"};

static void fill_row(float row[N_VOCAB], size_t i_chunk, size_t i)
{
    for (size_t v = 0; v < N_VOCAB; v++) row[v] = (float)(100 * i_chunk + 10 * i + v) / 3;
}

static void put_chunk(struct reference *reference, size_t i_chunk)
{
    struct err err = {0};
    float row[N_VOCAB];
    uint8_t hashes[N_SCORED][SHA256_BYTES], hash[SHA256_BYTES];
    for (size_t i = 0; i < N_SCORED; i++) {
        fill_row(row, i_chunk, i);
        assert_true(reference_put_row(reference, i_chunk, i, row, &err));
        sha256_digest(row, sizeof row, hashes[i]);
    }
    sha256_digest(hashes, sizeof hashes, hash);
    assert_true(reference_put_chunk(reference, i_chunk, hash, &err));
}

/* Whether the chunk's rows can be read and are those that were written. */
static bool check_chunk(struct reference *reference, size_t i_chunk, struct err *err)
{
    float row[N_VOCAB], expected[N_VOCAB];
    uint8_t hashes[N_SCORED][SHA256_BYTES], hash[SHA256_BYTES];
    *err = (struct err){0};
    for (size_t i = 0; i < N_SCORED; i++) {
        if (!reference_get_row(reference, i_chunk, i, row, err)) return false;
        sha256_digest(row, sizeof row, hashes[i]);
    }
    sha256_digest(hashes, sizeof hashes, hash);
    if (!reference_check_chunk(reference, i_chunk, hash, err)) return false;
    fill_row(expected, i_chunk, N_SCORED - 1);
    assert_memory_equal(row, expected, sizeof row);
    return true;
}

static struct reference *create(bool is_fresh)
{
    struct err err = {0};
    struct reference *reference = reference_create("kept.logits", &KEY, &err);
    if (!reference || (is_fresh && !reference_forget(reference, &err))) fail_msg("%s", err.message);
    return reference;
}

static void rows_come_back_and_a_file_is_filled_in_several_sittings(void **state)
{
    (void)state;
    struct err err;
    char before[SHA256_HEX_BYTES], after[SHA256_HEX_BYTES];
    struct reference *reference = create(true);
    put_chunk(reference, 0);
    put_chunk(reference, N_CHUNKS - 1);
    reference_close(reference);
    assert_true(reference_hash("kept.logits", before, &err));

    reference = create(false);
    assert_true(reference_has(reference, 0));
    assert_false(reference_has(reference, 1));
    assert_false(reference_has(reference, N_CHUNKS));
    put_chunk(reference, 1);
    reference_close(reference);
    assert_true(reference_hash("kept.logits", after, &err));
    assert_string_not_equal(before, after);

    reference = reference_open("kept.logits", &KEY, &err);
    if (!reference) fail_msg("%s", err.message);
    assert_true(check_chunk(reference, 0, &err));
    assert_true(check_chunk(reference, 1, &err));
    assert_true(check_chunk(reference, N_CHUNKS - 1, &err));
    assert_false(check_chunk(reference, 2, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "there are no logits of chunk 2"));
    reference_close(reference);
}

static void a_fresh_file_has_forgotten_its_chunks(void **state)
{
    (void)state;
    struct reference *reference = create(true);
    put_chunk(reference, 7);
    reference_close(reference);
    reference = create(true);
    assert_false(reference_has(reference, 7));
    reference_close(reference);
}

static void a_changed_byte_is_damage_and_a_cut_file_ends(void **state)
{
    (void)state;
    struct err err;
    struct reference *reference = create(true);
    put_chunk(reference, 0);
    put_chunk(reference, 1);
    reference_close(reference);
    off_t rows = 4096 + 8192, row_bytes = N_VOCAB * sizeof(float); /* 200 hashes take two pages */
    int file = open("kept.logits", O_RDWR);
    assert_int_equal(pwrite(file, "x", 1, rows + 2), 1);
    assert_int_equal(ftruncate(file, rows + 4 * row_bytes), 0);
    close(file);
    reference = reference_open("kept.logits", &KEY, &err);
    if (!reference) fail_msg("%s", err.message);
    assert_false(check_chunk(reference, 0, &err));
    assert_non_null(strstr(err.message, "the logits of chunk 0 are damaged"));
    assert_string_equal(err.file, "kept.logits");
    assert_false(check_chunk(reference, 1, &err));
    assert_non_null(strstr(err.message, "the file ends at byte"));
    reference_close(reference);
}

static void damaged_and_cut_chunks_are_forgotten_and_can_be_put_again(void **state)
{
    (void)state;
    struct err err = {0};
    struct reference *reference = create(true);
    off_t rows = 4096 + 8192, row_bytes = N_VOCAB * sizeof(float);
    size_t n;
    for (size_t i = 0; i < 4; i++) put_chunk(reference, i);
    assert_true(reference_repair(reference, &n, &err));
    assert_int_equal(n, 0);
    reference_close(reference);
    int file = open("kept.logits", O_RDWR);
    assert_int_equal(pwrite(file, "x", 1, rows + N_SCORED * row_bytes + 2), 1);
    assert_int_equal(ftruncate(file, rows + 3 * N_SCORED * row_bytes + 1), 0);
    close(file);
    reference = create(false);
    assert_true(reference_repair(reference, &n, &err));
    assert_int_equal(n, 2); /* one was changed, one is cut */
    assert_true(reference_has(reference, 0));
    assert_false(reference_has(reference, 1));
    assert_true(reference_has(reference, 2));
    assert_false(reference_has(reference, 3));
    put_chunk(reference, 3);
    assert_true(check_chunk(reference, 3, &err));
    reference_close(reference);
    assert_int_equal(truncate("kept.logits", 4096 + 2 * SHA256_BYTES), 0);
    reference = create(false); /* cut inside its table */
    assert_true(reference_has(reference, 0));
    assert_false(reference_has(reference, 2));
    assert_true(reference_repair(reference, &n, &err));
    assert_false(reference_has(reference, 0));
    reference_close(reference);
    assert_int_equal(truncate("kept.logits", 0), 0);
    reference = create(false);
    assert_false(reference_has(reference, 0));
    reference_close(reference);
    assert_int_equal(mkfifo("pipe.logits", 0600), 0);
    assert_null(reference_open("pipe.logits", &KEY, &err));
    assert_null(reference_create("pipe.logits", &KEY, &err));
}

static void another_text_or_vocabulary_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    reference_close(create(true));
    struct reference_key text = KEY, vocabulary = KEY, origin = KEY;
    text.data_hash = "0the4";
    vocabulary.n_vocab++;
    origin.origin = "mini q4_0, weights beef";
    assert_null(reference_open("kept.logits", &text, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_null(reference_open("kept.logits", &vocabulary, &err));
    struct reference *other = reference_open("kept.logits", &origin, &err);
    assert_non_null(other); /* what is compared has another origin */
    reference_close(other);
    assert_null(reference_create("kept.logits", &origin, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, "other reference logits, of mini f16, weights beef"));
}

static void what_is_no_reference_is_refused_and_left_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "some other file",
        "phibench reference 1\ntext d474\nchunks 200\nscored 3\n",
        "phibench reference 1\ntext d474\nchunks 99999999999\nscored 3\nvocabulary 5\nof x\n",
        "phibench reference 1\ntext d474\nchunks -1\nscored 3\nvocabulary 5\nof x\n",
        "phibench reference 1\ntext d474\nchunks 200\nscored 0\nvocabulary 5\nof x\n",
        "phibench reference 1\ntext d474\nchunks 200\nscored 3\nvocabulary 5\nof x\n",
    };
    char hex[SHA256_HEX_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err = {0};
        size_t n;
        assert_true(file_write("odd.logits", texts[i], strlen(texts[i]), NULL));
        assert_null(reference_open("odd.logits", &KEY, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_false(reference_hash("odd.logits", hex, &err));
        assert_null(reference_create("odd.logits", &KEY, &err));
        char *kept = file_read("odd.logits", 4096, &n, &err);
        assert_string_equal(kept, texts[i]);
        free(kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_and_a_file_is_filled_in_several_sittings),
        cmocka_unit_test(a_fresh_file_has_forgotten_its_chunks),
        cmocka_unit_test(a_changed_byte_is_damage_and_a_cut_file_ends),
        cmocka_unit_test(damaged_and_cut_chunks_are_forgotten_and_can_be_put_again),
        cmocka_unit_test(another_text_or_vocabulary_is_refused),
        cmocka_unit_test(what_is_no_reference_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, test_enter_folder, test_leave_folder);
}
