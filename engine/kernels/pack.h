/* pack.h - the layout of weights in memory: 16 output rows interleaved, so that SIMD lanes are
 * rows.
 *
 * A matrix [n_rows, n_cols] becomes ceil(n_rows / 16) row groups, each a run of blocks along the
 * columns (k); rows past the last are zero weights. The layout of each type is the same for every
 * instruction set and stands in pack_layout.h. Bytes per weight are those of the file's type (RSS
 * bound of the design), but for the scales of IQ4_XS and MXFP4, which are a byte wider, and for
 * types below four bits. Pure functions, thread-safe.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_PACK_H
#define PHIBENCH_ENGINE_KERNELS_PACK_H

#include "engine/tensor_type.h"

enum { ROW_GROUP = 16 };

struct packed {
    enum tensor_type type;
    size_t n_rows, n_cols;
    size_t group_bytes;  /* of one row group, a multiple of 64 */
    const uint8_t *data; /* 64-byte aligned, ceil(n_rows / 16) * group_bytes */
};

/* Bytes of one row group; 0 if n_cols is no multiple of the type's block or on overflow. */
size_t pack_group_bytes(enum tensor_type type, size_t n_cols);

/* rows: up to 16 consecutive rows as the file has them, row_bytes apart -> one group at `group`. */
void pack_group(enum tensor_type type, const uint8_t *rows, size_t n_rows, size_t n_cols,
                uint8_t *group);

#endif
