/* client_api.c - see client_api.h. Threads with a connection each take the window's requests in
 * order; the caller's thread hands the responses out in order, so that the sink never runs twice at
 * a time.
 *
 * A failure of the server that repeating does not mend, or too many at single items, ends the
 * window; what was answered until then is handed out all the same, since it was paid for.
 */
#include "harness/ask/client_api.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "harness/ask/api_access.h"
#include "harness/ask/client_ops.h"
#include "harness/ask/prompt_pictures.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One awkward item does not end a run; a server that fails at most of them does. */
enum { MOST_IN_ROW = 20, LEAST_REQUESTS = 50, MOST_PERCENT_FAILED = 10 };

struct api_failures {
    size_t n_requests, n_failed, n_in_row;
};

struct api_client {
    struct client base;
    struct api_options options;
    struct api_access access;
    pthread_mutex_t lock; /* of what follows */
    struct client_api_work work;
    struct api_failures failures;
};

struct api_answer {
    struct arena *arena; /* NULL: not answered yet */
    struct response response;
};

struct api_window {
    struct client_window base;
    struct api_client *client;
    const struct request *requests;
    struct api_answer *answers; /* [n] */
    size_t n;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    size_t next, n_running;
    bool stops;
    struct err failure;
};

/* ---- One request ---- */

/* A call that is being answered. */
struct exchange {
    struct api_client *client;
    struct http *http;
    struct api_call call;
    struct arena *arena;
    struct response *response;
    struct choice_score *score; /* of a choice; NULL: a text */
    struct api_usage usage;
    struct pictures pictures;
    char **urls; /* [n_pictures] of the request, as api_call has them */
};

/* The server's own words, or what is wrong with them, become the response's. */
static bool keep_failure(struct exchange *exchange, const char *failure, const char *reason,
                         struct err *err)
{
    exchange->response->failure = failure;
    exchange->response->reason = arena_string(exchange->arena, reason, err);
    return exchange->response->reason != NULL;
}

static bool accept_body(void *context, const char *body, size_t n_bytes, struct err *err)
{
    struct exchange *exchange = context;
    struct api_usage *usage = &exchange->usage;
    bool ok = exchange->score
                  ? api_read_score(&exchange->call, body, n_bytes, exchange->score, usage, err)
                  : api_read_text(&exchange->client->options, exchange->call.request, body, n_bytes,
                                  exchange->arena, exchange->response, usage, err);
    const char *failure = !ok && usage->says_error ? api_find_failure(err->message) : NULL;
    return ok || (failure && keep_failure(exchange, failure, err->message, err));
}

/* Adds tokens to a response's, unless nobody knows how many, or can say how many it becomes; what
 * failed has none. */
static void add_tokens(struct response *response, int *sum, int64_t more)
{
    if (response->failure) return;
    if (more < 0 || more > INT32_MAX - *sum) response->has_unknown_tokens = true;
    else *sum += (int)more;
}

static void count_work(struct exchange *exchange, const struct http_reply *reply)
{
    struct api_client *client = exchange->client;
    struct response *response = exchange->response;
    const struct api_usage *usage = &exchange->usage;
    pthread_mutex_lock(&client->lock);
    client->work.n_calls++;
    client->work.n_repeated += (uint64_t)(reply->n_attempts ? reply->n_attempts - 1 : 0);
    if (usage->tokens_in > 0) client->work.tokens_in += (uint64_t)usage->tokens_in;
    if (usage->tokens_out > 0) client->work.tokens_out += (uint64_t)usage->tokens_out;
    pthread_mutex_unlock(&client->lock);
    add_tokens(response, &response->n_prompt_tokens, usage->tokens_in);
    add_tokens(response, &response->n_new_tokens, usage->tokens_out);
    response->naive_tokens = (int64_t)response->n_prompt_tokens + response->n_new_tokens;
}

/* What a final reply of another status than 200 says, or the last one of several that nobody could
 * read. False if it is no fault of this request alone, with *err as it was. */
