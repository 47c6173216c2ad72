/* hf_tensors.h - the tensors of a Hugging Face folder under GGUF's names, in GGUF's shapes and
 * orders.
 *
 * What tensors there are follows from the architecture; each is one of the folder's, several that
 * are stacked, or a table that config.json gives.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_TENSORS_H
#define PHIBENCH_ENGINE_HF_HF_TENSORS_H

#include "engine/hf/hf_rope.h"
#include "engine/hf/hf_rows.h"
#include "engine/source.h"

/* Where a tensor comes from. */
struct hf_origin {
    const struct tensor_info **slices; /* [n_slices] of the folder's source, all alike */
    size_t n_slices;
    size_t n_joined;       /* rows there that lie one behind the other in one of ours */
    struct hf_order order; /* of our rows within a slice */
    bool is_vector;        /* each slice is */
    float offset;          /* added to the values of a vector */
    const float *made;     /* in place of slices */
};

struct hf_tensors {
    struct tensor_info *tensors; /* [n] */
    struct hf_origin *origins;   /* [n] */
    size_t n;
};

/* Fills *tensors, out of the arena; raw, the folder's source, outlives it. metadata is what
 * hf_config_write made. ERR_INPUT for a missing tensor or one of a shape that cannot be put in
 * order; ERR_UNSUPPORTED for a dtype that is none of F32, F16 and BF16, or a tensor that no role is
 * for. */
bool hf_tensors_find(const struct hf_config *config, const struct metadata *metadata,
                     const struct source *raw, const struct hf_rope *rope, struct arena *arena,
                     struct hf_tensors *tensors, struct err *err)
    __attribute__((warn_unused_result));

/* Rows of tensor i: matrices as they stand there, vectors as f32. Thread-safe. */
bool hf_tensors_read(const struct hf_tensors *tensors, const struct source *raw, size_t i,
                     size_t row, size_t n_rows, void *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
