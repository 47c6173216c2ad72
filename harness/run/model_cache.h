/* model_cache.h - quantized files that configurations ask for: made once, kept in a folder.
 *
 * A file is named after its source, its type and the hash of both, and appears whole under that
 * name. It ends with a seal (engine/tools.h) of that hash and of its content: one that is of
 * something else, cut or damaged is made again. Whoever makes one holds a lock that dies with the
 * process; others who want it wait. Anything in the folder may be deleted at any time between runs.
 */
#ifndef PHIBENCH_HARNESS_RUN_MODEL_CACHE_H
#define PHIBENCH_HARNESS_RUN_MODEL_CACHE_H

#include "harness/run/plan.h"
#include "harness/run/progress.h"

struct cached_model {
    char *path;
    struct model_seal *seal; /* what must be loaded from it */
};

/* The file that a planned model with `is_made` is run from, which is made now if it is not there,
 * or has no seal of this model. What stands between the header and the seal is not read here:
 * loading finds what is wrong with it. why_again, unless it is NULL, is such a fault: it is told,
 * and the file made again. folder: where files are kept, made if it is missing; NULL is ERR_CONFIG.
 * n_threads 0: the default. End with cached_model_done, also after a failure. */
bool model_cache_get(const struct console *console, const char *folder,
                     const struct plan_model *model, const char *why_again, int n_threads,
                     struct cached_model *cached, struct err *err)
    __attribute__((warn_unused_result));
void cached_model_done(struct cached_model *cached);

#endif
