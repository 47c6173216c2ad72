/* api.h - what is said to an OpenAI-compatible server and what it says: requests as JSON bodies,
 * replies as responses.
 *
 * Pure: nothing is sent here. Source: the OpenAI API reference, "chat/completions" and
 * "completions", whose `echo` with `logprobs` gives the log-probabilities of a prompt. Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_ASK_API_H
#define PHIBENCH_HARNESS_ASK_API_H

#include "base/log.h"
#include "suites/request.h"

/* Of a request's pictures together: in base64 they are 43 MiB, and servers take bodies of 50. */
enum { API_MOST_PICTURE_BYTES = 32 << 20 };

/* Unless something else is said: calls at a time, seconds until one is given up, attempts after the
 * first, and the wait before the second. */
enum {
    API_CONCURRENCY = 4,
    API_MAX_CONCURRENCY = 256,
    API_TIMEOUT_S = 120,
    API_RETRIES = 6,
    API_WAIT_MS = 1000
};

/* A line of the head of every request. "${NAME}" in a value stands for an environment variable. */
struct api_header {
    const char *name, *value;
};
/* A further member of the body of every request that asks for an answer. */
struct api_field {
    const char *name, *json;
};

struct api_options {
    const char *base_url; /* "http://127.0.0.1:8080/v1" */
    const char *model;
    const char *revision; /* what the user calls the state of the model; NULL: nothing */
    const char *key;      /* NULL: none */
    bool echoes; /* completions give the log-probabilities of their prompt: choices can be scored */
    bool completes;               /* texts are continued by completions, not told in a chat */
    bool names_completion_tokens; /* max_completion_tokens in place of max_tokens */
    bool omits_temperature;       /* for servers that take no other than their own */
    size_t reasoning_tokens;      /* room beyond what is asked for, for what it says to itself */
    const struct api_header *headers; /* [n_headers] */
    const struct api_field *fields;   /* [n_fields] */
    size_t n_headers, n_fields;
    int n_concurrent, n_retries;
    double timeout_s, wait_s;   /* wait_s: before a second attempt */
    double price_in, price_out; /* of a million tokens; 0: not known */
    const struct log *log;      /* told of long waits; NULL: none */
};

/* One call: its path below the base, "/chat/completions". */
struct api_call {
    const struct request *request;
    size_t i_prompt; /* GENERATE, CHOICES: which prompt */
    size_t i_choice; /* CHOICES, LOGLIK */
    /* The request's pictures as data: URLs, which go before the text of the first user's turn. */
    const char *const *picture_urls; /* [request->n_pictures] */
};
const char *api_write_call(const struct api_options *options, const struct api_call *call,
                           struct buf *body);

/* Appends what api_write_call has to say of the request, for people: the prompt of a completion,
 * without choice or stem, or the messages, "user: TEXT", with an empty line between them; for
 * pictures stand places, "<|image_1|>". */
void api_write_prompt(const struct api_options *options, const struct api_call *call,
                      struct buf *out);

/* Appends the URL of a path below the base. */
void api_write_url(const struct api_options *options, const char *path, struct buf *url);

struct api_usage {
    int64_t tokens_in, tokens_out; /* up to INT32_MAX; -1: not said, or no such number */
    bool says_error; /* in place of an answer: then the error's message is the server's own words */
};
/* The reply to a GENERATE or CHAT in the arena: text, cut at the first stop string, and stop; and
 * apart from it what the model said to itself, in members of its own or in the text. */
bool api_read_text(const struct api_options *options, const struct request *request,
                   const char *body, size_t n_bytes, struct arena *arena, struct response *response,
                   struct api_usage *usage, struct err *err) __attribute__((warn_unused_result));
/* The score of a choice from the echo of prompt and choice: the tokens from the prompt's end on,
 * its trailing spaces counted to the choice. ERR_UNSUPPORTED if the echo is another text or lacks
 * log-probabilities: asking again mends nothing. */
bool api_read_score(const struct api_call *call, const char *body, size_t n_bytes,
                    struct choice_score *score, struct api_usage *usage, struct err *err)
    __attribute__((warn_unused_result));

/* What is amiss with this request alone, by a server's words: RESPONSE_TOO_LONG for its context,
 * RESPONSE_REFUSED for its content; NULL: nothing that concerns no other. */
const char *api_find_failure(const char *said);

#endif
