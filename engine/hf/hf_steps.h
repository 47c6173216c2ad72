/* hf_steps.h - writes the steps of a tokenizer (TOKENIZER_STEPS_KEY): those of a tokenizer.json, or
 * what stands for them where the vocabulary comes from another file.
 *
 * One thread at a time.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_STEPS_H
#define PHIBENCH_ENGINE_HF_HF_STEPS_H

#include "engine/hf/hf_vocabulary.h"

/* A list of added tokens, by rising id. */
struct hf_added_list {
    struct hf_added_token *tokens;
    size_t n, capacity;
};
void hf_added_list_done(struct hf_added_list *list);
/* Adds one, or replaces that with the same id; its content is not copied. */
bool hf_added_list_set(struct hf_added_list *list, const struct hf_added_token *token,
                       struct err *err) __attribute__((warn_unused_result));
/* Sets those of tokenizer_config.json, "added_tokens_decoder", and where that is not there, of
 * added_tokens.json, a map from contents to ids. Ids past n_most (0: any) are left out. */
bool hf_added_list_read(struct hf_added_list *list, const struct json *config,
                        const struct json *contents, size_t n_most, struct err *err)
    __attribute__((warn_unused_result));

/* Writes the steps into the vocabulary. steps: an object with the members "normalizer",
 * "pre_tokenizer", "decoder" and "model", of which those that are there are written. */
bool hf_steps_write(struct hf_vocabulary *vocabulary, const struct json *steps,
                    const struct hf_added_list *added, struct err *err)
    __attribute__((warn_unused_result));

/* What GGUF's keys say of such steps: the model, the pre-type, and whether texts begin with a
 * space. */
bool hf_steps_describe(struct hf_vocabulary *vocabulary, const struct json *steps, struct err *err)
    __attribute__((warn_unused_result));

#endif
