/* test_schema.c - results/schema/current.sql, which people read, says what the steps beside it make
 * of an empty file, which is what the program does.
 */
#include "results/store_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

static const char CURRENT[] = "results/schema/current.sql";

static sqlite3 *open_empty(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static sqlite3 *open_migrated(void)
{
    sqlite3 *db = open_empty();
    const struct schema schema = schema_current();
    struct err err = {0};
    if (!schema_migrate(db, ":memory:", &schema, true, &err)) fail_msg("%s", err.message);
    return db;
}

static sqlite3 *open_current(const char *sql)
{
    sqlite3 *db = open_empty();
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", CURRENT, message);
    return db;
}

/* Appends SQL without what stands for nothing: comments, and white space outside of quotes. */
static void put_bare(struct buf *out, const char *sql)
{
    char quote = 0;
    for (const char *c = sql; *c; c++) {
        if (!quote && c[0] == '-' && c[1] == '-') c += strcspn(c, "\n");
        if (!*c) break;
        if (quote) quote = *c == quote ? 0 : quote;
        else if (*c == '\'' || *c == '"') quote = *c;
        if (quote || !strchr(" \t\r\n", *c)) buf_char(out, *c);
    }
}

/* A line for each table, index and view, in the order of their names. */
static char *describe(sqlite3 *db)
{
    static const char OBJECTS[] =
        "SELECT type || ' ' || name || ' of ' || tbl_name || ': ', coalesce(sql, 'made by itself') "
        "FROM sqlite_schema ORDER BY type, name";
    struct buf out = {0};
    sqlite3_stmt *select = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, OBJECTS, -1, &select, NULL), SQLITE_OK);
    while (sqlite3_step(select) == SQLITE_ROW) {
        buf_text(&out, (const char *)sqlite3_column_text(select, 0));
        put_bare(&out, (const char *)sqlite3_column_text(select, 1));
        buf_char(&out, '\n');
    }
    sqlite3_finalize(select);
    sqlite3_close(db);
    char *text = buf_take(&out, NULL);
    assert_non_null(text);
    return text;
}

/* Fails with the first line in which the texts differ. */
static void assert_same_lines(const char *expected, const char *found)
{
    for (;;) {
        size_t n_expected = strcspn(expected, "\n"), n_found = strcspn(found, "\n");
        if (n_expected != n_found || memcmp(expected, found, n_found) != 0)
            fail_msg("the steps make\n%.*s\nand %s says\n%.*s", (int)n_expected, expected, CURRENT,
                     (int)n_found, found);
        if (!expected[n_expected] || !found[n_found]) break;
        expected += n_expected + 1;
        found += n_found + 1;
    }
    assert_string_equal(expected, found);
}

static void the_current_schema_is_what_the_steps_make(void **unused)
{
    (void)unused;
    size_t n_bytes;
    char *sql = file_read(CURRENT, 1 << 20, &n_bytes, NULL);
    assert_non_null(sql);
    char *expected = describe(open_migrated()), *found = describe(open_current(sql));
    assert_non_null(strstr(expected, "view v_scores of v_scores: CREATEVIEWv_scoresAS"));
    assert_same_lines(expected, found);
    free(expected);
    free(found);
    free(sql);
}

static void comments_and_space_do_not_count_and_all_else_does(void **unused)
{
    (void)unused;
    struct buf out = {0};
    put_bare(&out,
             "CREATE TABLE a ( -- what \"it\" is\n  x TEXT DEFAULT ' - -- ',\n\ty INT) -- end");
    assert_string_equal(buf_string(&out), "CREATETABLEa(xTEXTDEFAULT' - -- ',yINT)");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_current_schema_is_what_the_steps_make),
        cmocka_unit_test(comments_and_space_do_not_count_and_all_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
