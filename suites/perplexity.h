/* perplexity.h - how well a model predicts a text: chunks of tokens, each a text of its own whose
 * second half is scored.
 *
 * The items are tokens, which a suite cannot make: the harness loads and asks (text_chunks.h), this
 * grades. A chunk of n tokens scores those at positions n/2 + 1 to n - 1, each by what precedes it
 * in the chunk, so that every scored token has half a chunk of context at least. That is the rule
 * of llama.cpp's perplexity program, so that figures can be compared.
 */
#ifndef PHIBENCH_SUITES_PERPLEXITY_H
#define PHIBENCH_SUITES_PERPLEXITY_H

#include "suites/suite.h"

/* Grades a chunk by its mean negative log-likelihood, in nats a token. */
extern const struct suite SUITE_PERPLEXITY;

/* The position of the first scored token of a chunk. */
static inline size_t perplexity_first_scored(size_t chunk_tokens)
{
    return chunk_tokens / 2 + 1;
}

#endif
