/* request.h - what a suite asks of a model and what comes back. Plain data; whoever answers is a
 * client (harness).
 *
 * Requests live in the arena they were built in. Responses can be written to JSON and read back
 * without loss, so that `regrade` needs no model.
 */
#ifndef PHIBENCH_SUITES_REQUEST_H
#define PHIBENCH_SUITES_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

enum request_kind {
    REQUEST_CHOICES,  /* log-likelihood of each choice after the prompt */
    REQUEST_GENERATE, /* text after the prompt */
    REQUEST_LOGLIK,   /* log-likelihood of one continuation: CHOICES with n_choices = 1 */
    REQUEST_CHAT      /* the assistant's next message of a conversation */
};

/* Parts that a picture is cut into at most where nobody says it: of one, and of each of several. */
enum { CROPS_OF_ONE = 16, CROPS_OF_SEVERAL = 4 };

/* What happens to a prompt that does not fit the context. */
enum fit_policy {
    FIT_FEWER_SHOTS, /* the first of prompts[], longest first, that fits; none: not answered */
    FIT_KEEP_END     /* the last tokens that fit are kept, counted in n_cut_tokens */
};

/* What is said in a chat: the user's turns and the model's, the user's first and last. */
struct dialogue {
    const char *const *turns; /* [n] */
    size_t n;
};

struct request {
    enum request_kind kind;
    enum fit_policy fit;
    const char *system; /* of a chat: the system message, NULL: none */
    /* [n_prompts]; prompts[i] has i examples fewer than prompts[0]. CHAT: the conversation so far,
     * user and assistant in turn, the user first and last. */
    const char *const *prompts;
    size_t n_prompts;
    /* [n_prompts] what is said in place of prompts, where choices and generations are asked for in
     * the model's chat format; NULL: they are not. A stem ends the last turn. */
    const struct dialogue *dialogues;
    const char *const *choices; /* [n_choices] continuations, " A" */
    size_t n_choices;
    const char *delimiter; /* what they begin with before their own text; NULL: a space, if any */
    /* [n_choices] the end of the prompt before choice i, where one continuation is scored after
     * several beginnings; NULL: the prompt is all there is */
    const char *const *stems;
    size_t max_new_tokens; /* GENERATE, CHAT */
    double temperature;
    uint64_t seed;
    const char *const *stops; /* [n_stops] strings that end a generation; cut off the text */
    size_t n_stops;
    const char *context; /* what the prompts give to read, as it stands in them; NULL: nothing */
    /* [n_pictures] files of pictures, in the order in which they stand before the text of the first
     * user turn. No prompt holds a placeholder for them: a text that looks like one is text. */
    const char *const *pictures;
    size_t n_pictures;
    size_t max_crops; /* parts that a picture is cut into at most, besides the whole of it */
};

/* The text without white space at its ends, as FastChat keeps answers (Python's str.strip); in the
 * arena. */
const char *request_strip(struct arena *arena, const char *text, struct err *err);

/* Puts an answer, stripped, where the prompts are NULL. */
bool request_set_answer(struct request *request, struct arena *arena, const char *answer,
                        struct err *err) __attribute__((warn_unused_result));

/* Where the first stop string begins in a text of n_bytes that grew from n_before bytes on, and
 * which it is; n_bytes, and *stop as it was, if there is none. */
size_t request_find_stop(const struct request *request, const char *text, size_t n_bytes,
                         size_t n_before, const char **stop);

/* Whether the prompt is a chat. */
static inline bool request_is_chat(const struct request *request)
{
    return request->kind == REQUEST_CHAT || request->dialogues;
}

/* What a client puts into choice_score.n_characters for choice i. */
int choice_characters(const struct request *request, size_t i_choice);

struct choice_score {
    double logprob; /* sum over the continuation's tokens, natural logarithm */
    int n_tokens;   /* of the continuation, at least 1 */
    bool is_greedy; /* every token was the most probable one */
    /* A token spanned prompt and continuation: scored from the longest common token prefix. */
    bool join_spanned;
    int n_characters; /* of the choice's own text; 0 of all choices: not known */
};

