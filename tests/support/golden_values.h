/* golden_values.h - tests of numbers against those that another program has computed.
 *
 * A fixture is a file of JSON lines, each one case: which statistic, what it is handed and what it
 * should say. Its first line says what made it. A number that is null stands for NaN.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_GOLDEN_VALUES_H
#define PHIBENCH_TESTS_SUPPORT_GOLDEN_VALUES_H

#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

/* Fails the test unless value lies within tolerance of expected, or both are NaN. */
void assert_near(double value, double expected, double tolerance);

/* Calls check for each case of this statistic in tests/golden/statistics.jsonl; fails without one.
 */
typedef void golden_case_fn(const struct json *one);
void golden_each(const char *statistic, golden_case_fn *check);

/* The members of a case; one that is absent fails the test. */
double golden_number(const struct json *one, const char *key);
uint64_t golden_count(const struct json *one, const char *key);

/* Reads the array into values, which holds `most` numbers at most; how many it has. */
size_t golden_numbers(const struct json *one, const char *key, double *values, size_t most);

/* The same of the member itself, for arrays in arrays. */
size_t golden_read(const struct json *array, double *values, size_t most);

#endif
