/* clock.c - monotonic and wall time, and durations as text.
 *
 * Text is written without any locale. Dates stay numbers here: the store's queries write them.
 */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const int64_t NS_PER_S = 1000000000;

int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_format_duration(int64_t ns, char *out, size_t n_bytes)
{
    int64_t seconds = ns <= 0 ? 0 : ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2);
    int64_t minutes = seconds / 60, hours = minutes / 60;
    if (hours) snprintf(out, n_bytes, "%" PRId64 " h %02" PRId64 " min", hours, minutes % 60);
    else if (minutes)
        snprintf(out, n_bytes, "%" PRId64 " min %02" PRId64 " s", minutes, seconds % 60);
    else snprintf(out, n_bytes, "%" PRId64 " s", seconds);
}
