/* test_chart_lines.c - what a chart of lines says: labels of steps, marks, and its key.
 *
 * Nothing is drawn here: tests/cli/history.sh draws.
 */
#include "reports/chart_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_STEPS = 60 };

/* Two series over many steps, of which the second lacks the first step and changes at its end. */
static struct chart drawn(size_t n_steps, bool is_marked)
{
    const char *steps[N_STEPS];
    static const char *const SERIES[] = {"decode", "prefill"};
    const struct line_point points[] = {
        {0, 0, 1, false}, {0, n_steps - 1, 2, false}, {1, n_steps - 1, 3, is_marked}};
    for (size_t i = 0; i < n_steps; i++) steps[i] = i % 2 ? "b'b2c3d" : "a1b2c3d+";
    struct chart chart = {.name = "speed", .title = "Speed"};
    chart_lines(&chart, &(struct lines_chart){.steps = steps,
                                              .n_steps = n_steps,
                                              .series = SERIES,
                                              .n_series = 2,
                                              .points = points,
                                              .n_points = 3,
                                              .x_label = "revision",
                                              .y_label = "tokens/s",
                                              .mark_label = "change"});
    assert_false(chart.script.failed || chart.data.failed);
    return chart;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

static void data_have_a_block_for_each_series(void **state)
{
    (void)state;
    struct chart chart = drawn(4, true);
    const char *data = buf_string(&chart.data);
    assert_non_null(strstr(data, "# decode\n1 1 0\n4 2 0\n\n\n# prefill\n4 3 1\n"));
    chart_free(&chart);
}

static void labels_are_fewer_where_steps_are_many(void **state)
{
    (void)state;
    struct chart few = drawn(4, false), many = drawn(N_STEPS, false);
    assert_int_equal(count(buf_string(&few.script), "a1b2c3d+"), 2);
    assert_int_equal(count(buf_string(&few.script), "b\\047b2c3d"), 2);
    assert_int_equal(count(buf_string(&many.script), "a1b2c3d+") +
                         count(buf_string(&many.script), "b\\047b2c3d"),
                     20);
    chart_free(&few);
    chart_free(&many);
}

static void the_key_tells_of_marks_where_there_are_some(void **state)
{
    (void)state;
    struct chart with = drawn(4, true), without = drawn(4, false);
    assert_int_equal(count(buf_string(&with.script), "title 'change'"), 1);
    assert_int_equal(count(buf_string(&without.script), "title 'change'"), 0);
    chart_free(&with);
    chart_free(&without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_have_a_block_for_each_series),
        cmocka_unit_test(labels_are_fewer_where_steps_are_many),
        cmocka_unit_test(the_key_tells_of_marks_where_there_are_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
