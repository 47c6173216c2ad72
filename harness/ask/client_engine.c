/* client_engine.c - answers requests with the engine: a window's token sequences become one trie, a
 * scheduler computes it, and the logits at the nodes become log-probabilities, text and hashes.
 *
 * A continuation c1..cm is scored at m nodes: c1 by the logits after the context, c2 by those after
 * c1. Its last token is never computed, so choices of one token cost nothing beyond their prompt. A
 * generation is a leaf that grows. Where prefixes are not to be shared, every distinct sequence of
 * a request hangs below a leaf of its own at the root.
 */
#include "harness/ask/client.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "harness/ask/client_ops.h"
#include "harness/ask/picture_cache.h"
#include "harness/ask/scheduler.h"
#include "suites/reasoning.h"

#include <stdlib.h>
#include <string.h>

struct engine_client {
    struct client base;
    const struct tokenizer *tokenizer;
    struct session *session;
    enum bos_policy bos;
    struct prompt_options prompts;
    bool shares_prefixes;
    size_t n_vocab;
    uint64_t n_computed;
    struct picture_eyes eyes;
    struct picture_cache *pictures; /* of the thread that answers */
};

/* A token whose log-probability is wanted after a node. */
struct want {
    int32_t id;
    int request, choice;
    size_t i_row; /* among the request's rows of logits */
    int next;     /* of the same node, -1: the last */
};

/* A request of the window and what is known of its answer. */
struct answer {
    const struct request *request;
    struct prompt_tokens prompt;
    struct choice_score *scores; /* [n_choices] */
    size_t n_pending;            /* tokens to be scored, or 1 while a generation runs */
    struct sampler *sampler;
    struct buf text;
    bool is_open;     /* the prompt has begun the model's reasoning */
    const char *stop; /* what ended the text, NULL: nothing yet, or its length */
    int n_new_tokens;
    int leaf; /* of a generation, -1 */
    int64_t naive_tokens;
    int first_node;                /* of those that it was the first to need, -1: none */
    uint8_t (*rows)[SHA256_BYTES]; /* [n_rows] hashes of the logits it is judged from */
    size_t n_rows, rows_capacity;
    char tokens_hash[SHA256_HEX_BYTES];
};

struct engine_window {
    struct client_window base;
    const struct engine_client *client;
    struct answer *answers; /* [n_answers] */
    size_t n_answers, n_responded;
    struct arena *arena; /* of what is known of pictures */
    struct pictures pictures;
    struct picture_source source;
    struct embedding_rows rows; /* the pictures' */
    struct trie trie;
    struct want *wants;
    size_t n_wants, wants_capacity;
    int *first_want; /* [n_nodes] */
    int *next_node;  /* [n_nodes] of the same owner, -1: the last */
    size_t first_want_capacity;
    struct scheduler *scheduler;
    int32_t *ids; /* scratch for one node's wants */
    double *logprobs;
    size_t ids_capacity, logprobs_capacity;
    const struct client_sink *sink;
};

/* ---- Laying out a window ---- */

/* first_want for nodes up to n_nodes; new ones are empty. */
static bool grow_nodes(struct engine_window *window, struct err *err)
{
    size_t before = window->first_want_capacity;
    if (!mem_grow((void **)&window->first_want, &window->first_want_capacity, window->trie.n_nodes,
                  sizeof *window->first_want, SIZE_MAX / sizeof *window->first_want, err))
        return false;
    for (size_t i = before; i < window->first_want_capacity; i++) window->first_want[i] = -1;
    return true;
}

static bool add_want(struct engine_window *window, int node, struct want want, struct err *err)
{
    if (!grow_nodes(window, err) ||
        !mem_grow((void **)&window->wants, &window->wants_capacity, window->n_wants + 1,
                  sizeof *window->wants, INT32_MAX, err))
        return false;
    want.next = window->first_want[node];
    window->first_want[node] = (int)window->n_wants;
    window->wants[window->n_wants++] = want;
    return true;
}

