/* perplexity.c - see perplexity.h. A chunk's verdict is its mean loss; the perplexity of a text,
 * with its error, is made of the tokens themselves when all are there (harness/run/job_scores.c).
 *
 * Knows neither tokens nor texts.
 */
#include "suites/perplexity.h"

#include <math.h>

static const char *const PROTOCOL_NAMES[] = {"chunks", NULL};

static bool grade(const struct suite *suite, const char *protocol, const struct item *item,
                  const struct response *response, struct verdict *verdict, struct err *err)
{
    double loss = 0;
    (void)suite, (void)protocol, (void)item, (void)err;
    for (size_t i = 0; i < response->n_tokens; i++) loss -= response->tokens[i].logprob;
    *verdict =
        (struct verdict){.answered = response->answered && response->n_tokens && isfinite(loss)};
    if (verdict->answered) verdict->score = loss / (double)response->n_tokens;
    return true;
}

const struct suite SUITE_PERPLEXITY = {
    .name = "perplexity",
    .version = 1,
    .metric = "ppl",
    .decoding = "loglikelihood",
    .protocols = PROTOCOL_NAMES,
    .grade = grade,
};
