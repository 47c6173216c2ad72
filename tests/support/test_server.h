/* test_server.h - a small HTTP server on the loopback interface that answers as a test tells it:
 * well, badly, late, half, or not at all.
 *
 * Each connection has a thread and takes one request; the test's function runs in one at a time.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_TEST_SERVER_H
#define PHIBENCH_TESTS_SUPPORT_TEST_SERVER_H

enum test_manner {
    SERVER_REPLIES,
    SERVER_RESETS,     /* breaks the connection without a word */
    SERVER_HANGS,      /* says nothing until the other side gives up */
    SERVER_STOPS_HALF, /* sends the first half of the body, then breaks the connection */
    SERVER_DRIPS,      /* sends a byte now and then, without an end */
    SERVER_POURS       /* sends bytes without an end */
};

struct test_reply {
    enum test_manner manner;
    int status;
    const char *header; /* "Retry-After: 1\r\n"; NULL: none */
    char body[4096];
};

/* A request, by number from 0. */
struct test_call {
    int number;
    const char *path, *head, *body;
};
typedef void test_reply_fn(void *context, const struct test_call *call, struct test_reply *reply);

struct test_server;
/* What a GET is answered with, which is not counted; unless a test says so, with status 404. */
void test_server_describe(struct test_server *server, test_reply_fn *describe);
/* Fails the test where it cannot. The URL lives as long as the server. End with
 * test_server_stop. */
struct test_server *test_server_start(test_reply_fn *reply, void *context);
const char *test_server_url(const struct test_server *server); /* "http://127.0.0.1:40000/v1" */
int test_server_count(struct test_server *server);             /* requests so far */
void test_server_stop(struct test_server *server);

#endif
