/* test_data.h - where tests find real inputs that are not part of the repository.
 *
 * A test that needs one and gets NULL calls skip(): it never passes without having looked. The line
 * that is printed then is what tests/run looks for where the data are promised.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_TEST_DATA_H
#define PHIBENCH_TESTS_SUPPORT_TEST_DATA_H

#include <stdbool.h>
#include <stddef.h>

/* The path of `relative` in $PHIBENCH_DATA, or else in ../shared/data, written to out [n] and
 * returned; NULL, with "SKIP: no shared data RELATIVE" printed, if there is no such file or
 * folder. */
const char *test_data_path(char *out, size_t n, const char *relative);

/* From here on the data are found from any folder: for a program that is about to leave the one in
 * which it began. False where the path cannot be kept. */
bool test_data_stays(void);

/* A folder of its own for the calling test, made under $TMPDIR or /tmp, written to out [n]; NULL on
 * failure. test_remove_folder removes it with what is in it. */
const char *test_make_folder(char *out, size_t n);
void test_remove_folder(const char *folder);

#endif
