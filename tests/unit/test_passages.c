/* test_passages.c - an index of passages: what a question finds in it, and what is no index.
 *
 * Which passage is the better one follows from BM25: rarer words and shorter texts count more.
 */
#include "results/passages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/sha256.h"
#include "results/store.h"
#include "results/store_internal.h"
#include "tests/support/test_folder.h"

static const char HASH[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

enum { LAST_LINE_BYTES = 82 }; /* "phibench sha-256 ", the hash, a line's end */

static const struct passage PASSAGES[] = {
    {.title = "Owls", .text = "Owls hunt at night. They eat mice."},
    {.title = "Herons", .text = "Herons fish in the marsh; herons eat frogs."},
    {.title = "", .text = "The marsh lies between the hills."},
    {.title = "Gr\xc3\xbcnwald", .text = "A small caf\xc3\xa9 stands there."},
    {.title = "", .text = "one same text"},
    {.title = "", .text = "one same text"},
};

static void make_index(const char *path)
{
    struct err err = {0};
    struct passages_writer *writer = passages_create(path, &err);
    if (!writer) fail_msg("%s", err.message);
    for (size_t i = 0; i < sizeof PASSAGES / sizeof PASSAGES[0]; i++)
        assert_true(passages_add(writer, &PASSAGES[i], &err));
    if (!passages_finish(writer, HASH, &err)) fail_msg("%s", err.message);
}

/* Titles or beginnings of what the question finds, "|" after each. */
static void assert_found(struct passages *passages, const char *question, size_t most,
                         const char *expected)
{
    struct err err = {0};
    struct arena *arena = arena_new(0, NULL);
    struct passage *found;
    struct buf titles = {0};
    size_t n;
    if (!passages_find(passages, question, most, arena, &found, &n, &err))
        fail_msg("%s: %s", question, err.message);
    for (size_t i = 0; i < n; i++)
        buf_printf(&titles, "%.10s|", *found[i].title ? found[i].title : found[i].text);
    if (strcmp(buf_string(&titles), expected))
        fail_msg("\"%s\" found %s, not %s", question, buf_string(&titles), expected);
    buf_free(&titles);
    arena_free(arena);
}

static void a_question_finds_what_shares_its_words(void **unused)
{
    (void)unused;
    make_index("deep/er/index.db");
    struct passages *passages = passages_open("deep/er/index.db", NULL);
    assert_non_null(passages);
    assert_string_equal(passages_hash(passages), HASH);
    assert_found(passages, "What do owls eat?", 3, "Owls|Herons|");
    assert_found(passages, "What do owls eat?", 1, "Owls|");
    assert_found(passages, "Which HERON is eating in a marsh?", 3, "Herons|The marsh |Owls|");
    assert_found(passages, "a cafe in Grunwald", 3, "Gr\xc3\xbcnwald|");
    assert_found(passages, "same", 3, "one same t|one same t|");
    assert_found(passages, "zebras", 3, "");
    passages_close(passages);
}

static void what_was_found_can_be_had_again(void **unused)
{
    (void)unused;
    make_index("again.db");
    struct err err = {0};
    struct passages *passages = passages_open("again.db", NULL);
    struct arena *arena = arena_new(0, NULL);
    struct passage *found, again;
    size_t n;
    assert_true(passages_find(passages, "owls and herons", 2, arena, &found, &n, NULL));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_true(passages_get(passages, found[i].id, arena, &again, NULL));
        assert_string_equal(again.text, found[i].text);
        assert_string_equal(again.title, found[i].title);
    }
    assert_false(passages_get(passages, 99, arena, &again, &err));
    assert_non_null(strstr(err.message, "no passage 99"));
    passages_close(passages);
    arena_free(arena);
}

/* What would be an operator or a quote in FTS5's language is a word, or nothing. */
static void any_text_is_a_question(void **unused)
{
    (void)unused;
    make_index("index.db");
    struct passages *passages = passages_open("index.db", NULL);
    assert_found(passages, "", 3, "");
    assert_found(passages, "?!", 3, "");
    assert_found(passages, "\xe2\x80\x94", 3, "");
    assert_found(passages, "owls NOT \"mice\" AND (title: NEAR(* ^ - +", 1, "Owls|");
    assert_found(passages, "\"owls", 1, "Owls|");
    assert_found(passages, "\xe2\x80\x9cOwls\xe2\x80\x9d", 1, "Owls|");
    assert_found(passages, "\xff\xfe owls", 1, "Owls|");
    assert_found(passages, "what is the", 1, "The marsh |"); /* no other words */
    struct buf longest = {0};
    for (int i = 0; i < 3000; i++) buf_printf(&longest, "w%d ", i);
    assert_found(passages, buf_string(&longest), 3, "");
    buf_free(&longest);
    passages_close(passages);
}