static bool read_failure(struct exchange *exchange, const struct http_reply *reply, struct err *err)
{
    const char *said = buf_string(&reply->body);
    bool is_busy = reply->status == 408 || reply->status == 429;
    const char *failure = is_busy || reply->status < 400 ? NULL : api_find_failure(said);
    if (reply->status == 413) failure = RESPONSE_TOO_LONG;
    if (failure) return keep_failure(exchange, failure, said, err);
    return reply->status == 200 && err->code == ERR_IO &&
           keep_failure(exchange, RESPONSE_UNREADABLE, err->message, err);
}

/* True with the call answered, or with the response's failure. */
static bool exchange_call(struct exchange *exchange, struct err *err)
{
    const struct api_options *options = &exchange->client->options;
    struct buf body = {0}, url = {0};
    struct http_reply reply = {0};
    api_write_url(options, api_write_call(options, &exchange->call, &body), &url);
    exchange->usage = (struct api_usage){0};
    struct err own = {0};
    bool ok = buf_check(&body, &own) && buf_check(&url, &own);
    if (ok) {
        ok = http_ask(exchange->http, buf_string(&url), &body, accept_body, exchange, &reply, &own);
        count_work(exchange, &reply);
        if (ok && reply.status != 200)
            ok = err_set(&own, ERR_IO, "%s: status %d: %s", buf_string(&url), reply.status,
                         buf_string(&reply.body));
        if (!ok && own.code == ERR_IO) ok = read_failure(exchange, &reply, &own);
    }
    if (!ok) *err = own;
    buf_free(&reply.body);
    buf_free(&body);
    buf_free(&url);
    return ok;
}

/* Exchanges the calls for one of the request's prompts, up to the first failure: one for each
 * choice, or one for a text. */
static bool exchange_prompt(struct exchange *exchange, size_t i_prompt, struct err *err)
{
    const struct request *request = exchange->call.request;
    struct response *response = exchange->response;
    exchange->call.i_prompt = i_prompt;
    response->n_dropped_shots = (int)i_prompt;
    response->failure = response->reason = NULL;
    if (request->kind == REQUEST_GENERATE || request->kind == REQUEST_CHAT)
        return exchange_call(exchange, err);
    response->choices =
        arena_alloc(exchange->arena, request->n_choices, sizeof *response->choices, err);
    if (!response->choices) return false;
    response->n_choices = request->n_choices;
    for (size_t i = 0; i < request->n_choices && !response->failure; i++) {
        exchange->call.i_choice = i;
        exchange->score = &response->choices[i];
        if (!exchange_call(exchange, err)) return false;
    }
    return true;
}

/* Reads a picture as a URL; a file that no server would take is a failure of the response. */
static bool attach_picture(struct exchange *exchange, size_t i, size_t *n_sum, struct err *err)
{
    const struct request *request = exchange->call.request;
    struct picture_file file;
    size_t n_bytes;
    if (!pictures_look(&exchange->pictures, request->pictures[i], request->max_crops, &file, err))
        return false;
    if (file.fault) return keep_failure(exchange, RESPONSE_NO_PICTURE, file.fault, err);
    uint8_t *bytes = picture_read(file.picture, &n_bytes, err);
    if (!bytes) return false;
    struct buf url = {.maximum = 2 * (size_t)API_MOST_PICTURE_BYTES};
    *n_sum += n_bytes;
    if (*n_sum <= API_MOST_PICTURE_BYTES)
        base64_put_url(&url, file.picture->seen.media_type, bytes, n_bytes);
    free(bytes);
    if (*n_sum <= API_MOST_PICTURE_BYTES) return (exchange->urls[i] = buf_take(&url, err)) != NULL;
    const char *fault =
        arena_printf(exchange->arena, err,
                     "%s: with it the question's pictures are more than the %d MiB that a server "
                     "is sent: make it smaller",
                     file.path, API_MOST_PICTURE_BYTES >> 20);
    return fault && keep_failure(exchange, RESPONSE_NO_PICTURE, fault, err);
}

