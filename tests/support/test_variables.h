/* test_variables.h - variables of a chat template from JSON, and a template rendered with them.
 *
 * For tests and for comparing with Jinja2. What is made here is the caller's to free.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_TEST_VARIABLES_H
#define PHIBENCH_TESTS_SUPPORT_TEST_VARIABLES_H

#include "base/json.h"
#include "engine/jinja/jinja.h"

/* The members of an object (NULL: none) as variables; NULL if there is no memory for them. Freed
 * with jinja_variables_free. */
struct jinja_variables *test_variables_new(const struct json *object);

/* Compiles and renders with the variables and a time that is always the same, the one that
 * tools/golden/make_jinja_cases.py uses; false with *err, whose place is in "template". */
bool test_variables_render(const char *text, size_t n_bytes, const struct json *object,
                           struct buf *out, struct err *err);

#endif
