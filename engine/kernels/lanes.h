/* lanes.h - the fixed tree that adds 16 lanes: part of the numerics contract, whatever the width of
 * a register.
 */
#ifndef PHIBENCH_ENGINE_KERNELS_LANES_H
#define PHIBENCH_ENGINE_KERNELS_LANES_H

#include <stddef.h>

/* Sum of lanes [16]: halves are folded, lane i takes lane i + 8, then i + 4, i + 2, i + 1. Destroys
 * lanes. */
static inline float lanes_sum(float lanes[16])
{
    for (size_t half = 8; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

#endif