static bool attach_pictures(struct exchange *exchange, struct err *err)
{
    const struct request *request = exchange->call.request;
    struct response *response = exchange->response;
    size_t n_sum = 0;
    pictures_init(&exchange->pictures, NULL, exchange->arena);
    exchange->urls = mem_new(request->n_pictures, sizeof *exchange->urls, err);
    exchange->call.picture_urls = (const char *const *)exchange->urls;
    bool ok = exchange->urls != NULL;
    for (size_t i = 0; ok && i < request->n_pictures && !response->failure; i++)
        ok = attach_picture(exchange, i, &n_sum, err);
    return ok && (response->failure ||
                  pictures_seen(&exchange->pictures, request, exchange->arena, response, err));
}

static void detach_pictures(struct exchange *exchange)
{
    for (size_t i = 0; exchange->urls && i < exchange->call.request->n_pictures; i++)
        free(exchange->urls[i]);
    free(exchange->urls);
    pictures_done(&exchange->pictures);
}

/* What was asked of a server is known by its text and its pictures' hashes: the tokens are its
 * own business. */
static bool hash_prompt(struct response *response, struct err *err)
{
    struct sha256 *hash = response->n_pictures ? sha256_new(err) : NULL;
    if (!hash) return !response->n_pictures;
    sha256_field(hash, response->prompt);
    for (size_t i = 0; i < response->n_pictures; i++)
        sha256_field(hash, response->pictures[i].hash);
    sha256_finish(hash, response->tokens_hash);
    sha256_free(hash);
    return true;
}

/* What was sent last, be it answered or not. */
static bool keep_prompt(struct exchange *exchange, struct err *err)
{
    struct buf text = {0};
    api_write_prompt(&exchange->client->options, &exchange->call, &text);
    exchange->response->prompt = arena_take(exchange->arena, &text, err);
    return exchange->response->prompt && hash_prompt(exchange->response, err);
}

static bool is_too_long(const struct response *response)
{
    return response->failure && !strcmp(response->failure, RESPONSE_TOO_LONG);
}

static bool answer_request(struct api_window *window, struct http *http, size_t i,
                           struct api_answer *answer, struct err *err)
{
    const struct request *request = &window->requests[i];
    struct response *response = &answer->response;
    struct exchange exchange = {.client = window->client,
                                .http = http,
                                .call = {.request = request},
                                .arena = arena_new(0, err),
                                .response = response};
    if (!exchange.arena) return false;
    int64_t begin_ns = clock_ns();
    size_t n_prompts = request->kind == REQUEST_CHAT ? 1 : request->n_prompts;
    bool ok = attach_pictures(&exchange, err) &&
              (response->failure || exchange_prompt(&exchange, 0, err));
    for (size_t k = 1; ok && k < n_prompts && is_too_long(response); k++)
        ok = exchange_prompt(&exchange, k, err);
    ok = ok && keep_prompt(&exchange, err);
    detach_pictures(&exchange);
    response->answered = ok && !response->failure;
    response->context = request->context;
    if (!response->answered) {
        response->n_choices = 0;
        response->text = NULL;
    }
    response->duration_ns = clock_ns() - begin_ns;
    if (ok) answer->arena = exchange.arena;
    else arena_free(exchange.arena);
    return ok;
}

/* ---- Failures ---- */

/* Whether failures are still those of single items. What is too long is the data's fault and may be
 * any share of it, but for a row of nothing else. What was not sent for want of a picture says
 * nothing of the server. */