/* Room for n more hashes of rows. */
static bool grow_rows(struct answer *answer, size_t n, struct err *err)
{
    if (!mem_grow((void **)&answer->rows, &answer->rows_capacity, answer->n_rows + n,
                  sizeof *answer->rows, INT32_MAX, err))
        return false;
    answer->n_rows += n;
    return true;
}

/* Where the path of a branch begins, of which n_tokens are computed at first and n_most at last;
 * without sharing it is a leaf that equal branches have in common. */
static bool find_root(struct engine_window *window, int i_answer, size_t i, size_t n_tokens,
                      size_t n_most, int *roots, struct err *err)
{
    size_t i_equal = prompt_first_equal(&window->answers[i_answer].prompt, i);
    if (window->client->shares_prefixes)
        return trie_root(&window->trie, n_tokens, n_most, i_answer, &roots[i], err);
    roots[i] = roots[i_equal];
    return i_equal != i || trie_add_leaf(&window->trie, TRIE_ROOT, i_answer, &roots[i], err);
}

static bool add_choice(struct engine_window *window, int i_answer, size_t i, int root,
                       struct err *err)
{
    struct answer *answer = &window->answers[i_answer];
    const struct joined_tokens *joined = &answer->prompt.branches[i];
    size_t n_tokens = joined->ids.n - joined->n_context, i_row = answer->n_rows;
    answer->scores[i] = (struct choice_score){.n_tokens = (int)n_tokens,
                                              .n_characters = choice_characters(answer->request, i),
                                              .is_greedy = true,
                                              .join_spanned = joined->join_spanned};
    if (!grow_rows(answer, n_tokens, err)) return false;
    for (size_t at = joined->n_context; at < joined->ids.n; at++) {
        int node;
        struct want want = {.id = joined->ids.ids[at],
                            .request = i_answer,
                            .choice = (int)i,
                            .i_row = i_row + (at - joined->n_context)};
        if (!trie_insert(&window->trie, root, joined->ids.ids, at, i_answer, &node, err) ||
            !add_want(window, node, want, err))
            return false;
        answer->n_pending++;
    }
    return true;
}

static bool add_choices(struct engine_window *window, int i_answer, struct err *err)
{
    struct answer *answer = &window->answers[i_answer];
    size_t n = answer->prompt.n_branches;
    int *roots = mem_new(n, sizeof *roots, err);
    answer->scores = mem_new(n, sizeof *answer->scores, err);
    bool ok = roots && answer->scores;
    for (size_t i = 0; ok && i < n; i++) {
        size_t n_computed = prompt_computed_tokens(&answer->prompt.branches[i]);
        ok = find_root(window, i_answer, i, n_computed, n_computed, roots, err) &&
             add_choice(window, i_answer, i, roots[i], err);
    }
    free(roots);
    return ok;
}

/* Tokens at most of a generation. */
static size_t most_tokens(const struct engine_client *client, const struct request *request)
{
    return request->max_new_tokens ? request->max_new_tokens + client->prompts.reasoning_tokens : 0;
}

/* Whether the prompt, as its last tokens spell it, begins the model's reasoning. */
static bool find_reasoning(const struct engine_client *client, struct answer *answer,
                           const struct tokens *ids, struct err *err)
{
    enum { LAST_TOKENS = 32 };
    size_t n = 0;
    while (n < ids->n && n < LAST_TOKENS && ids->ids[ids->n - 1 - n] >= 0) n++;
    struct buf text = {0};
    bool ok =
        tokenizer_decode(client->tokenizer, ids->ids + ids->n - n, n, true, false, &text, err);
    answer->is_open = ok && reasoning_is_opened_by(buf_string(&text), text.n_bytes);
    buf_free(&text);
    return ok;
}

