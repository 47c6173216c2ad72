/* synth.h - synthetic models: random weights of a real shape, for measuring hardware and for
 * tests; they know nothing.
 *
 * Spec: "synth:SHAPE:TYPE[:SEED][:VOCAB.gguf]", for example "synth:phi-3-mini:q4_0",
 * "synth:tiny:q8_0:7", "synth:phi-3-mini:q4_0:1:vocab/phi-3.gguf". The float weights depend on
 * (shape, seed, tensor, index) alone, so that the types of one shape and seed are quantizations
 * of one model. Generated row by row on demand: no file, no copy.
 */
#ifndef PHIBENCH_ENGINE_SYNTH_H
#define PHIBENCH_ENGINE_SYNTH_H

#include "engine/source.h"

struct synth_options {
    const char *shape;     /* "phi-3-mini", "phi-3-medium", "tiny" ...: synth_shapes.h */
    enum tensor_type type; /* of every matrix that it fits (mixture.h); norms are F32 */
    uint64_t seed;         /* default 1 */
    /* GGUF whose tokenizer.* metadata is taken over; NULL: a generated vocabulary. */
    const char *vocab_path;
};

/* Fills *options from a spec; strings point into `storage`, a copy of the spec that the caller
 * frees. */
bool synth_parse(const char *spec, struct synth_options *options, char **storage, struct err *err);

/* A source with name "synth:..." and metadata general.name, general.architecture, tokenizer.*.
 * Close with source_close. */
struct source *synth_open(const struct synth_options *options, struct err *err)
    __attribute__((warn_unused_result));

#endif
