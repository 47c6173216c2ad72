/* hf_rope.h - the rotation's scaling in config.json, as the keys and tensors that GGUF has for it.
 *
 * Formulas: transformers, modeling_rope_utils.py. Pure but for the arena.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_ROPE_H
#define PHIBENCH_ENGINE_HF_HF_ROPE_H

#include "base/arena.h"
#include "engine/hf/hf_config.h"

/* Tensors that stand in no file. */
enum { HF_ROPE_TABLES = 2 };
struct hf_rope {
    struct hf_rope_table {
        enum weight weight;
        const float *values; /* [n], of the arena */
        size_t n;
    } tables[HF_ROPE_TABLES];
    size_t n_tables;
};

/* Adds rope.dimension_count and the keys of the scaling to the metadata, which has what
 * hf_config_write adds. A kind of scaling that has no meaning here becomes rope.scaling.type, by
 * which hparams.c refuses it. */
bool hf_rope_read(const struct hf_config *config, struct metadata *metadata, struct arena *arena,
                  struct hf_rope *rope, struct err *err) __attribute__((warn_unused_result));

#endif
