/* open_source.h - opens what a text names: a GGUF file, a Hugging Face folder (hf/hf_source.h),
 * "synth:SHAPE:TYPE..." (synth.h), or one of these in another type, "quantize:TYPE:MODEL" with TYPE
 * a name of mixture.h.
 *
 * The only place that knows all kinds of source.
 */
#ifndef PHIBENCH_ENGINE_OPEN_SOURCE_H
#define PHIBENCH_ENGINE_OPEN_SOURCE_H

#include "engine/importance.h"
#include "engine/source.h"

/* Close with source_close. */
struct source *source_open(const char *text, struct err *err) __attribute__((warn_unused_result));

/* What else decides what a source gives; both outlive it. */
struct source_options {
    const struct importance *importance; /* weighs the errors of a "quantize:"; NULL: none */
    const struct model_seal *seal;       /* of the text's origin, which must be as it was then */
};
struct source *source_open_with(const char *text, const struct source_options *options,
                                struct err *err) __attribute__((warn_unused_result));

/* What the weights are read from: MODEL of "quantize:TYPE:MODEL", otherwise the text itself. */
const char *source_origin(const char *text);

#endif
