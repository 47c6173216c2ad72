/* test_sha256.c - SHA-256 against the vectors of FIPS 180-4, and fields that cannot be confused.
 *
 * The digests are published; the file of a million letters is read in pieces.
 */
#include "base/sha256.h"

#include "tests/support/test_data.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void check_text(const char *text, const char *expected)
{
    char hex[SHA256_HEX_BYTES];
    struct err err = {0};
    assert_true(sha256_text(text, hex, &err));
    assert_string_equal(hex, expected);
    uint8_t digest[SHA256_BYTES];
    char pair[3];
    sha256_digest(text, strlen(text), digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(pair, sizeof pair, "%02x", digest[i]);
        assert_memory_equal(pair, expected + 2 * i, 2);
    }
}

static void sha256_gives_the_standard_digests(void **state)
{
    (void)state;
    check_text("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_text("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sha256_of_pieces_is_that_of_the_whole(void **state)
{
    (void)state;
    char hex[SHA256_HEX_BYTES];
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_update(hash, "a", 1);
    sha256_update(hash, NULL, 0);
    sha256_update(hash, "bc", 2);
    sha256_finish(hash, hex);
    sha256_free(hash);
    sha256_free(NULL);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hash_fields(const char *a, const char *b, char hex[SHA256_HEX_BYTES])
{
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_field(hash, a);
    sha256_field(hash, b);
    sha256_finish(hash, hex);
    sha256_free(hash);
}

static void sha256_fields_do_not_run_together(void **state)
{
    (void)state;
    const char *pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"},
                              {"", ""},    {NULL, ""},  {"", NULL},  {NULL, NULL}};
    enum { N = sizeof pairs / sizeof *pairs };
    char hex[N][SHA256_HEX_BYTES];
    for (size_t i = 0; i < N; i++) {
        hash_fields(pairs[i][0], pairs[i][1], hex[i]);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(hex[i], hex[j]);
    }
}

/* Stored fingerprints hold it: name and size after their lengths in 8 bytes, then the content. */
static void sha256_named_is_name_size_and_content(void **state)
{
    (void)state;
    char hex[SHA256_HEX_BYTES];
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_named(hash, "a.csv", "x,y", 3);
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_string_equal(hex, "59624a8dde9588bc5c4f695df2c78fb27dac2a7f8a492071bd8cdfdd53edf8e9");
}

static void sha256_file_hashes_content_and_places_errors(void **state)
{
    (void)state;
    char folder[256], path[300], hex[SHA256_HEX_BYTES];
    struct err err = {0};
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/million", folder);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    for (int i = 0; i < 1000000; i++) fputc('a', stream);
    fclose(stream);
    assert_true(sha256_file(path, hex, &err));
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_false(sha256_file(folder, hex, &err));
    assert_int_equal(err.code, ERR_IO);
    strcat(path, ".missing");
    assert_false(sha256_file(path, hex, &err));
    assert_string_equal(err.file, path);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_standard_digests),
        cmocka_unit_test(sha256_of_pieces_is_that_of_the_whole),
        cmocka_unit_test(sha256_fields_do_not_run_together),
        cmocka_unit_test(sha256_named_is_name_size_and_content),
        cmocka_unit_test(sha256_file_hashes_content_and_places_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
