/* chunk_client.h - asks the engine what every token of the chunks of a text is worth
 * (suites/perplexity.h).
 *
 * Other suites ask by text (client.h); here the tokens are given, every position is wanted, and
 * nothing is shared. Memory is that of a session of one chunk's context and of one batch's logits,
 * however long the text.
 */
#ifndef PHIBENCH_HARNESS_ASK_CHUNK_CLIENT_H
#define PHIBENCH_HARNESS_ASK_CHUNK_CLIENT_H

#include "harness/ask/client.h"
#include "harness/ask/reference.h"
#include "suites/suite.h"

struct chunk_client;

struct chunk_client_options {
    struct session_options session; /* context_tokens: the chunks' length */
    struct reference *save;         /* keeps all logits there; NULL: nowhere */
    struct reference *against;      /* compares all logits with these; NULL: with none */
};

/* Model and references must outlive it. Close with chunk_client_close. */
struct chunk_client *chunk_client_open(const struct model *model,
                                       const struct chunk_client_options *options, struct err *err)
    __attribute__((warn_unused_result));
void chunk_client_close(struct chunk_client *client);

/* Answers chunks items: [n] of a data set of text_chunks.h; the sink gets their positions in
 * `items`. Stops at the first false of the sink, with its error. */
bool chunk_client_answer(struct chunk_client *client, const struct dataset *dataset,
                         const size_t *items, size_t n, const struct client_sink *sink,
                         struct err *err) __attribute__((warn_unused_result));

/* Tokens computed so far. */
uint64_t chunk_client_computed_tokens(const struct chunk_client *client);

#endif