static bool count_failure(struct api_client *client, const struct response *response,
                          struct err *err)
{
    if (response->failure && !strcmp(response->failure, RESPONSE_NO_PICTURE)) return true;
    pthread_mutex_lock(&client->lock);
    struct api_failures *failures = &client->failures;
    failures->n_requests++;
    failures->n_in_row = response->failure ? failures->n_in_row + 1 : 0;
    failures->n_failed += response->failure && !is_too_long(response);
    const struct api_failures now = *failures;
    pthread_mutex_unlock(&client->lock);
    if (!response->failure) return true;
    if (now.n_in_row >= MOST_IN_ROW)
        return err_set(err, ERR_IO,
                       "%zu requests in a row were not answered; the last one (%s): %s",
                       now.n_in_row, response->failure, response->reason);
    return now.n_requests < LEAST_REQUESTS ||
           now.n_failed * 100 <= now.n_requests * MOST_PERCENT_FAILED ||
           err_set(err, ERR_IO, "%zu of %zu requests were not answered; the last one (%s): %s",
                   now.n_failed, now.n_requests, response->failure, response->reason);
}

/* ---- Threads ---- */

static bool take_request(struct api_window *window, size_t *i)
{
    pthread_mutex_lock(&window->lock);
    bool is_there = !window->stops && window->next < window->n;
    if (is_there) *i = window->next++;
    pthread_mutex_unlock(&window->lock);
    return is_there;
}

static void *answer_requests(void *context)
{
    struct api_window *window = context;
    struct err err = {0};
    struct http *http = http_open(&window->client->access.http, &err);
    bool ok = http != NULL;
    for (size_t i; ok && take_request(window, &i);) {
        struct api_answer answer = {0};
        ok = answer_request(window, http, i, &answer, &err) &&
             count_failure(window->client, &answer.response, &err);
        pthread_mutex_lock(&window->lock);
        window->answers[i] = answer;
        pthread_cond_signal(&window->changed);
        pthread_mutex_unlock(&window->lock);
    }
    pthread_mutex_lock(&window->lock);
    if (!ok && !window->failure.code) window->failure = err;
    window->stops = window->stops || !ok;
    window->n_running--;
    pthread_cond_signal(&window->changed);
    pthread_mutex_unlock(&window->lock);
    http_close(http);
    return NULL;
}

static size_t start_threads(struct api_window *window, pthread_t threads[API_MAX_CONCURRENCY])
{
    size_t n = (size_t)window->client->options.n_concurrent, n_started = 0;
    if (n > API_MAX_CONCURRENCY) n = API_MAX_CONCURRENCY;
    if (n > window->n) n = window->n;
    pthread_mutex_lock(&window->lock); /* none ends before all are counted */
    while (n_started < n && !pthread_create(&threads[n_started], NULL, answer_requests, window))
        n_started++;
    window->n_running = n_started;
    pthread_mutex_unlock(&window->lock);
    return n_started;
}

/* Waits until the i-th request is answered, for a moment at most; whether it is. */
static bool wait_for_answer(struct api_window *window, size_t i, bool *ended)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&window->lock);
    if (!window->answers[i].arena && window->n_running)
        pthread_cond_timedwait(&window->changed, &window->lock, &until);
    bool is_there = window->answers[i].arena != NULL;
    *ended = !window->n_running;
    pthread_mutex_unlock(&window->lock);
    return is_there;
}

static bool hand_out(struct api_window *window, size_t i, const struct client_sink *sink,
                     struct err *err)
{
    struct api_answer *answer = &window->answers[i];
    bool ok = sink->respond(sink->context, i, &answer->response, err);
    arena_free(answer->arena);
    *answer = (struct api_answer){0};
    return ok;
}

/* Hands out answers in order, as they come, until one does not come or the sink wants no more. *i:
 * the first that is not handed out; *takes: whether the sink can still be told. */
static bool hand_out_all(struct api_window *window, const struct client_sink *sink, size_t *i,
                         bool *takes, struct err *err)
{
    bool ended = false;
    while (*i < window->n) {
        bool is_there = wait_for_answer(window, *i, &ended);
        if (!is_there && ended) return true;
        if (is_there && !(*takes = hand_out(window, (*i)++, sink, err))) return false;
        if (!client_sink_pause(sink, err)) return false;
    }
    return true;
}