static bool add_generation(struct engine_window *window, int i_answer, struct err *err)
{
    struct answer *answer = &window->answers[i_answer];
    const struct tokens *ids = &answer->prompt.branches[0].ids;
    const struct sampling sampling = {
        .temperature = answer->request->temperature, .top_p = 1, .seed = answer->request->seed};
    /* Rows of the output matrix past the last token are padding and have no text. */
    size_t n_tokens = (size_t)tokenizer_size(window->client->tokenizer);
    size_t n_most = ids->n + most_tokens(window->client, answer->request) - 1;
    int node, root;
    if (!answer->request->max_new_tokens) return true;
    answer->sampler = sampler_new(&sampling, n_tokens, err);
    if (!answer->sampler || !find_reasoning(window->client, answer, ids, err) ||
        !find_root(window, i_answer, 0, ids->n, n_most, &root, err) ||
        !trie_insert(&window->trie, root, ids->ids, ids->n, i_answer, &node, err) ||
        !trie_add_leaf(&window->trie, node, i_answer, &answer->leaf, err))
        return false;
    answer->n_pending = 1;
    return true;
}

static bool add_request(struct engine_window *window, struct line_encoder *encoder, size_t i,
                        const struct request *request, struct err *err)
{
    struct answer *answer = &window->answers[i];
    struct prompt_options options = window->client->prompts;
    options.pictures = &window->pictures;
    answer->request = request;
    answer->leaf = answer->first_node = -1;
    if (!prompt_tokens_make(encoder, &options, request, &answer->prompt, err)) return false;
    if (!answer->prompt.fits) return true;
    if (!prompt_hash_tokens(answer->prompt.branches, answer->prompt.n_branches, &window->pictures,
                            answer->tokens_hash, err))
        return false;
    bool is_scored = request->kind == REQUEST_CHOICES || request->kind == REQUEST_LOGLIK;
    if (is_scored || request->max_new_tokens)
        answer->naive_tokens = (int64_t)prompt_naive_tokens(&answer->prompt);
    return is_scored ? add_choices(window, (int)i, err) : add_generation(window, (int)i, err);
}

/* Lists the nodes by owner, for the time that each request took. */
static bool list_owned(struct engine_window *window, struct err *err)
{
    window->next_node = mem_new(window->trie.n_nodes, sizeof *window->next_node, err);
    if (!window->next_node) return false;
    for (size_t i = TRIE_ROOT + 1; i < window->trie.n_nodes; i++) {
        struct answer *owner = &window->answers[window->trie.nodes[i].owner];
        window->next_node[i] = owner->first_node;
        owner->first_node = (int)i;
    }
    return true;
}

static void free_window(struct client_window *base)
{
    struct engine_window *window = (struct engine_window *)base;
    for (size_t i = 0; window->answers && i < window->n_answers; i++) {
        struct answer *answer = &window->answers[i];
        prompt_tokens_done(&answer->prompt);
        free(answer->scores);
        sampler_free(answer->sampler);
        buf_free(&answer->text);
        free(answer->rows);
    }
    trie_done(&window->trie);
    pictures_done(&window->pictures);
    arena_free(window->arena);
    free(window->answers);
    free(window->wants);
    free(window->first_want);
    free(window->next_node);
    free(window->ids);
    free(window->logprobs);
    free(window);
}

static struct client_window *prepare(const struct client *base, const struct request *requests,
                                     size_t n_requests, struct err *err)
{
    const struct engine_client *client = (const struct engine_client *)base;
    struct engine_window *window = mem_new(1, sizeof *window, err);
    if (!window) return NULL;
    window->base.ops = base->ops;
    window->client = client;
    window->n_answers = n_requests;
    window->answers = mem_new(n_requests, sizeof *window->answers, err);
    window->arena = arena_new(0, err);
    pictures_init(&window->pictures, &client->eyes, window->arena);
    struct line_encoder encoder;
    line_encoder_init(&encoder, client->tokenizer, client->bos);
    bool ok = window->answers && window->arena && trie_init(&window->trie, err);
    window->trie.short_tokens = session_short_tokens(client->session);
    for (size_t i = 0; ok && i < n_requests; i++)
        ok = add_request(window, &encoder, i, &requests[i], err);
    line_encoder_done(&encoder);
    ok = ok && grow_nodes(window, err) && /* splits made nodes after the last want */
         list_owned(window, err);
    if (ok) return &window->base;
    free_window(&window->base);
    return NULL;
}

