/* client.c - see client.h: hands every call to the kind of client that it is for.
 *
 * A client and its windows name their kind by their first member.
 */
#include "harness/ask/client.h"

#include "base/interrupt.h"
#include "harness/ask/client_ops.h"

bool client_sink_pause(const struct client_sink *sink, struct err *err)
{
    return (!sink->pause || sink->pause(sink->context, err)) && interrupt_check(err);
}

void client_close(struct client *client)
{
    if (client) client->ops->close(client);
}

struct client_window *client_prepare(const struct client *client, const struct request *requests,
                                     size_t n_requests, struct err *err)
{
    return client->ops->prepare(client, requests, n_requests, err);
}

void client_window_free(struct client_window *window)
{
    if (window) window->ops->free_window(window);
}

bool client_answer(struct client *client, struct client_window *window,
                   const struct client_sink *sink, struct err *err)
{
    return client->ops->answer(client, window, sink, err);
}

bool client_ask(struct client *client, const struct request *requests, size_t n_requests,
                const struct client_sink *sink, struct err *err)
{
    struct client_window *window = client_prepare(client, requests, n_requests, err);
    bool ok = window && client_answer(client, window, sink, err);
    client_window_free(window);
    return ok;
}

uint64_t client_computed_tokens(const struct client *client)
{
    return client->ops->computed_tokens(client);
}