static bool answer_window(struct client *base, struct client_window *base_window,
                          const struct client_sink *sink, struct err *err)
{
    struct api_window *window = (struct api_window *)base_window;
    pthread_t threads[API_MAX_CONCURRENCY];
    struct err own = {0};
    bool takes = true;
    size_t i = 0, n_threads = start_threads(window, threads);
    (void)base;
    bool ok = window->n == 0 || n_threads > 0 ||
              err_set(&own, ERR_MEMORY, "cannot start a thread that asks the server");
    ok = ok && hand_out_all(window, sink, &i, &takes, &own);
    pthread_mutex_lock(&window->lock);
    window->stops = true;
    pthread_mutex_unlock(&window->lock);
    for (size_t k = 0; k < n_threads; k++) pthread_join(threads[k], NULL);
    if (ok && window->failure.code) own = window->failure;
    for (; takes && i < window->n; i++)
        if (window->answers[i].arena) takes = hand_out(window, i, sink, own.code ? NULL : &own);
    if (own.code && err) *err = own;
    return !own.code;
}

/* ---- The client ---- */

static struct client_window *prepare(const struct client *base, const struct request *requests,
                                     size_t n_requests, struct err *err)
{
    struct api_window *window = mem_new(1, sizeof *window, err);
    if (!window) return NULL;
    window->base.ops = base->ops;
    window->client = (struct api_client *)(uintptr_t)base; /* its work is counted under a lock */
    window->requests = requests;
    window->n = n_requests;
    window->answers = mem_new(n_requests, sizeof *window->answers, err);
    if (!window->answers) {
        free(window);
        return NULL;
    }
    pthread_mutex_init(&window->lock, NULL);
    pthread_cond_init(&window->changed, NULL);
    return &window->base;
}

static void free_window(struct client_window *base)
{
    struct api_window *window = (struct api_window *)base;
    for (size_t i = 0; i < window->n; i++) arena_free(window->answers[i].arena);
    pthread_mutex_destroy(&window->lock);
    pthread_cond_destroy(&window->changed);
    free(window->answers);
    free(window);
}

static void close_client(struct client *base)
{
    struct api_client *client = (struct api_client *)base;
    pthread_mutex_destroy(&client->lock);
    api_access_close(&client->access);
    free(client);
}

static uint64_t computed_tokens(const struct client *base)
{
    struct client_api_work work = client_api_work(base);
    return work.tokens_in + work.tokens_out;
}

static const struct client_ops API_OPS = {close_client, prepare, free_window, answer_window,
                                          computed_tokens};

struct client *client_open_api(const struct api_options *options, struct err *err)
{
    struct api_client *client = mem_new(1, sizeof *client, err);
    if (!client) return NULL;
    if (!api_access_open(options, &client->access, err)) {
        free(client);
        return NULL;
    }
    client->base.ops = &API_OPS;
    client->options = *options;
    pthread_mutex_init(&client->lock, NULL);
    return &client->base;
}

struct client_api_work client_api_work(const struct client *base)
{
    struct api_client *client = (struct api_client *)(uintptr_t)base;
    pthread_mutex_lock(&client->lock);
    struct client_api_work work = client->work;
    pthread_mutex_unlock(&client->lock);
    work.cost = ((double)work.tokens_in * client->options.price_in +
                 (double)work.tokens_out * client->options.price_out) *
                1e-6;
    return work;
}

void client_api_report(const struct client *client, const char *label, const struct log *log)
{
    struct client_api_work work = client_api_work(client);
    char cost[64] = "";
    if (work.cost > 0) snprintf(cost, sizeof cost, ", cost %.4g", work.cost);
    log_info(log, "%s: %llu calls and %llu repeated attempts, %llu tokens in, %llu out%s", label,
             (unsigned long long)work.n_calls, (unsigned long long)work.n_repeated,
             (unsigned long long)work.tokens_in, (unsigned long long)work.tokens_out, cost);
}
