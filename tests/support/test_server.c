/* test_server.c - see test_server.h. Reads the head up to the empty line, then as many bytes as
 * Content-Length says; replies and closes.
 *
 * A hanging connection ends when the client closes it, or when the server stops.
 */
#include "tests/support/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_CONNECTIONS = 4096, MAX_REQUEST = 1 << 20 };

struct connection {
    struct test_server *server;
    int socket;
    pthread_t thread;
};

struct test_server {
    test_reply_fn *reply, *describe; /* describe: NULL: with status 404 */
    void *context;
    char url[64];
    int listener, n_calls;
    bool stops;
    pthread_mutex_t lock; /* of n_calls, stops, and around `reply` */
    pthread_t thread;
    struct connection connections[MAX_CONNECTIONS];
    int n_connections;
};

static bool stops(struct test_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool result = server->stops;
    pthread_mutex_unlock(&server->lock);
    return result;
}

/* The whole request, zero-ended; *body inside. False if the client goes away before its end. */
static bool read_request(int file, char *text, const char **body)
{
    size_t n = 0, n_wanted = SIZE_MAX;
    *body = NULL;
    while (n < n_wanted && n < MAX_REQUEST - 1) {
        ssize_t more = recv(file, text + n, MAX_REQUEST - 1 - n, 0);
        if (more <= 0) return false;
        text[n += (size_t)more] = 0;
        char *end = *body ? NULL : strstr(text, "\r\n\r\n");
        if (!end) continue;
        const char *length = strcasestr(text, "\r\nContent-Length:");
        *body = end + 4;
        n_wanted = (size_t)(*body - text) + (length ? strtoul(length + 17, NULL, 10) : 0);
    }
    return *body != NULL;
}

static bool send_all(int file, const char *text, size_t n)
{
    while (n) {
        ssize_t sent = send(file, text, n, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Sends n bytes again and again until the other side has enough. */
static void send_endless(struct connection *connection, const struct test_reply *reply, size_t n)
{
    static const char bytes[1 << 16];
    char head[64];
    struct pollfd poll_file = {connection->socket, POLLIN, 0};
    int wait_ms = reply->manner == SERVER_DRIPS ? 20 : 0;
    snprintf(head, sizeof head, "HTTP/1.1 %d Whatever\r\n\r\n", reply->status);
    if (!send_all(connection->socket, head, strlen(head))) return;
    while (!stops(connection->server) && poll(&poll_file, 1, wait_ms) == 0 &&
           send_all(connection->socket, bytes, n))
        continue;
}

static void send_reply(int file, const struct test_reply *reply)
{
    char head[512];
    size_t n = strlen(reply->body);
    snprintf(head, sizeof head,
             "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
             reply->status, n, reply->header ? reply->header : "");
    send_all(file, head, strlen(head));
    send_all(file, reply->body, reply->manner == SERVER_STOPS_HALF ? n / 2 : n);
}

static void hang(struct connection *connection)
{
    struct pollfd poll_file = {connection->socket, POLLIN, 0};
    while (!stops(connection->server) && poll(&poll_file, 1, 20) == 0) continue;
}

static void reset(int file)
{
    const struct linger at_once = {1, 0};
    setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void *serve(void *context)
{
    struct connection *connection = context;
    struct test_server *server = connection->server;
    struct test_reply *reply = calloc(1, sizeof *reply);
    char *text = malloc(MAX_REQUEST);
    struct test_call call = {0};
    if (reply && text && read_request(connection->socket, text, &call.body)) {
        char path[256] = "";
        sscanf(text, "%*s %255s", path);
        call.path = path;
        call.head = text;
        reply->status = 200;
        pthread_mutex_lock(&server->lock);
        bool is_get = !strncmp(text, "GET ", 4);
        if (!is_get) call.number = server->n_calls++;
        if (!is_get) server->reply(server->context, &call, reply);
        else if (server->describe) server->describe(server->context, &call, reply);
        else reply->status = 404;
        pthread_mutex_unlock(&server->lock);
        if (reply->manner == SERVER_HANGS) hang(connection);
        else if (reply->manner == SERVER_DRIPS) send_endless(connection, reply, 1);
        else if (reply->manner == SERVER_POURS) send_endless(connection, reply, 1 << 16);
        else if (reply->manner != SERVER_RESETS) send_reply(connection->socket, reply);
        if (reply->manner != SERVER_REPLIES) reset(connection->socket);
    }
    close(connection->socket);
    free(text);
    free(reply);
    return NULL;
}

static void *accept_all(void *context)
{
    struct test_server *server = context;
    struct pollfd poll_file = {server->listener, POLLIN, 0};
    while (!stops(server) && server->n_connections < MAX_CONNECTIONS) {
        if (poll(&poll_file, 1, 20) <= 0) continue;
        struct connection *connection = &server->connections[server->n_connections];
        *connection =
            (struct connection){.server = server, .socket = accept(server->listener, NULL, NULL)};
        if (connection->socket < 0) continue;
        if (pthread_create(&connection->thread, NULL, serve, connection) == 0)
            server->n_connections++;
        else close(connection->socket);
    }
    return NULL;
}

struct test_server *test_server_start(test_reply_fn *reply, void *context)
{
    struct test_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    assert_non_null(server);
    server->reply = reply;
    server->context = context;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &n), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, accept_all, server), 0);
    return server;
}

void test_server_describe(struct test_server *server, test_reply_fn *describe)
{
    pthread_mutex_lock(&server->lock);
    server->describe = describe;
    pthread_mutex_unlock(&server->lock);
}

const char *test_server_url(const struct test_server *server)
{
    return server->url;
}

int test_server_count(struct test_server *server)
{
    pthread_mutex_lock(&server->lock);
    int n = server->n_calls;
    pthread_mutex_unlock(&server->lock);
    return n;
}

void test_server_stop(struct test_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stops = true;
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < server->n_connections; i++)
        pthread_join(server->connections[i].thread, NULL);
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
