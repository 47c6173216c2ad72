/* hashed_prompt.h - the prompt after whose tokens tests/golden/logit_hashes.tsv has the logits.
 *
 * For test_golden, which knows cmocka, and for print_logits of tests/arm, which has no library.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_HASHED_PROMPT_H
#define PHIBENCH_TESTS_SUPPORT_HASHED_PROMPT_H

#include <stddef.h>
#include <stdint.h>

enum { HASHED_TOKENS = 64 };

static inline void hashed_prompt(size_t n_vocab, int32_t ids[HASHED_TOKENS])
{
    for (size_t i = 0; i < HASHED_TOKENS; i++) ids[i] = (int32_t)((1 + 37 * i + i * i) % n_vocab);
}

#endif