/* ---- Answering ---- */

/* Little-endian machines only, as the engine is. */
static void hash_row(const struct engine_window *window, const float *logits,
                     uint8_t hash[SHA256_BYTES])
{
    sha256_digest(logits, window->client->n_vocab * sizeof *logits, hash);
}

/* The log-probabilities that are wanted after the node, in one pass over its logits. */
static bool score_node(struct engine_window *window, int node, const float *logits, struct err *err)
{
    size_t n = 0;
    for (int i = window->first_want[node]; i >= 0; i = window->wants[i].next) n++;
    if (!n) return true;
    if (!mem_grow((void **)&window->ids, &window->ids_capacity, n, sizeof *window->ids, INT32_MAX,
                  err) ||
        !mem_grow((void **)&window->logprobs, &window->logprobs_capacity, n,
                  sizeof *window->logprobs, INT32_MAX, err))
        return false;
    n = 0;
    for (int i = window->first_want[node]; i >= 0; i = window->wants[i].next)
        window->ids[n++] = window->wants[i].id;
    int32_t best = logits_argmax(logits, window->client->n_vocab);
    logits_logprobs(logits, window->client->n_vocab, window->ids, n, window->logprobs);
    uint8_t hash[SHA256_BYTES];
    hash_row(window, logits, hash);
    n = 0;
    for (int i = window->first_want[node]; i >= 0; i = window->wants[i].next, n++) {
        const struct want *want = &window->wants[i];
        struct answer *answer = &window->answers[want->request];
        struct choice_score *score = &answer->scores[want->choice];
        score->logprob += window->logprobs[n];
        score->is_greedy = score->is_greedy && want->id == best;
        memcpy(answer->rows[want->i_row], hash, sizeof hash);
        answer->n_pending--;
    }
    return true;
}

/* Appends a token's text. Marks around the reasoning are seen, too, where they are control tokens.
 */
static bool append_token(const struct engine_client *client, struct answer *answer, int32_t id,
                         struct err *err)
{
    size_t n_before = answer->text.n_bytes;
    struct buf shown = {0};
    bool ok = tokenizer_decode(client->tokenizer, &id, 1, false, false, &answer->text, err);
    if (ok && answer->text.n_bytes == n_before) {
        ok = tokenizer_decode(client->tokenizer, &id, 1, true, false, &shown, err);
        if (ok && reasoning_is_mark(buf_string(&shown), shown.n_bytes))
            buf_append(&answer->text, shown.data, shown.n_bytes);
    }
    buf_free(&shown);
    answer->n_new_tokens += ok;
    return ok;
}

/* Whether a stop string ends the text, which had n_before bytes before its last token: then it is
 * cut there. The reasoning may hold such strings, and ends by none. */
static bool cut_at_stop(struct answer *answer, size_t n_before)
{
    const char *text = buf_string(&answer->text), *stop = NULL;
    size_t n = request_find_stop(answer->request, text, answer->text.n_bytes, n_before, &stop);
    if (n == answer->text.n_bytes || reasoning_awaits_answer(text, n, answer->is_open))
        return false;
    answer->stop = stop;
    answer->text.data[answer->text.n_bytes = n] = 0;
    return true;
}

/* Tokens to be computed after the one that was drawn: itself, and all before it where they are
 * rotated in another way from here on. */
static int64_t growth_tokens(const struct engine_client *client, const struct answer *answer)
{
    size_t n = answer->prompt.branches[0].ids.n + (size_t)answer->n_new_tokens;
    return n - 1 == session_short_tokens(client->session) ? (int64_t)n : 1;
}

