/* http.h - posts JSON to an HTTP server that may be slow, busy or broken: time-outs, repeated
 * attempts with back-off, Retry-After.
 *
 * The one place that knows libcurl. A connection belongs to one thread at a time; redirects are not
 * followed, so that a key goes nowhere but to its server. The key is in no message.
 */
#ifndef PHIBENCH_HARNESS_ASK_HTTP_H
#define PHIBENCH_HARNESS_ASK_HTTP_H

#include "base/buf.h"

#include <stdint.h>

struct http_options {
    const char *key;  /* sent as a bearer token; NULL: none */
    double timeout_s; /* of one attempt */
    int n_retries;    /* attempts after the first */
    double wait_s;    /* before the second attempt; doubles with each, up to a minute */
};

/* Before the first connection and after the last, in one thread. */
bool http_start(struct err *err) __attribute__((warn_unused_result));
void http_stop(void);

struct http;
/* The options' strings must outlive the connection. Close with http_close. */
struct http *http_open(const struct http_options *options, struct err *err)
    __attribute__((warn_unused_result));
void http_close(struct http *http);

/* Whether a body of status 200 is what was asked for; after ERR_INPUT it is asked again, as after a
 * failure of the server, after other errors not. May keep what it reads. */
typedef bool http_accept_fn(void *context, const char *body, size_t n_bytes, struct err *err);

struct http_reply {
    int status;      /* 200, or one of 400 to 499 that repeating does not mend */
    struct buf body; /* of another status than 200 */
    int n_attempts;
};

/* Posts a body to a URL until it is answered. True with a reply that is final, its status to be
 * looked at; ERR_IO when all attempts failed, ERR_INTERRUPTED after Ctrl-C, or the error that
 * ended the attempts. The reply is the caller's to free in all cases. */
bool http_post(struct http *http, const char *url, const struct buf *body, http_accept_fn *accept,
               void *context, struct http_reply *reply, struct err *err)
    __attribute__((warn_unused_result));

#endif