/* A token of a text: what it was worth to the model, and to a reference. */
struct token_score {
    double logprob, reference_logprob;
    double divergence; /* Kullback-Leibler, of the model's distribution from the reference's */
    bool same_top;     /* both find the same token most probable */
};

/* A picture that was asked about. */
struct seen_picture {
    const char *file, *media_type; /* as the request names it; "image/jpeg" */
    char hash[65];                 /* SHA-256 of the file */
    size_t width, height;          /* as it is looked at */
    const uint8_t *thumbnail;      /* [n_thumbnail_bytes] a small PNG */
    size_t n_thumbnail_bytes;
};

struct response {
    bool answered; /* false: the prompt did not fit at all, or a server failed at it */
    /* Where nobody answered: RESPONSE_TOO_LONG ..., and a server's own words or what is wrong with
     * a picture. NULL, NULL otherwise. */
    const char *failure, *reason;
    struct choice_score *choices; /* CHOICES, LOGLIK: [n_choices] */
    size_t n_choices;
    const char *text; /* GENERATE, CHAT: without the stop string; NULL otherwise */
    /* What ended the text: a stop string, or "" for the model's own end; NULL: its length. */
    const char *stop;
    /* What the model said to itself before the text (reasoning.h), never graded; NULL: nothing. */
    const char *reasoning;
    bool is_reasoning_unfinished; /* it was still at that when the text ended */
    const char *context;          /* the request's */
    struct token_score *tokens;   /* chunks of a text: [n_tokens] in their order */
    size_t n_tokens;
    bool has_reference; /* otherwise a token has its logprob alone */
    int n_prompt_tokens, n_new_tokens;
    bool has_unknown_tokens; /* of a server that does not count them, or in no way to be believed */
    int n_dropped_shots, n_cut_tokens;
    bool double_bos;     /* the prompt began with BOS already */
    int64_t duration_ns; /* this request's share of the batches' time; no part of equality */
    /* Tokens to compute it alone, each of its distinct sequences whole. Kept beside the JSON, like
     * the time, and so is all that follows. */
    int64_t naive_tokens;
    /* SHA-256 over the SHA-256 of every row of logits it was judged from, little-endian float32, by
     * choice and position, or by generated token; "" if there is none. */
    char logits_hash[65];
    /* What was asked, with the examples that it kept, as it was encoded or sent; lives during the
     * call. NULL: a chunk of a text, or a prompt that fits in no form. */
    const char *prompt;
    /* prompt_hash_tokens; of a server that was sent pictures, of the prompt and their hashes; "":
     * nobody here knows the tokens. */
    char tokens_hash[65];
    const struct seen_picture *pictures; /* [n_pictures] that were read; lives during the call */
    size_t n_pictures;
};

/* What a server found too long, or would not answer, or answered in a way that nobody can read: the
 * last is no property of the item, and is asked again by the next run. */
#define RESPONSE_TOO_LONG "too_long"
#define RESPONSE_REFUSED "refused"
#define RESPONSE_UNREADABLE "unreadable"
/* A picture of the request is missing, empty or cannot be read; the next run asks again, too. */
#define RESPONSE_NO_PICTURE "no_picture"

/* Whether the next run asks again. */
bool response_is_passing(const struct response *response);

/* Whether it has choices and the log-likelihood of each is a number. */
bool response_has_numbers(const struct response *response);
/* The choice of the highest log-likelihood, per character where `by_character`, the first of equal
 * ones, as lm-evaluation-harness compares, in whose division a choice without a character is the
 * least of all; *is_tie: whether there are equal ones. Has a choice. */
size_t response_best_choice(const struct response *response, bool by_character, bool *is_tie);

/* Writes the response as one line of JSON without its duration; the doubles read back exactly. */
void response_write(const struct response *response, struct buf *out);
/* Reads it back into memory of the arena. */
bool response_read(const char *text, size_t n_bytes, struct response *response, struct arena *arena,
                   struct err *err) __attribute__((warn_unused_result));

#endif