/* Draws the next token of a generation, and lets the leaf grow unless the generation ends here. */
static bool generate_token(struct engine_window *window, struct answer *answer, const float *logits,
                           struct err *err)
{
    const struct engine_client *client = window->client;
    if (!grow_rows(answer, 1, err)) return false;
    hash_row(window, logits, answer->rows[answer->n_rows - 1]);
    int32_t id = sampler_pick(answer->sampler, logits);
    bool ends = tokenizer_is_end(client->tokenizer, id);
    if (ends) answer->stop = "";
    else {
        size_t n_before = answer->text.n_bytes;
        if (!append_token(client, answer, id, err)) return false;
        ends = cut_at_stop(answer, n_before) ||
               (size_t)answer->n_new_tokens == most_tokens(client, answer->request);
    }
    if (!ends) {
        answer->naive_tokens += growth_tokens(client, answer);
        return scheduler_grow(window->scheduler, answer->leaf, id, err);
    }
    answer->n_pending = 0;
    return true;
}

static bool on_logits(void *context, int node, const float *logits, struct err *err)
{
    struct engine_window *window = context;
    const struct trie_node *nodes = window->trie.nodes;
    struct answer *owner = &window->answers[nodes[node].owner];
    if (owner->leaf == node) return generate_token(window, owner, logits, err);
    if (!score_node(window, node, logits, err)) return false;
    for (int child = nodes[node].first_child; child >= 0; child = nodes[child].next_sibling) {
        struct answer *answer = &window->answers[nodes[child].owner];
        if (answer->leaf == child && !generate_token(window, answer, logits, err)) return false;
    }
    return true;
}

/* The time of the nodes that the request was the first to need. */
static int64_t request_ns(const struct engine_window *window, const struct answer *answer)
{
    int64_t ns = 0;
    for (int node = answer->first_node; node >= 0; node = window->next_node[node])
        ns += scheduler_node_ns(window->scheduler, node);
    return ns;
}

