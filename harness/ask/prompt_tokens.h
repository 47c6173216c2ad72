/* prompt_tokens.h - a request as tokens that fit a context: contexts joined with continuations,
 * few-shot examples dropped, or beginnings cut off, as the request wants it; conversations rendered
 * in the model's chat format; pictures as ids below 0 (prompt_pictures.h) in their places.
 *
 * Knows tokenizers and requests; computes nothing. Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_ASK_PROMPT_TOKENS_H
#define PHIBENCH_HARNESS_ASK_PROMPT_TOKENS_H

#include "base/sha256.h"
#include "harness/ask/line_encoder.h"
#include "harness/ask/prompt_pictures.h"

/* A context and its continuation as one sequence of tokens. */
struct joined_tokens {
    struct tokens ids;
    size_t n_context;  /* the continuation is ids[n_context..n); 0: nothing can be scored */
    bool join_spanned; /* one token held the end of the one and the beginning of the other */
};

/* Trailing spaces of the context move to the continuation; the whole is encoded, and cut where
 * the encoded context ends, or, if the whole does not begin with it, after their longest common
 * prefix. Special tokens are plain text. */
bool join_tokens(const struct tokenizer *tokenizer, enum bos_policy bos, const char *context,
                 const char *continuation, struct joined_tokens *joined, struct err *err)
    __attribute__((warn_unused_result));
void joined_tokens_done(struct joined_tokens *joined);

struct prompt_options {
    size_t context_tokens;
    const char *chat_format;   /* for chats; of CHAT_FORMATS, NULL: the file's template */
    enum rstrip_policy rstrip; /* for chats */
    size_t reasoning_tokens;   /* beyond the request's max_new_tokens */
    struct pictures *pictures; /* where those of requests are kept; NULL: no request has any */
};

struct prompt_tokens {
    bool fits;              /* false: not to be answered, the rest is empty */
    const char *no_picture; /* what is wrong with a picture's file, lives as the pictures do: then
                               nothing fits; NULL: nothing */
    struct joined_tokens *branches; /* [n_choices], or 1 with the prompt alone (GENERATE, CHAT) */
    size_t n_branches;
    struct buf text; /* what was encoded, before any choice and without its stem; uncut */
    int n_dropped_shots, n_cut_tokens; /* of the branch that lost most */
    bool double_bos;
    bool moves_space; /* at the prompt's end: it became part of the continuation */
};

/* "Fits" means that every token that must be computed has its place in the context: all of a
 * continuation but its last, and all max_new_tokens and reasoning_tokens of a generation. A task
 * whose system message the chat template refuses is asked without. ERR_UNSUPPORTED for a chat
 * without a chat format, and for pictures that the model has no eyes for.
 *
 * A prompt with pictures is never cut, since part of a picture says nothing. Its text is encoded as
 * the model's own processor does it (docs/vision.md): what stands before, between and behind the
 * pictures' places each as a text of its own, with BOS and all. */
bool prompt_tokens_make(struct line_encoder *encoder, const struct prompt_options *options,
                        const struct request *request, struct prompt_tokens *prompt,
                        struct err *err) __attribute__((warn_unused_result));
void prompt_tokens_done(struct prompt_tokens *prompt);

/* SHA-256 of what a model is handed: as little-endian 32-bit numbers how many branches there are,
 * and of each its n_context, how many ids it has, and the ids. For each run of ids of a picture
 * stand -1, the picture's hash as hex, into how many crops at most it is cut, the first of its rows
 * that are there, and how many. pictures: NULL where there are none. */
bool prompt_hash_tokens(const struct joined_tokens *branches, size_t n,
                        const struct pictures *pictures, char hex[SHA256_HEX_BYTES],
                        struct err *err) __attribute__((warn_unused_result));

/* How many tokens of a branch must be computed: the last of a continuation is only scored. */
size_t prompt_computed_tokens(const struct joined_tokens *branch);
/* The first branch with the same tokens to compute as branch i; i itself if none is before. */
size_t prompt_first_equal(const struct prompt_tokens *prompt, size_t i);
/* Tokens to compute without sharing prefixes: every distinct branch whole, from its first token.
 * (Choices of one token after the same context are one branch: their logits are one row.) */
uint64_t prompt_naive_tokens(const struct prompt_tokens *prompt);

#endif
