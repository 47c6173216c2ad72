/* line_encoder.h - encodes many texts that have lines in common, each distinct line once: few-shot
 * prompts repeat their examples from question to question.
 *
 * The ids are exactly those of tokenizer_encode; a tokenizer whose tokens may span lines is asked
 * for each text as a whole. One thread at a time.
 */
#ifndef PHIBENCH_HARNESS_ASK_LINE_ENCODER_H
#define PHIBENCH_HARNESS_ASK_LINE_ENCODER_H

#include "engine/engine.h"

struct encoded_line;

struct line_encoder {
    const struct tokenizer *tokenizer;
    enum bos_policy bos;
    struct buf text;            /* of the known lines, one after another */
    struct tokens ids;          /* and their ids */
    struct encoded_line *lines; /* [n_lines] */
    size_t n_lines, capacity;
    int32_t *slots; /* [n_slots] hash table of lines, -1 for empty */
    size_t n_slots;
    size_t max_text_bytes; /* when the known lines are more, all are forgotten */
};

/* Nothing is allocated; the tokenizer must outlive the encoder. */
void line_encoder_init(struct line_encoder *encoder, const struct tokenizer *tokenizer,
                       enum bos_policy bos);
void line_encoder_done(struct line_encoder *encoder);

/* Appends the ids of a text without special tokens; BOS first, as the policy wants it. Fails where
 * tokenizer_encode does, and appends nothing then. */
bool line_encode(struct line_encoder *encoder, const char *text, size_t n_bytes, struct tokens *out,
                 struct err *err) __attribute__((warn_unused_result));

#endif
