/* test_evidence.c - texts as passages: folders of pages, JSON lines, paragraphs.
 *
 * What a sink is given stands in lines, "[title] text".
 */
#include "harness/run/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/support/test_folder.h"

static void write_text(const char *path, const char *text)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%.*s", (int)(file_name(path) - path), path);
    if (*folder) assert_true(file_make_folders(folder, NULL));
    assert_true(file_write(path, text, strlen(text), NULL));
}

static bool add_line(void *context, const struct passage *passage, uint64_t n_bytes,
                     struct err *err)
{
    (void)n_bytes, (void)err;
    return buf_printf(context, "[%s] %s\n", passage->title, passage->text);
}

static void assert_passages(const char *path, const char *expected)
{
    struct err err = {0};
    struct buf lines = {0};
    char hash[PASSAGES_HASH_BYTES], read[PASSAGES_HASH_BYTES];
    struct evidence *evidence = evidence_open(path, &err);
    if (!evidence) fail_msg("%s", err.message);
    const struct evidence_sink sink = {add_line, &lines};
    if (!evidence_read(evidence, &sink, read, &err)) fail_msg("%s", err.message);
    assert_true(evidence_hash(evidence, hash, NULL));
    assert_string_equal(read, hash);
    assert_string_equal(buf_string(&lines), expected);
    buf_free(&lines);
    evidence_close(evidence);
}

static void files_of_a_folder_are_pages_with_titles(void **unused)
{
    (void)unused;
    write_text("pages/wikipedia/Andrew_Lloyd_Webber.txt", "He wrote\n   musicals.\r\nMany.\n");
    write_text("pages/web/35/35_995.txt", "No title here.\n\nNot even now.");
    write_text("pages/b.txt", "Heading\n\nText of it.\n");
    write_text("pages/c.txt", "One line.\nAnother.\n\nThird");
    write_text("pages/empty.txt", " \n");
    write_text("pages/notes.md", "not a page");
    write_text("pages/bad.txt", "A\xff.");
    assert_passages("pages", "[Heading] Text of it.\n"
                             "[bad] A\xef\xbf\xbd.\n"
                             "[c] One line. Another. Third\n"
                             "[] No title here. Not even now.\n"
                             "[Andrew Lloyd Webber] He wrote musicals. Many.\n");
}

static void lines_of_json_are_documents(void **unused)
{
    (void)unused;
    write_text("lines.jsonl", "{\"title\": \"T\", \"text\": \"a  b\\nc\"}\n\n"
                              "{\"id\": 3, \"contents\": \"d\"}\n");
    assert_passages("lines.jsonl", "[T] a b c\n[] d\n");
}

static void paragraphs_of_a_text_are_documents(void **unused)
{
    (void)unused;
    write_text("text.txt", "One\ntwo.\n \t\r\nThree.\n\n\n\nFour");
    assert_passages("text.txt", "[] One two.\n[] Three.\n[] Four\n");
}

/* The words 1 to n, and the passages that they should make: [first, last] of each. */
static void assert_pieces(int n, int n_pieces, const int pieces[][2])
{
    struct buf text = {0}, expected = {0};
    for (int i = 1; i <= n; i++) buf_printf(&text, "%d\n", i);
    write_text("long.txt", buf_string(&text));
    for (int p = 0; p < n_pieces; p++) {
        buf_text(&expected, "[]");
        for (int i = pieces[p][0]; i <= pieces[p][1]; i++) buf_printf(&expected, " %d", i);
        buf_char(&expected, '\n');
    }
    assert_passages("long.txt", buf_string(&expected));
    buf_free(&text);
    buf_free(&expected);
}

static void long_documents_are_cut_at_a_hundred_words(void **unused)
{
    (void)unused;
    assert_pieces(149, 1, (const int[][2]){{1, 149}});
    assert_pieces(150, 2, (const int[][2]){{1, 100}, {101, 150}});
    assert_pieces(249, 2, (const int[][2]){{1, 100}, {101, 249}});
    assert_pieces(300, 3, (const int[][2]){{1, 100}, {101, 200}, {201, 300}});
}

static void hash_of(const char *path, char hex[PASSAGES_HASH_BYTES])
{
    struct evidence *evidence = evidence_open(path, NULL);
    assert_true(evidence_hash(evidence, hex, NULL));
    evidence_close(evidence);
}

static void the_hash_is_of_names_and_contents_not_of_the_place(void **unused)
{
    (void)unused;
    char first[PASSAGES_HASH_BYTES], second[PASSAGES_HASH_BYTES];
    write_text("here/a.txt", "text");
    write_text("there/a.txt", "text");
    hash_of("here", first);
    hash_of("there", second);
    assert_string_equal(first, second);
    write_text("there/a.txt", "texts");
    hash_of("there", second);
    assert_string_not_equal(first, second);
    unlink("there/a.txt");
    write_text("there/b.txt", "text");
    hash_of("there", second);
    assert_string_not_equal(first, second);
}

static void faults_have_their_place(void **unused)
{
    (void)unused;
    struct err err = {0};
    char hash[PASSAGES_HASH_BYTES];
    assert_true(file_make_folders("nothing", NULL));
    assert_null(evidence_open("nothing", &err));
    assert_non_null(strstr(err.message, "no file *.txt"));
    write_text("bad.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n");
    struct buf lines = {0};
    const struct evidence_sink sink = {add_line, &lines};
    struct evidence *evidence = evidence_open("bad.jsonl", &err);
    assert_false(evidence_read(evidence, &sink, hash, &err));
    assert_int_equal(err.line, 2);
    assert_non_null(strstr(err.message, "no \"text\""));
    evidence_close(evidence);
    buf_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_a_folder_are_pages_with_titles),
        cmocka_unit_test(lines_of_json_are_documents),
        cmocka_unit_test(paragraphs_of_a_text_are_documents),
        cmocka_unit_test(long_documents_are_cut_at_a_hundred_words),
        cmocka_unit_test(the_hash_is_of_names_and_contents_not_of_the_place),
        cmocka_unit_test(faults_have_their_place),
    };
    return cmocka_run_group_tests(tests, test_enter_folder, test_leave_folder);
}
