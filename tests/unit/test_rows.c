/* test_rows.c - rows of a query as a table, CSV and JSON lines: any number of columns.
 *
 * Output goes to a file in place of stdout while it is printed.
 */
#include "harness/cli/rows.h"

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
#include "tests/support/store_fixture.h"

/* What rows_print writes for the query; free it. */
static char *print(const char *sql, enum rows_format format)
{
    struct err err = {0};
    struct query *query = query_open(test_store, sql, &err);
    char name[] = "/tmp/phibench-rows-XXXXXX";
    int file = mkstemp(name), kept = dup(STDOUT_FILENO);
    size_t n_bytes;
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    bool printed = rows_print(query, format, "row", &err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(file);
    query_close(query);
    if (!printed) fail_msg("%s", err.message);
    char *text = file_read(name, 1 << 20, &n_bytes, NULL);
    unlink(name);
    assert_non_null(text);
    return text;
}

static void assert_prints(const char *sql, enum rows_format format, const char *expected)
{
    char *text = print(sql, format);
    assert_string_equal(text, expected);
    free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **unused)
{
    (void)unused;
    static const char SQL[] = "SELECT key AS k, value AS name, length(value) / 3.0 AS third_json "
                              "FROM json_each('{\"a\":\"long text\",\"bcd\":\"b\"}')";
    assert_prints(SQL, ROWS_TABLE,
                  "k    name       third_json\n"
                  "a    long text           3\n"
                  "bcd  b            0.333333\n");
    assert_prints(SQL, ROWS_CSV, "k,name,third_json\na,long text,3.0\nbcd,b,0.333333333333333\n");
    assert_prints("SELECT 1 AS a, NULL AS b, 'x' AS c, '[1]' AS d_json", ROWS_JSONL,
                  "{\"type\":\"row\",\"a\":1,\"b\":null,\"c\":\"x\",\"d\":[1]}\n");
    assert_prints("SELECT 1 AS a WHERE 0", ROWS_TABLE, "");
}

static void hostile_text_is_shown_in_tables_and_is_no_formula_in_csv(void **unused)
{
    (void)unused;
    static const char SQL[] = "SELECT 'a' || char(27) || '[2J' || char(0x202e) AS t, '=1+1' AS f, "
                              "-1 AS n, '-x' AS m, -0.5 AS r";
    assert_prints(SQL, ROWS_TABLE,
                  "t               f      n  m      r\n"
                  "a\\x1b[2J\\u202e  =1+1  -1  -x  -0.5\n");
    assert_prints(SQL, ROWS_CSV, "t,f,n,m,r\na\x1b[2J\u202e,'=1+1,-1,'-x,-0.5\n");
    assert_prints("SELECT '=1' AS f", ROWS_JSONL, "{\"type\":\"row\",\"f\":\"=1\"}\n");
}

static void a_query_may_have_any_number_of_columns(void **unused)
{
    (void)unused;
    enum { N = 100 };
    struct buf sql = {0}, table = {0}, lines = {0};
    for (int i = 0; i < N; i++)
        buf_printf(&sql, "%s%d AS c%d", i ? ", " : "SELECT ", 100 + i, 10 + i);
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < N; i++) {
            char cell[16];
            snprintf(cell, sizeof cell, row ? "%d" : "c%d", row ? 100 + i : 10 + i);
            buf_printf(&table, "%*s%s", i < 90 ? 3 : 4, cell, i + 1 < N ? "  " : "\n");
            buf_printf(&lines, "%s%s", cell, i + 1 < N ? "," : "\n");
        }
    assert_prints(buf_string(&sql), ROWS_TABLE, buf_string(&table));
    assert_prints(buf_string(&sql), ROWS_CSV, buf_string(&lines));
    buf_free(&sql);
    buf_free(&table);
    buf_free(&lines);
}

static void a_query_that_failed_prints_nothing(void **unused)
{
    (void)unused;
    for (int format = ROWS_TABLE; format <= ROWS_JSONL; format++) {
        struct err err = {0};
        struct query *query = query_open(test_store, "SELECT one FROM nowhere", &err);
        assert_false(rows_print(query, (enum rows_format)format, NULL, &err));
        assert_non_null(strstr(err.message, "no such table: nowhere"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TEST_STORE(columns_are_as_wide_as_their_widest_cell),
        IN_TEST_STORE(hostile_text_is_shown_in_tables_and_is_no_formula_in_csv),
        IN_TEST_STORE(a_query_may_have_any_number_of_columns),
        IN_TEST_STORE(a_query_that_failed_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
