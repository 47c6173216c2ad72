/* several.h - several tests at once.
 *
 * Thread-safe.
 */
#ifndef PHIBENCH_RESULTS_STATS_SEVERAL_H
#define PHIBENCH_RESULTS_STATS_SEVERAL_H

#include <stddef.h>

/* Holm's step-down adjustment of p-values [n] in place (Holm 1979). */
void stats_holm(double *p_values, size_t n);

#endif
