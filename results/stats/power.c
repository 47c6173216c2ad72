/* power.c - see power.h.
 *
 * All follows from one number: how many standard errors a difference must have.
 */
#include "results/stats/power.h"

#include <math.h>

/* The 80% quantile of the standard normal distribution. */
static const double Z_POWER = 0.8416212335729143;

double stats_detectable(double error)
{
    return (STATS_Z + Z_POWER) * error;
}

double stats_power(double difference, double error)
{
    if (error == 0) return difference != 0;
    return stats_normal_below(fabs(difference) / error - STATS_Z);
}

uint64_t stats_items_needed(double error, uint64_t n, double margin)
{
    double ratio = stats_detectable(error) / margin;
    double items = ceil((double)n * ratio * ratio);
    return items < 0x1p63 ? (uint64_t)items : isnan(items) ? 0 : UINT64_MAX;
}
