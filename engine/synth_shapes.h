/* synth_shapes.h - the shapes of synthetic models: a row for each, with the sizes of a published
 * model, or small ones for tests.
 *
 * Knows no weights and no keys: synth.c makes both of a row. Const table.
 */
#ifndef PHIBENCH_ENGINE_SYNTH_SHAPES_H
#define PHIBENCH_ENGINE_SYNTH_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key that no other architecture has, a size or a number. */
struct synth_key {
    const char *name; /* NULL: ends a list */
    uint32_t size;    /* 0: a number */
    float number;
};

/* What sees for a model: see hparams.h. */
struct synth_tower {
    uint32_t n_layers, n_embd, n_heads, n_ff, image_side, patch_side, max_crops;
};

struct synth_shape {
    const char *name;
    const char *architecture; /* a name of arch/architecture.h */
    size_t n_layers, n_embd, n_heads, n_kv_heads, n_ff, n_vocab;
    uint32_t context;
    /* What only some rows say; 0 is what stands behind it. */
    uint32_t window;   /* none: attention.sliding_window */
    uint32_t original; /* none: rope.scaling.original_context_length; of less, LongRoPE's factors */
    uint32_t head_size; /* n_embd / n_heads: attention.key_length and value_length */
    uint32_t n_rope;    /* all of a head: rope.dimension_count */
    float rope_base;    /* 10000: rope.freq_base */
    float epsilon;      /* 1e-5: of the norms */
    bool is_tied;       /* an output matrix of its own */
    uint32_t n_experts, n_experts_used; /* dense */
    const struct synth_key *keys;
    const struct synth_tower *tower; /* none */
};

/* NULL if there is none of this name. */
const struct synth_shape *synth_shape_find(const char *name);

/* The i-th row's name; NULL past the last one. */
const char *synth_shape_name(size_t i);

#endif
