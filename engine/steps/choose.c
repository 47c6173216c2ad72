/* choose.c - see choose.h. All in float, in the order in which the reference computes: whether a
 * score is near is a comparison whose outcome shows in every later number.
 */
#include "engine/steps/choose.h"

#include "engine/kernels/math.h"

#include <math.h>
#include <stdbool.h>

/* Twice the jitter that the sparse mixer was trained with: how near a score is to the largest. */
static const float NEAR = 0.02f;

static bool is_among(size_t expert, const size_t *experts, size_t n)
{
    bool is = false;
    for (size_t i = 0; i < n; i++) is = is || experts[i] == expert;
    return is;
}

/* The first of the largest scores, but for those of the n that are chosen; n < n_experts. */
static size_t next_largest(const float *scores, size_t n_experts, const size_t *chosen, size_t n)
{
    size_t largest = n_experts;
    for (size_t i = 0; i < n_experts; i++)
        if ((largest == n_experts || scores[i] > scores[largest]) && !is_among(i, chosen, n))
            largest = i;
    return largest;
}

void choose_softmax(const float *scores, size_t n_experts, size_t n_used, size_t *experts,
                    float *weights)
{
    float sum = 0;
    for (size_t i = 0; i < n_used; i++) {
        experts[i] = next_largest(scores, n_experts, experts, i);
        weights[i] = kernel_exp(scores[experts[i]] - scores[experts[0]]);
        sum += weights[i];
    }
    for (size_t i = 0; i < n_used; i++) weights[i] /= sum;
}

void choose_sparsemixer(const float *scores, size_t n_experts, size_t n_used, size_t *experts,
                        float *weights)
{
    for (size_t i = 0; i < n_used; i++) {
        experts[i] = next_largest(scores, n_experts, experts, i);
        float largest = scores[experts[i]], sum = 0;
        for (size_t j = 0; j < n_experts; j++) {
            float distance = (largest - scores[j]) / fmaxf(fabsf(scores[j]), largest);
            if (!is_among(j, experts, i) && !(distance > NEAR))
                sum += kernel_exp(scores[j] - largest);
        }
        weights[i] = 1.0f / sum; /* the largest one's exponential is 1 */
    }
}
