/* open_model.h - how every command opens a model: ISA from --isa, PHIBENCH_ISA or the CPU; progress
 * on a terminal.
 *
 * Used by single commands, the runner and bench alike.
 * Knows nothing of what the model is for.
 */
#ifndef PHIBENCH_HARNESS_OPEN_MODEL_H
#define PHIBENCH_HARNESS_OPEN_MODEL_H

#include "engine/engine.h"
#include "harness/command.h"

/* isa and n_threads as the options gave them: NULL and 0 for the default. Close with model_close.
 */
struct model *open_model(const struct invocation *invocation, const char *path, const char *isa,
                         int64_t n_threads, struct err *err) __attribute__((warn_unused_result));

/* The level that isa (may be NULL) and the invocation ask for; ERR_USAGE if it is unknown or not
 * available here. */
bool choose_isa(const struct invocation *invocation, const char *isa, enum isa *level,
                struct err *err);

#endif
