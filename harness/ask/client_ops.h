/* client_ops.h - what a kind of client implements: client.h is a call through this table.
 *
 * Internal to client*.c. Both structs stand first in the implementation's own.
 */
#ifndef PHIBENCH_HARNESS_ASK_CLIENT_OPS_H
#define PHIBENCH_HARNESS_ASK_CLIENT_OPS_H

#include "harness/ask/client.h"

/* The functions of client.h, of one kind. */
struct client_ops {
    void (*close)(struct client *client);
    struct client_window *(*prepare)(const struct client *client, const struct request *requests,
                                     size_t n_requests, struct err *err);
    void (*free_window)(struct client_window *window);
    bool (*answer)(struct client *client, struct client_window *window,
                   const struct client_sink *sink, struct err *err);
    uint64_t (*computed_tokens)(const struct client *client);
};

struct client {
    const struct client_ops *ops;
};

struct client_window {
    const struct client_ops *ops;
};

#endif
