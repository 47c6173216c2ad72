/* clock.h - time: for measuring (monotonic) and for dating (wall clock), and durations as text.
 *
 * Thread-safe. Kernels and suites never look at a clock: what they compute depends on their input.
 */
#ifndef PHIBENCH_BASE_CLOCK_H
#define PHIBENCH_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_ns(void);      /* monotonic */
int64_t clock_unix_ms(void); /* wall clock since 1970 */

/* Writes a duration for people, for example "42 s", "3 min 10 s" or "2 h 05 min". */
void clock_format_duration(int64_t ns, char *out, size_t n_bytes);

#endif
