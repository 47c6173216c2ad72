/* logits.c - probabilities of tokens from logits, in double and in one fixed order.
 *
 * log softmax(x)[id] = (x[id] - max) - log(sum of exp(x - max), ascending id), with the project's
 * own exp and log, so that a score has the same bits on every machine. A divergence is, with p of
 * the reference x, the sum of p (x - y), minus log sum exp x, plus log sum exp y: one pass, and for
 * x = y every term is 0. Knows no model and no session.
 */
#include "engine/tools.h"

#include "engine/kernels/math.h"

int32_t logits_argmax(const float *logits, size_t n_vocab)
{
    size_t best = 0;
    for (size_t i = 1; i < n_vocab; i++) {
        if (logits[i] > logits[best]) best = i;
    }
    return (int32_t)best;
}

void logits_logprobs(const float *logits, size_t n_vocab, const int32_t *ids, size_t n_ids,
                     double *logprobs)
{
    double max = (double)logits[logits_argmax(logits, n_vocab)];
    double sum = 0.0;
    for (size_t i = 0; i < n_vocab; i++) sum += math_exp((double)logits[i] - max);
    double log_sum = math_log(sum);
    for (size_t i = 0; i < n_ids; i++) logprobs[i] = ((double)logits[ids[i]] - max) - log_sum;
}

double logits_logprob(const float *logits, size_t n_vocab, int32_t id)
{
    double logprob;
    logits_logprobs(logits, n_vocab, &id, 1, &logprob);
    return logprob;
}

double logits_divergence(const float *reference, const float *logits, size_t n_vocab)
{
    double max_x = (double)reference[logits_argmax(reference, n_vocab)];
    double max_y = (double)logits[logits_argmax(logits, n_vocab)];
    double sum_x = 0.0, sum_y = 0.0, difference = 0.0;
    for (size_t i = 0; i < n_vocab; i++) {
        double weight = math_exp((double)reference[i] - max_x);
        sum_x += weight;
        sum_y += math_exp((double)logits[i] - max_y);
        if (weight > 0.0) difference += weight * ((double)reference[i] - (double)logits[i]);
    }
    double divergence = difference / sum_x - (max_x + math_log(sum_x)) + (max_y + math_log(sum_y));
    return divergence < 0.0 ? 0.0 : divergence; /* below 0 only by rounding; NaN stays */
}
