/* open_source.h - opens what a text names: a GGUF file, "synth:SHAPE:TYPE..." (synth.h), or one of
 * both in another type, "quantize:TYPE:MODEL" with TYPE a name of mixture.h.
 *
 * The only place that knows all kinds of source.
 */
#ifndef PHIBENCH_ENGINE_OPEN_SOURCE_H
#define PHIBENCH_ENGINE_OPEN_SOURCE_H

#include "engine/importance.h"
#include "engine/source.h"

/* Close with source_close. */
struct source *source_open(const char *text, struct err *err) __attribute__((warn_unused_result));

/* Weighs the errors of a "quantize:" by importance, which must outlive the source, unless NULL. */
struct source *source_open_weighted(const char *text, const struct importance *importance,
                                    struct err *err) __attribute__((warn_unused_result));

/* What the weights are read from: MODEL of "quantize:TYPE:MODEL", otherwise the text itself. */
const char *source_origin(const char *text);

#endif