/* The hash over the hashes of its rows; none without rows. */
static bool hash_rows(const struct answer *answer, char hex[SHA256_HEX_BYTES], struct err *err)
{
    if (!answer->n_rows) return true;
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    sha256_update(hash, answer->rows, answer->n_rows * sizeof *answer->rows);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

/* What was generated becomes an answer, and the reasoning before it; text: valid UTF-8. */
static bool set_text(const struct answer *answer, const struct buf *text,
                     struct reasoning_parts *parts, struct response *response, struct err *err)
{
    reasoning_split(buf_string(text), text->n_bytes, answer->is_open, parts);
    response->text = buf_string(&parts->answer);
    response->reasoning = parts->reasoning.n_bytes ? buf_string(&parts->reasoning) : NULL;
    response->is_reasoning_unfinished = parts->is_open;
    response->stop = answer->stop;
    response->context = answer->request->context;
    return buf_check(text, err);
}

static void set_scores(const struct answer *answer, struct response *response)
{
    response->choices = answer->scores;
    response->n_choices = answer->prompt.n_branches;
    for (size_t i = 0; i < response->n_choices; i++)
        response->n_new_tokens += answer->scores[i].n_tokens;
}

static bool respond(struct engine_window *window, size_t i, struct err *err)
{
    struct answer *answer = &window->answers[i];
    const struct prompt_tokens *prompt = &answer->prompt;
    struct response response = {.answered = prompt->fits};
    struct reasoning_parts parts = {0};
    struct buf text = {0};
    bool ok = true;
    if (prompt->no_picture) {
        response.failure = RESPONSE_NO_PICTURE;
        response.reason = prompt->no_picture;
    }
    if (prompt->fits) {
        response.prompt = buf_string(&prompt->text);
        memcpy(response.tokens_hash, answer->tokens_hash, sizeof response.tokens_hash);
        response.n_prompt_tokens = (int)prompt->branches[0].n_context;
        response.n_new_tokens = answer->n_new_tokens;
        response.n_dropped_shots = prompt->n_dropped_shots;
        response.n_cut_tokens = prompt->n_cut_tokens;
        response.double_bos = prompt->double_bos;
        response.duration_ns = request_ns(window, answer);
        response.naive_tokens = answer->naive_tokens;
        ok = pictures_seen(&window->pictures, answer->request, window->arena, &response, err);
        if (answer->scores) set_scores(answer, &response);
        else if (ok) {
            utf8_append_valid(&text, buf_string(&answer->text), answer->text.n_bytes);
            ok = set_text(answer, &text, &parts, &response, err);
        }
    }
    ok = ok && hash_rows(answer, response.logits_hash, err) &&
         window->sink->respond(window->sink->context, i, &response, err);
    reasoning_done(&parts);
    buf_free(&text);
    return ok;
}

/* After a batch: hands out what is ready. */
static bool on_pause(void *context, struct err *err)
{
    struct engine_window *window = context;
    while (window->n_responded < window->n_answers &&
           !window->answers[window->n_responded].n_pending) {
        if (!respond(window, window->n_responded, err)) return false;
        window->n_responded++;
    }
    return client_sink_pause(window->sink, err);
}

/* The scheduler of the window, with what it is to compute. */
static bool make_scheduler(struct engine_window *window, struct session *session, struct err *err)
{
    window->scheduler = scheduler_new(session, &window->trie, err);
    if (!window->scheduler) return false;
    window->source = (struct picture_source){&window->pictures, window->client->pictures};
    window->rows = picture_rows(&window->source);
    if (window->pictures.n_items && !scheduler_set_rows(window->scheduler, &window->rows, err))
        return false;
    for (size_t i = 0; i < window->trie.n_nodes; i++)
        if (window->first_want[i] >= 0) scheduler_want(window->scheduler, (int)i);
    for (size_t i = 0; i < window->n_answers; i++) {
        const struct answer *answer = &window->answers[i];
        if (answer->leaf < 0) continue;
        scheduler_want(window->scheduler, window->trie.nodes[answer->leaf].parent);
        scheduler_reserve(window->scheduler, answer->leaf,
                          most_tokens(window->client, answer->request) - 1);
    }
    return true;
}

static bool answer_window(struct client *base, struct client_window *base_window,
                          const struct client_sink *sink, struct err *err)
{
    struct engine_client *client = (struct engine_client *)base;
    struct engine_window *window = (struct engine_window *)base_window;
    window->sink = sink;
    bool ok = make_scheduler(window, client->session, err) &&
              scheduler_run(window->scheduler, on_logits, on_pause, window, err) &&
              on_pause(window, err);
    if (window->scheduler) client->n_computed += scheduler_computed_tokens(window->scheduler);
    scheduler_free(window->scheduler);
    window->scheduler = NULL;
    return ok;
}

/* ---- The client ---- */

static void close_client(struct client *base)
{
    struct engine_client *client = (struct engine_client *)base;
    picture_cache_close(client->pictures);
    session_close(client->session);
    free(client);
}

static uint64_t computed_tokens(const struct client *base)
{
    return ((const struct engine_client *)base)->n_computed;
}

static const struct client_ops ENGINE_OPS = {close_client, prepare, free_window, answer_window,
                                             computed_tokens};

struct client *client_open_engine(const struct model *model, const struct client_options *options,
                                  struct err *err)
{
    struct engine_client *client = mem_new(1, sizeof *client, err);
    if (!client) return NULL;
    client->base.ops = &ENGINE_OPS;
    client->eyes = picture_eyes_of(model_info(model));
    client->session = session_open(model, &options->session, err);
    client->pictures = picture_cache_open(model, options->session.n_threads, 0, err);
    if (!client->session || !client->pictures) {
        close_client(&client->base);
        return NULL;
    }
    client->tokenizer = model_tokenizer(model);
    client->bos = options->bos;
    client->shares_prefixes = options->shares_prefixes;
    client->n_vocab = (size_t)model_info(model)->n_vocab;
    client->prompts =
        (struct prompt_options){.context_tokens = session_context_tokens(client->session),
                                .chat_format = options->chat_format,
                                .rstrip = options->rstrip,
                                .reasoning_tokens = options->reasoning_tokens};
    return &client->base;
}

size_t client_engine_encoded_pictures(const struct client *base, int64_t *ns)
{
    return picture_cache_encoded(((const struct engine_client *)base)->pictures, ns);
}
