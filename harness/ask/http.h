/* http.h - asks an HTTP server that may be slow, busy or broken: time-outs, repeated attempts with
 * back-off, Retry-After.
 *
 * The one place that knows libcurl, and where a server's words enter the program: what they repeat
 * of the secrets is taken out here, before anyone reads them. A connection belongs to one thread at
 * a time; redirects are not followed, so that a key goes nowhere but to its server.
 */
#ifndef PHIBENCH_HARNESS_ASK_HTTP_H
#define PHIBENCH_HARNESS_ASK_HTTP_H

#include "base/log.h"
#include "harness/ask/secrets.h"

#include <stdint.h>

struct http_options {
    const char *key;            /* sent as a bearer token; NULL: none */
    const char *const *headers; /* [n_headers] further lines, "X-Name: value" */
    size_t n_headers;
    const struct secrets *secrets; /* which nobody is told if the server repeats them; or NULL */
    double timeout_s;              /* of one attempt, from its first byte to the reply's last */
    int n_retries;                 /* attempts after the first */
    double wait_s; /* before the second attempt; doubles with each, up to a minute */
    /* Told of long waits that a server asks for; NULL: none. */
    const struct log *log;
};

/* Before the first connection and after the last, in one thread. */
bool http_start(struct err *err) __attribute__((warn_unused_result));
void http_stop(void);

struct http;
/* The options' strings and secrets must outlive the connection. Close with http_close. */
struct http *http_open(const struct http_options *options, struct err *err)
    __attribute__((warn_unused_result));
void http_close(struct http *http);

/* Whether a body of status 200 is what was asked for; after ERR_INPUT it is asked again, as after a
 * failure of the server, after other errors not. May keep what it reads. */
typedef bool http_accept_fn(void *context, const char *body, size_t n_bytes, struct err *err);

struct http_reply {
    int status;      /* of the last attempt; 0: no reply */
    struct buf body; /* its beginning, of another status than 200 */
    int n_attempts;
};

/* The seconds that the value of a Retry-After asks for, a number with or without a fraction or a
 * date, at most HTTP_MOST_ASKED_S; 0 if it is neither. now: of the epoch. */
enum { HTTP_MOST_ASKED_S = 600 };
double http_read_retry_after(const char *value, int64_t now);

enum { HTTP_MOST_BYTES = 64 << 20 }; /* of a reply's body: a longer one is none */

/* Posts a body to a URL, or gets the URL where it is NULL, until it is answered. True with a reply
 * that is final: of status 200, or another one that repeating does not mend; ERR_IO when all
 * attempts failed, ERR_INTERRUPTED after Ctrl-C, or the error that ended the attempts. The reply is
 * the caller's to free in all cases. */
bool http_ask(struct http *http, const char *url, const struct buf *body, http_accept_fn *accept,
              void *context, struct http_reply *reply, struct err *err)
    __attribute__((warn_unused_result));

#endif
