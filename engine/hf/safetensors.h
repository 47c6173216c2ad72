/* safetensors.h - one file of the safetensors format, as a source of what stands in it: names,
 * types and shapes are the file's own.
 *
 * Format: README of huggingface/safetensors: 8 bytes with the length of a header, the header in
 * JSON, the values, little-endian. Everything in the header is checked against the file before
 * it is believed: values lie one after the other, with no gap, from the header's end to the file's.
 */
#ifndef PHIBENCH_ENGINE_HF_SAFETENSORS_H
#define PHIBENCH_ENGINE_HF_SAFETENSORS_H

#include "engine/joined.h"

/* A source without metadata, of tensors in the order of their places. What is neither F32, F16 nor
 * BF16 has a type from TENSOR_TYPE_LIMIT on, and can be read, but not be decoded. ERR_INPUT, with
 * the path, for anything malformed. Close with source_close. */
struct source *safetensors_open(const char *path, struct err *err)
    __attribute__((warn_unused_result));
/* The same over bytes in memory (for tests and fuzzing), which must outlive the source. */
struct source *safetensors_open_memory(const void *bytes, size_t n_bytes, const char *name,
                                       struct err *err) __attribute__((warn_unused_result));

/* "BF16", "F8_E4M3": what the format calls the type of a tensor of such a source. */
const char *safetensors_dtype(enum tensor_type type);

/* As a part of a model of several files. */
extern const struct part_kind SAFETENSORS_PART;

#endif
