/* model_cache.h - quantized files that configurations ask for: made once, kept in a folder.
 *
 * A file is named after its source, its type and the hash of both, so that it is never the wrong
 * one, and appears whole under that name. Whoever makes one holds a lock that dies with the
 * process; others who want it wait. Anything in the folder may be deleted at any time between runs.
 */
#ifndef PHIBENCH_HARNESS_RUN_MODEL_CACHE_H
#define PHIBENCH_HARNESS_RUN_MODEL_CACHE_H

#include "harness/run/plan.h"
#include "harness/run/progress.h"

/* The path of the file that a planned model with `is_made` is run from, which is made now if it is
 * not there. folder: where files are kept, made if it is missing; NULL is
 * ERR_CONFIG. n_threads 0: the default. free() it. */
char *model_cache_get(const struct console *console, const char *folder,
                      const struct plan_model *model, int n_threads, struct err *err)
    __attribute__((warn_unused_result));

#endif
