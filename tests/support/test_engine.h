/* test_engine.h - opening models and evaluating prompts in tests.
 *
 * What goes wrong here fails the calling test, so that callers need no checks of their own.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_TEST_ENGINE_H
#define PHIBENCH_TESTS_SUPPORT_TEST_ENGINE_H

#include "engine/engine.h"

/* A path or "synth:...", with the kernels of one level. Close with model_close. */
struct model *test_open_model(const char *path, enum isa isa);

/* The same for a group of tests, whose set-up and tear-down call these: with the best kernels and
 * one thread. 0 is success. */
int test_enter_model(void **state, const char *path);
int test_leave_model(void **state);

/* What the source alone tells of a model. */
struct source;
struct model_info test_model_info(const struct source *source);

/* Appends ids [n] to the sequence in batches of at most `chunk` tokens and copies the logits after
 * each of them to logits [n, n_vocab]; NULL: none are wanted. */
void test_eval(struct session *session, int sequence, const int32_t *ids, size_t n, size_t chunk,
               float *logits);

/* That the tokens decode to the text they were made of: [n_bytes]. */
void test_check_round_trip(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                           const struct tokens *tokens);

#endif
