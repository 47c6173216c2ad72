/* test_text_table.c - a table on a terminal: columns as wide as what stands in them, and long
 * headings in several lines.
 *
 * The other forms are tested with the reports that they are part of.
 */
#include "reports/text_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void long_headings_take_the_lines_that_their_cells_leave_room_for(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct arena *arena = arena_new(0, &err);
    struct table *table = table_new(arena, "model|>decode, tokens/s|>95% interval|>in", &err);
    char *text = NULL;
    size_t n_bytes;
    FILE *out = open_memstream(&text, &n_bytes);
    assert_non_null(table);
    assert_non_null(out);
    table_column(table, true, "mt_bench, judged by a rule");
    table_row(table);
    table_cell(table, "mini");
    table_cell(table, "12");
    table_cell(table, "1 to 2");
    table_cell(table, "3");
    table_cell(table, "3.13 (2.70)");
    table_print(table, out);
    fclose(out);
    assert_string_equal(text, "                                     mt_bench,\n"
                              "        decode,                    judged by a\n"
                              "model  tokens/s  95% interval  in         rule\n"
                              "mini         12        1 to 2   3  3.13 (2.70)\n");
    free(text);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_headings_take_the_lines_that_their_cells_leave_room_for),
    };
    return cmocka_run_group_tests_name("text_table", tests, NULL, NULL);
}
