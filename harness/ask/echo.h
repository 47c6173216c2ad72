/* echo.h - the score of a text's end from a server's echo of it: token by token with their
 * log-probabilities, as "completions" of the OpenAI API give them for `echo` with `logprobs`.
 *
 * Servers differ in where they count `text_offset` from, in characters or bytes, with BOS or
 * without, so it is not looked at: the tokens must spell the text. Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_ASK_ECHO_H
#define PHIBENCH_HARNESS_ASK_ECHO_H

#include "suites/request.h"

/* What was sent: a prompt of n_prompt bytes and what is scored. */
struct echo_text {
    const char *text;
    size_t n_prompt, n_bytes;
};

/* Adds up what the tokens are worth that reach past the prompt, into logprob, n_tokens, is_greedy
 * and join_spanned of the score. One token before the text is passed over, BOS. The very first
 * token may have no log-probability, and then cannot be scored. ERR_UNSUPPORTED if the tokens do
 * not spell the text, byte for byte, or lack log-probabilities. */
bool echo_read_score(const struct json *logprobs, const struct echo_text *sent,
                     struct choice_score *score, struct err *err)
    __attribute__((warn_unused_result));

#endif
