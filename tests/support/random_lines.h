/* random_lines.h - 10,000 random lines, and what another implementation makes of them.
 *
 * tests/golden/pre_types.json has the numbers of the first lines and hashes of those of all, a line
 * of text each; tools/golden/pre_types.py made it.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_RANDOM_LINES_H
#define PHIBENCH_TESTS_SUPPORT_RANDOM_LINES_H

#include "base/buf.h"
#include "base/json.h"

/* Appends the numbers of one line, with a space between them. */
typedef void random_line_numbers_fn(void *context, const char *line, size_t n_bytes,
                                    struct buf *numbers);

/* Fails the calling test, with `name`, where the numbers of a line are not those of `golden`, an
 * element of "words" or "ids" in the file. */
void random_lines_check(const char *name, const struct json *golden,
                        random_line_numbers_fn *numbers_of, void *context);

/* The same of the first n_lines alone, which are whole thousands. */
void random_lines_check_some(const char *name, const struct json *golden, size_t n_lines,
                             random_line_numbers_fn *numbers_of, void *context);

/* The whole file. Free with json_free. */
struct json *random_lines_golden(void);

#endif
