/* choose.h - which experts a token goes through, and how much each of them counts, by the scores
 * that the router gave it.
 *
 * Pure functions of one token's scores; whatever the scores are, no numbers included, experts are
 * n_used different ones below n_experts.
 */
#ifndef PHIBENCH_ENGINE_STEPS_CHOOSE_H
#define PHIBENCH_ENGINE_STEPS_CHOOSE_H

#include <stddef.h>

/* scores: [n_experts] -> experts and weights: [n_used], 1 <= n_used <= n_experts, in the order of
 * choice. Of equal scores the first counts as the largest. */
typedef void choose_fn(const float *scores, size_t n_experts, size_t n_used, size_t *experts,
                       float *weights);

/* Those with the largest scores; weights are the softmax of their scores (Jiang et al. 2024,
 * section 2.1: of the top 2, which equals the softmax of all, renormalized). */
choose_fn choose_softmax;

/* The sparse mixer (Liu et al. 2024, "GRIN: gradient-informed MoE") as it is inferred by the
 * reference, sparsemixer() of modeling_phimoe.py in `transformers`: one after the other the largest
 * score m of those that are left. Its weight is its share in the softmax of those s of them that
 * are near: not (m - s) / max(|s|, m) > 0.02, twice the jitter of training. So weights do not add
 * up to 1, but often to nearly n_used. */
choose_fn choose_sparsemixer;

#endif
