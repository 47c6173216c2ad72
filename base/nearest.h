/* nearest.h - "did you mean": the known name that is nearest to a misspelt one.
 *
 * For commands, options and configuration keys.
 * Pure and thread-safe.
 */
#ifndef PHIBENCH_BASE_NEAREST_H
#define PHIBENCH_BASE_NEAREST_H

#include <stddef.h>

/* The name with the smallest edit distance (insert, delete, replace, swap neighbours), if that is
 * at most a third of the length of the longer one, rounded up; NULL otherwise. The first among
 * equals. */
const char *nearest_name(const char *given, const char *const *names, size_t n_names);

#endif
