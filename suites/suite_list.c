/* suite_list.c - the suites that are written in C; those of files are tasks (suites/tasks).
 *
 * A new suite is a new file and a line in SUITES.
 */
#include "base/mem.h"
#include "suites/mmlu.h"
#include "suites/mt_bench.h"
#include "suites/perplexity.h"
#include "suites/triviaqa.h"
#include "suites/vision_suites.h"

#include <string.h>

static const struct suite *const SUITES[] = {&SUITE_MMLU,    &SUITE_MT_BENCH,  &SUITE_PERPLEXITY,
                                             &SUITE_POPE,    &SUITE_SCIENCEQA, &SUITE_TEXTVQA,
                                             &SUITE_TRIVIAQA};

const struct suite *suite_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(SUITES); i++)
        if (!strcmp(SUITES[i]->name, name)) return SUITES[i];
    return NULL;
}
