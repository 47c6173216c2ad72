/* source.h - where weights come from: metadata, a table of tensors, rows on demand.
 *
 * This is what every kind of source has; open_source.h opens one. Const after opening; read_rows is
 * thread-safe, so that repacking runs on all threads.
 */
#ifndef PHIBENCH_ENGINE_SOURCE_H
#define PHIBENCH_ENGINE_SOURCE_H

#include "engine/metadata.h"
#include "engine/tensor_type.h"

#include <string.h>

struct model_seal;

enum { TENSOR_MAX_DIMENSIONS = 4 };

struct tensor_info {
    const char *name; /* "blk.3.attn_qkv.weight" */
    enum tensor_type type;
    size_t n_dimensions;
    /* GGUF order: shape[0] = values in a row, shape[1] = rows, then slices; 1 past n_dimensions. */
    size_t shape[TENSOR_MAX_DIMENSIONS];
    size_t n_rows;    /* product of shape[1..] */
    size_t row_bytes; /* of shape[0] values */
    uint64_t offset;  /* file: absolute place of the first byte; synth: the tensor's number */
    const char *file; /* of a model of several files: the one that holds it; else NULL */
};

struct source {
    const char *path; /* as given: a path or "synth:phi-3-mini:q4_0" */
    const struct metadata *metadata;
    const struct tensor_info *tensors;
    size_t n_tensors;
    uint64_t n_bytes; /* of all tensors */
    bool synthetic;
    const char *const *files; /* [n_files] that it is read from, in order; none if synthetic */
    size_t n_files;
    const char *notes; /* what was not done as asked, a line each, or NULL (quantize.h) */

    /* rows [row, row + n_rows) of the tensor -> out: n_rows * row_bytes bytes. Thread-safe. */
    bool (*read_rows)(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err);
    /* SHA-256 of what determines every bit of the model: the bytes of its files, one after the
     * other, or the synthetic recipe. *seal (NULL: not wanted): what the rows were while they were
     * hashed (seal.h). May take seconds; ERR_INTERRUPTED after Ctrl-C. */
    bool (*hash)(const struct source *source, char hex[65], struct model_seal **seal,
                 struct err *err);
    void (*close)(struct source *source);
};

static inline void source_close(struct source *source)
{
    if (source) source->close(source);
}

/* NULL if there is no such tensor. */
static inline const struct tensor_info *source_find(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->n_tensors; i++)
        if (strcmp(source->tensors[i].name, name) == 0) return &source->tensors[i];
    return NULL;
}

/* The file that a message about the tensor is to name. */
static inline const char *source_file_of(const struct source *source,
                                         const struct tensor_info *tensor)
{
    return tensor->file ? tensor->file : source->path;
}

/* Whether n_rows rows from `row` on, as read_rows gives them, hold numbers; the error names the
 * first value that is none. */
bool source_check_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                       size_t n_rows, const void *rows, struct err *err)
    __attribute__((warn_unused_result));

/* The values of a tensor, a vector or a few rows, as floats, checked: [n_rows, shape[0]]; free()
 * them. NULL on failure. */
float *source_read_vector(const struct source *source, const struct tensor_info *tensor,
                          struct err *err) __attribute__((warn_unused_result));

#endif
