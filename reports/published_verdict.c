/* published_verdict.c - see published_verdict.h. A rate's protocol says what it measures, as in
 * "decode 256 after 16, 4 together on MACHINE".
 */
#include "reports/published_verdict.h"

#include "results/metric.h"

#include <stdio.h>
#include <string.h>

bool published_is_about(const struct published *published, const struct published_measure *measure)
{
    return !strcmp(published->suite, measure->suite) && !strcmp(published->metric, measure->metric);
}

/* Writes why the two are different measurements; "" if they are the same. */
static void find_obstacle(const struct published *published,
                          const struct published_measure *measure, char *why, size_t n_bytes)
{
    *why = 0;
    if (measure->is_synthetic) snprintf(why, n_bytes, "random weights");
    else if (!*published->protocol)
        snprintf(why, n_bytes, "the protocol of the source is not known");
    else if (strcmp(published->protocol, measure->protocol) != 0)
        snprintf(why, n_bytes, "protocol %s, here %s", published->protocol, measure->protocol);
    else if (published->shots < 0) snprintf(why, n_bytes, "the shots of the source are not known");
    else if (published->shots != measure->shots)
        snprintf(why, n_bytes, "%d shots, here %d", published->shots, measure->shots);
    else if (measure->n < measure->n_whole)
        snprintf(why, n_bytes, "%lld of its %lld questions here", (long long)measure->n,
                 (long long)measure->n_whole);
}

void published_judge(const struct published *published, const struct published_measure *measure,
                     char *verdict, size_t n_bytes)
{
    char why[256];
    double score = published->score, rounding = published->rounding;
    find_obstacle(published, measure, why, sizeof why);
    if (*why) snprintf(verdict, n_bytes, "not comparable: %s", why);
    else if (score + rounding >= measure->low && score - rounding <= measure->high)
        snprintf(verdict, n_bytes, "consistent");
    else
        snprintf(verdict, n_bytes, "different by %+.2f ± %.2f", measure->score - score,
                 (measure->high - measure->low) / 2);
}

/* ---- Throughput ---- */

bool published_read_speed(const struct published *published, struct published_speed *speed)
{
    const char *on = strstr(published->protocol, " on ");
    char text[64];
    if (metric_find(published->metric)->kind != METRIC_OF_SPEED || !on) return false;
    *speed = (struct published_speed){.batch = 1, .machine = on + strlen(" on ")};
    snprintf(text, sizeof text, "%.*s", (int)(on - published->protocol), published->protocol);
    return sscanf(text, "%15s %d after %d, %d together", speed->test, &speed->n_tokens,
                  &speed->after, &speed->batch) > 0;
}

bool published_is_of_model(const struct published *published, const char *name)
{
    const char *revision = strstr(name, " (");
    size_t n = revision ? (size_t)(revision - name) : strlen(name);
    return n && !strncmp(published->model, name, n) &&
           (published->model[n] == ' ' || !published->model[n]);
}

void published_judge_rate(const struct published *published, const struct published_rate *measure,
                          char *verdict, size_t n_bytes)
{
    struct published_speed of;
    const struct published_speed *here = &measure->speed;
    double score = published->score, rounding = published->rounding;
    if (!published_read_speed(published, &of))
        snprintf(verdict, n_bytes, "not comparable: it is not known of what");
    else if (strncmp(here->machine, of.machine, strlen(of.machine)) != 0)
        snprintf(verdict, n_bytes, "not comparable: on %s, here %s", of.machine,
                 *here->machine ? here->machine : "another machine");
    else if (of.n_tokens != here->n_tokens || of.after != here->after)
        snprintf(verdict, n_bytes, "not comparable: %d tokens after %d, here %d after %d",
                 of.n_tokens, of.after, here->n_tokens, here->after);
    else if (score + rounding >= measure->low && score - rounding <= measure->high)
        snprintf(verdict, n_bytes, "consistent");
    else
        snprintf(verdict, n_bytes, "different by %+.2f, %.3g times as fast",
                 measure->median - score, measure->median / score);
}
