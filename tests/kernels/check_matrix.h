/* check_matrix.h - matrices and activations for checks of products, quantized or not.
 *
 * All memory comes from check_memory and lives until check_release.
 */
#ifndef PHIBENCH_TESTS_KERNELS_CHECK_MATRIX_H
#define PHIBENCH_TESTS_KERNELS_CHECK_MATRIX_H

#include "tests/kernels/check.h"

/* Replaces the 16-bit factors of random blocks by finite ones of ordinary size, either sign;
 * n_bytes of whole blocks of a quantized type. */
void check_set_factors(struct check *check, enum tensor_type type, uint8_t *blocks, size_t n_bytes);

/* n_rows rows as a file has them -> packed. The packed bytes end at a page without access. */
struct packed check_pack(struct check *check, enum tensor_type type, const uint8_t *rows,
                         size_t n_rows, size_t n_cols);

/* Random inputs of n_tokens: quantized by the scalar kernel in blocks of 32 or 256, or, for
 * block 1, left as floats. */
struct acts check_acts(struct check *check, size_t n_tokens, size_t n_cols, size_t block);

/* Compares the product of all groups, of one group alone and of a random range of groups with the
 * scalar kernel's, outputs n_rows + 3 floats apart; and that neither writes between or outside. */
void check_gemm(struct check *check, const char *kernel, const struct packed *w,
                const struct acts *a);

#endif