static void an_index_is_whole_or_not_there(void **unused)
{
    (void)unused;
    char **names;
    size_t n;
    assert_true(file_make_folders("half", NULL));
    struct passages_writer *writer = passages_create("half/index.db", NULL);
    assert_true(passages_add(writer, &PASSAGES[0], NULL));
    assert_false(file_exists("half/index.db"));
    passages_abandon(writer);
    assert_true(file_list("half", &names, &n, NULL));
    assert_int_equal(n, 0);
    file_free_names(names, n);
}

static void assert_refused(const char *path, enum err_code code, const char *message)
{
    struct err err = {0};
    assert_null(passages_open(path, &err));
    assert_int_equal(err.code, code);
    assert_string_equal(err.file, path);
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
}

static void a_damaged_or_cut_index_is_refused(void **unused)
{
    (void)unused;
    make_index("whole.db");
    size_t n_bytes;
    char *bytes = file_read("whole.db", SIZE_MAX, &n_bytes, NULL);
    assert_non_null(bytes);
    assert_true(n_bytes > 4096);
    const size_t flipped[] = {20, 4096, n_bytes / 2, n_bytes - 83, n_bytes - 82, n_bytes - 2};
    for (size_t i = 0; i < sizeof flipped / sizeof flipped[0]; i++) {
        bytes[flipped[i]] ^= 1;
        assert_true(file_write("bad.db", bytes, n_bytes, NULL));
        bytes[flipped[i]] ^= 1;
        assert_refused("bad.db", ERR_INPUT, "no index of passages");
    }
    const size_t cuts[] = {0, 1, 82, 4096, n_bytes / 2, n_bytes - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        assert_true(file_write("bad.db", bytes, cuts[i], NULL));
        assert_refused("bad.db", ERR_INPUT, "no index of passages");
    }
    assert_true(file_write("good.db", bytes, n_bytes, NULL));
    struct passages *passages = passages_open("good.db", NULL);
    assert_non_null(passages);
    passages_close(passages);
    assert_int_equal(mkfifo("pipe.db", 0600), 0);
    assert_refused("pipe.db", ERR_IO, "a regular file is expected");
    free(bytes);
}

/* An index of somebody else's, whose hash is right. */
static void write_foreign(const char *path, const char *change)
{
    struct err err = {0};
    char hash[SHA256_HEX_BYTES];
    size_t n_bytes;
    make_index("made.db");
    char *bytes = file_read("made.db", SIZE_MAX, &n_bytes, &err);
    assert_true(file_write(path, bytes, n_bytes - LAST_LINE_BYTES, &err));
    free(bytes);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, change, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(sha256_file(path, hash, &err));
    FILE *file = fopen(path, "ab");
    assert_true(file && fprintf(file, "phibench sha-256 %s\n", hash) == LAST_LINE_BYTES);
    assert_int_equal(fclose(file), 0);
}

static void views_of_others_are_not_opened(void **unused)
{
    (void)unused;
    write_foreign("same.db", "VACUUM");
    struct passages *passages = passages_open("same.db", NULL);
    assert_non_null(passages);
    passages_close(passages);
    write_foreign("endless.db",
                  "DROP TABLE about; CREATE VIEW about AS WITH RECURSIVE c(hash) AS (SELECT '' "
                  "UNION ALL SELECT hash FROM c) SELECT max(hash) AS hash, 1 AS n FROM c");
    assert_refused("endless.db", ERR_INPUT, "no index of passages");
}

static void what_is_no_index_is_refused(void **unused)
{
    (void)unused;
    assert_refused("nowhere.db", ERR_IO, "unable to open");
    static const char text[] = "just a text, long enough for a header of SQLite, it goes on and "
                               "on until a hundred bytes have passed by";
    assert_true(file_write("text.db", text, strlen(text), NULL));
    assert_refused("text.db", ERR_INPUT, "no index of passages");
    store_close(store_open("store.db", STORE_CREATE, NULL));
    assert_refused("store.db", ERR_INPUT, "no index of passages");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_finds_what_shares_its_words),
        cmocka_unit_test(what_was_found_can_be_had_again),
        cmocka_unit_test(any_text_is_a_question),
        cmocka_unit_test(an_index_is_whole_or_not_there),
        cmocka_unit_test(a_damaged_or_cut_index_is_refused),
        cmocka_unit_test(views_of_others_are_not_opened),
        cmocka_unit_test(what_is_no_index_is_refused),
    };
    return cmocka_run_group_tests(tests, test_enter_folder, test_leave_folder);
}
