/* judge_rounds.c - see judge_rounds.h. A window is asked until each of its calls is judged or has
 * had its last chance; then comes the next one.
 *
 * So what is complete is handed out early, and an interruption costs one window at most.
 */
#include "harness/run/judge_rounds.h"

#include "base/sha256.h"
#include "suites/judging.h"

enum { WINDOW_CALLS = 128 }; /* even, so that two games of a pair share one */

/* The calls that are being asked. */
struct judge_window {
    struct judge_call *calls;
    size_t asked[WINDOW_CALLS]; /* [n] indices of calls */
    size_t n;
    bool is_last;
    judge_reply_fn *reply;
    void *context;
};

static void read_score(struct judge_call *call, const char *reply)
{
    call->score = judging_is_pair(call->prompt_name)
                      ? judging_read_win(reply, call->is_b)
                      : judging_read_score(reply, &call->score_is_whole);
    call->is_judged = call->score != FASTCHAT_MISSING;
}

static bool take_reply(void *context, size_t i_request, const struct response *response,
                       struct err *err)
{
    struct judge_window *window = context;
    struct response said = *response;
    size_t i_call = window->asked[i_request];
    if (!said.text) said.text = "";
    read_score(&window->calls[i_call], said.text);
    return window->reply(window->context, i_call, &said, window->is_last, err);
}

static bool ask(struct judge_window *window, const struct mt_speaker *judge, struct err *err)
{
    struct request requests[WINDOW_CALLS];
    const struct client_sink sink = {take_reply, NULL, window};
    for (size_t i = 0; i < window->n; i++) requests[i] = window->calls[window->asked[i]].request;
    return client_ask(judge->client, requests, window->n, &sink, err);
}

static void drop_judged(struct judge_window *window)
{
    size_t n = 0;
    for (size_t i = 0; i < window->n; i++)
        if (!window->calls[window->asked[i]].is_judged) window->asked[n++] = window->asked[i];
    window->n = n;
}

const char *judge_call_key(const struct api_options *judge, const char *server,
                           const struct request *request, struct arena *arena, struct err *err)
{
    const struct api_call call = {.request = request};
    struct buf body = {0};
    char key[SHA256_HEX_BYTES];
    const char *path = api_write_call(judge, &call, &body);
    struct sha256 *hash = buf_check(&body, err) ? sha256_new(err) : NULL;
    if (hash) {
        sha256_field(hash, "phibench judgment 1");
        sha256_field(hash, judge->base_url);
        sha256_field(hash, path);
        sha256_field(hash, buf_string(&body));
        if (server) sha256_field(hash, server);
        sha256_finish(hash, key);
    }
    const char *kept = hash ? arena_string(arena, key, err) : NULL;
    sha256_free(hash);
    buf_free(&body);
    return kept;
}

bool judge_rounds_are_open(const struct judge_call *calls, size_t n)
{
    size_t i = 0;
    while (i < n && calls[i].is_judged) i++;
    return i < n;
}

bool judge_rounds_ask(const struct mt_speaker *judge, struct judge_call *calls, size_t n,
                      judge_reply_fn *reply, void *context, struct err *err)
{
    struct judge_window window = {.calls = calls, .reply = reply, .context = context};
    int n_rounds = judge->model ? 1 : JUDGE_MOST_REPLIES;
    for (size_t i = 0; i < n;) {
        for (window.n = 0; i < n && window.n < WINDOW_CALLS; i++)
            if (!calls[i].is_judged) window.asked[window.n++] = i;
        for (int round = 1; window.n && round <= n_rounds; round++) {
            window.is_last = round == n_rounds;
            if (!ask(&window, judge, err)) return false;
            drop_judged(&window);
        }
    }
    return true;
}
