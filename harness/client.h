/* client.h - answers requests: the runner's view of whatever speaks for a model. Today that is the engine in this process.
 *
 * A response depends on its request and the model alone, not on the other requests of the window, the batch size, the
 * threads or the KV budget.
 */
#ifndef PHIBENCH_HARNESS_CLIENT_H
#define PHIBENCH_HARNESS_CLIENT_H

#include "harness/prompt_tokens.h"

struct client;

struct client_options {
    enum bos_policy bos;
    const char *chat_format; /* NULL: the model's */
    struct session_options session;
    bool (*is_interrupted)(void); /* asked between batches; NULL: never */
};

/* The model must outlive the client. Close with client_close. ERR_CAPACITY if the KV budget cannot hold one context. */
struct client *client_open_engine(const struct model *model, const struct client_options *options,
                                  struct err *err) __attribute__((warn_unused_result));
void client_close(struct client *client);

/* The response lives during the call. */
typedef bool client_response_fn(void *context, size_t i_request, const struct response *response,
                                struct err *err);

/* Answers a window of requests, and hands out the responses in the requests' order, each as soon as it and all before it
 * are there. Equal prefixes within a window are computed once. ERR_INTERRUPTED after the batch in flight. */
bool client_answer(struct client *client, const struct request *requests, size_t n_requests,
                   client_response_fn *respond, void *context, struct err *err)
    __attribute__((warn_unused_result));

/* Tokens computed so far. */
uint64_t client_computed_tokens(const struct client *client);

/* Longest sequence that is answered. */
size_t client_context_tokens(const struct client *client);

#endif
