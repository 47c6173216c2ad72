/* tensor_grid_tables.h - the tables in which the types below four bits look groups of values up.
 *
 * Const data. Each is sorted: it is a set of groups, chosen for what trained weights have most.
 */
#ifndef PHIBENCH_ENGINE_TENSOR_GRID_TABLES_H
#define PHIBENCH_ENGINE_TENSOR_GRID_TABLES_H

#include <stdint.h>

/* Eight codes of two bits, the first lowest: magnitudes 8, 25, 43 in IQ2, values -1, 0, 1 in
 * IQ1. */
extern const uint16_t grid_iq2_xxs[256], grid_iq2_xs[512], grid_iq2_s[1024], grid_iq1[2048];

/* Four codes of three bits: magnitudes 4, 12 .. 52, 62 in IQ3_XXS, 1, 3 .. 15 in IQ3_S. */
extern const uint16_t grid_iq3_xxs[256], grid_iq3_s[512];

#endif
