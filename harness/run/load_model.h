/* load_model.h - how the whole program loads a model: with progress on a terminal, and an end of
 * it at Ctrl-C.
 *
 * Used by single commands, the runner and bench alike. Knows nothing of what the model is for.
 */
#ifndef PHIBENCH_HARNESS_RUN_LOAD_MODEL_H
#define PHIBENCH_HARNESS_RUN_LOAD_MODEL_H

#include "engine/engine.h"
#include "harness/run/progress.h"

/* seal: what must be loaded (engine/engine.h), NULL: whatever is there; isa: an available one;
 * session: what will be opened, whose threads load and whose context, if one is asked for, must fit
 * into memory, too. Close with model_close. */
struct model *load_model(const struct console *console, const char *path,
                         const struct model_seal *seal, enum isa isa,
                         const struct session_options *session, struct err *err)
    __attribute__((warn_unused_result));

#endif
