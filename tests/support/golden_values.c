/* golden_values.c - see golden_values.h.
 *
 * The fixture is read anew by each test: it is small.
 */
#include "tests/support/golden_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void assert_near(double value, double expected, double tolerance)
{
    if (isnan(expected) && isnan(value)) return;
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
}

struct search {
    const char *statistic;
    golden_case_fn *check;
    size_t n_cases;
};

static bool check_line(void *context, const struct json *line, int i_line, struct err *err)
{
    (void)i_line;
    (void)err;
    struct search *search = context;
    if (strcmp(json_as_string(json_get(line, "statistic"), ""), search->statistic)) return true;
    search->check(line);
    search->n_cases++;
    return true;
}

void golden_each(const char *statistic, golden_case_fn *check)
{
    struct search search = {statistic, check, 0};
    struct err err = {0};
    if (!json_read_lines("tests/golden/statistics.jsonl", check_line, &search, &err))
        fail_msg("%s", err.message);
    if (!search.n_cases) fail_msg("no case of %s", statistic);
}

static const struct json *member(const struct json *one, const char *key)
{
    const struct json *value = json_get(one, key);
    if (!value) fail_msg("a case has no %s", key);
    return value;
}

double golden_number(const struct json *one, const char *key)
{
    return json_as_number(member(one, key), NAN);
}

uint64_t golden_count(const struct json *one, const char *key)
{
    return (uint64_t)json_as_integer(member(one, key), -1);
}

size_t golden_read(const struct json *array, double *values, size_t most)
{
    size_t n = json_length(array);
    if (n > most) fail_msg("%zu numbers, at most %zu", n, most);
    for (size_t i = 0; i < n; i++) values[i] = json_as_number(json_at(array, i), NAN);
    return n;
}

size_t golden_numbers(const struct json *one, const char *key, double *values, size_t most)
{
    return golden_read(member(one, key), values, most);
}
