/* http.c - see http.h. Tried again: time-outs, connections that fail or break, the statuses 408,
 * 409, 425, 429 and 500 to 599 but 501 and 505, and bodies that are not what was asked for.
 *
 * The wait before an attempt is the back-off, or what Retry-After says if that is longer; a quarter
 * of it is random, so that connections that were refused together do not come back together. A
 * transfer is driven in short steps, between which Ctrl-C is looked for: left alone, libcurl sleeps
 * for a second while a server is silent.
 */
#include "harness/ask/http.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_EXCERPT = 600, STEP_MS = 50 };
static const double MAX_BACK_OFF_S = 60, TOLD_WAIT_S = 10;

struct http {
    CURL *curl;
    CURLM *multi; /* drives it */
    struct curl_slist *headers;
    struct http_options options;
    struct buf raw, body; /* as it came; without secrets */
    double asked_s;       /* by Retry-After of the last reply, without a bound */
    struct rng rng;
    char reason[CURL_ERROR_SIZE];
};

bool http_start(struct err *err)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ||
           err_set(err, ERR_IO, "libcurl cannot be started");
}

void http_stop(void)
{
    curl_global_cleanup();
}

static size_t keep_body(char *bytes, size_t size, size_t n, void *context)
{
    return buf_append(context, bytes, size * n) ? size * n : 0;
}

/* The seconds that a Retry-After asks for, 0 for what is no such value. */
static double read_pause(const char *value, int64_t now)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *value == '-') {
        time_t date = curl_getdate(value, NULL);
        seconds = date < 0 ? 0 : (double)(date - now);
    }
    if (!(seconds > 0)) return 0; /* or no number */
    return seconds < 1e9 ? seconds : 1e9;
}

static double bounded_pause(double seconds)
{
    return seconds < HTTP_MOST_ASKED_S ? seconds : HTTP_MOST_ASKED_S;
}

double http_read_retry_after(const char *value, int64_t now)
{
    return bounded_pause(read_pause(value, now));
}

/* libcurl's own reading of Retry-After knows no fractions. A line has no zero at its end. */
static size_t keep_header(char *bytes, size_t size, size_t n, void *context)
{
    static const char name[] = "Retry-After:";
    struct http *http = context;
    struct buf line = {0};
    if (size * n > strlen(name) && !strncasecmp(bytes, name, strlen(name)) &&
        buf_append(&line, bytes, size * n)) {
        const char *value = buf_string(&line) + strlen(name);
        http->asked_s = read_pause(value + strspn(value, " \t"), time(NULL));
    }
    buf_free(&line);
    return size * n;
}

static bool add_header(struct http *http, const char *header)
{
    struct curl_slist *longer = curl_slist_append(http->headers, header);
    if (longer) http->headers = longer;
    return longer != NULL;
}

static bool set_headers(struct http *http, struct err *err)
{
    struct buf key = {0};
    buf_printf(&key, "Authorization: Bearer %s", http->options.key ? http->options.key : "");
    bool ok = buf_check(&key, err) && add_header(http, "Content-Type: application/json") &&
              add_header(http, "Expect:") &&
              (!http->options.key || add_header(http, buf_string(&key)));
    for (size_t i = 0; ok && i < http->options.n_headers; i++)
        ok = add_header(http, http->options.headers[i]);
    buf_free(&key);
    return ok || err_set(err, ERR_MEMORY, "out of memory");
}

/* A second lock behind the check of a URL. The libcurl of Ubuntu 22.04 is older than the option by
 * names, and newer ones warn of the option by bits. */
static void allow_protocols(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

struct http *http_open(const struct http_options *options, struct err *err)
{
    struct http *http = mem_new(1, sizeof *http, err);
    if (!http) return NULL;
    http->options = *options;
    http->raw.maximum = HTTP_MOST_BYTES;
    http->rng.state = (uint64_t)clock_ns() ^ (uint64_t)(uintptr_t)http;
    http->curl = curl_easy_init();
    http->multi = curl_multi_init();
    if (http->curl && http->multi && set_headers(http, err)) {
        curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
        allow_protocols(http->curl);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
        curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)(options->timeout_s * 1e3));
        curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, http->reason);
        curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, keep_body);
        curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &http->raw);
        curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, keep_header);
        curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, http);
        return http;
    }
    if (!http->curl || !http->multi) err_set(err, ERR_MEMORY, "out of memory");
    http_close(http);
    return NULL;
}

void http_close(struct http *http)
{
    if (!http) return;
    curl_easy_cleanup(http->curl);
    if (http->multi) curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
    buf_free(&http->raw);
    buf_free(&http->body);
    free(http);
}

/* Appends what a server said without the secrets in it. */
static void redact(const struct http *http, const char *text, size_t n_bytes, struct buf *out)
{
    if (http->options.secrets) secrets_redact(http->options.secrets, text, n_bytes, out);
    else buf_append(out, text, n_bytes);
}

/* The beginning of what a server said, on one line. */
static void excerpt(const char *body, char out[MAX_EXCERPT])
{
    size_t n = strnlen(body, MAX_EXCERPT - 1);
    for (size_t i = 0; i < n; i++) out[i] = (unsigned char)body[i] < 0x20 ? ' ' : body[i];
    out[utf8_complete_prefix(out, n)] = 0;
}

/* Sleeps in short pieces; false after Ctrl-C. */
static bool wait_for(double seconds)
{
    const struct timespec piece = {0, 20000000};
    int64_t end = clock_ns() + (int64_t)(seconds * 1e9);
    while (!interrupt_requested() && clock_ns() < end) nanosleep(&piece, NULL);
    return !interrupt_requested();
}

static double wait_before(struct http *http, int i_attempt)
{
    double wait = http->options.wait_s;
    for (int i = 1; i < i_attempt && wait < MAX_BACK_OFF_S; i++) wait *= 2;
    if (wait > MAX_BACK_OFF_S) wait = MAX_BACK_OFF_S;
    wait *= 0.75 + 0.25 * rng_uniform(&http->rng);
    double asked = bounded_pause(http->asked_s);
    if (asked > wait) wait = asked;
    if (asked < http->asked_s)
        log_warning(http->options.log,
                    "the server asks for a pause of %.0f seconds, which is more than is waited: "
                    "%.0f seconds until attempt %d",
                    http->asked_s, wait, i_attempt + 1);
    else if (asked >= TOLD_WAIT_S)
        log_warning(http->options.log, "the server asks for a pause: %.0f seconds until attempt %d",
                    wait, i_attempt + 1);
    return wait;
}

static bool is_temporary(long status)
{
    if (status == 501 || status == 505) return false;
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

enum outcome { FINAL, AGAIN, HOPELESS };

/* What the transfer came to; CURLE_ABORTED_BY_CALLBACK after Ctrl-C. */
static CURLcode perform(struct http *http)
{
    int n_running = 1, n_left = 0;
    CURLMcode code = curl_multi_add_handle(http->multi, http->curl);
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    while (code == CURLM_OK && n_running && !interrupt_requested()) {
        code = curl_multi_perform(http->multi, &n_running);
        if (code == CURLM_OK && n_running)
            code = curl_multi_poll(http->multi, NULL, 0, STEP_MS, NULL);
    }
    const CURLMsg *message = code == CURLM_OK ? curl_multi_info_read(http->multi, &n_left) : NULL;
    if (message && message->msg == CURLMSG_DONE) result = message->data.result;
    else if (code != CURLM_OK) result = CURLE_OUT_OF_MEMORY;
#if LIBCURL_VERSION_NUM >= 0x075700 /* a name that is being looked up is not waited for */
    curl_easy_setopt(http->curl, CURLOPT_QUICK_EXIT, (long)interrupt_requested());
#endif
    curl_multi_remove_handle(http->multi, http->curl);
    return result;
}

/* Whether there is a reply: its status, and its body without secrets. A body without an end is cut:
 * *is_endless. */
static bool receive(struct http *http, struct http_reply *reply, bool *is_endless, struct err *err)
{
    long status = 0;
    buf_free(&http->raw);
    buf_free(&http->body);
    http->reason[0] = 0;
    http->asked_s = 0;
    CURLcode code = perform(http);
    *is_endless = code == CURLE_WRITE_ERROR && http->raw.failed;
    if (code == CURLE_OK || *is_endless) {
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
        reply->status = (int)status;
        redact(http, buf_string(&http->raw), http->raw.n_bytes, &http->body);
        return buf_check(&http->body, err);
    }
    const char *reason = http->reason[0] ? http->reason : curl_easy_strerror(code);
    redact(http, reason, strlen(reason), &http->body);
    return err_set(err, ERR_IO, "%s", buf_string(&http->body));
}

/* One attempt. AGAIN and HOPELESS with the reason in *err. */
static enum outcome attempt(struct http *http, http_accept_fn *accept, void *context,
                            struct http_reply *reply, struct err *err)
{
    char said[MAX_EXCERPT];
    bool is_endless;
    reply->status = 0;
    buf_clear(&reply->body);
    if (!receive(http, reply, &is_endless, err)) return err->code == ERR_IO ? AGAIN : HOPELESS;
    if (reply->status == 200 && is_endless) {
        err_set(err, ERR_IO, "the reply is longer than %d MiB", HTTP_MOST_BYTES >> 20);
        return HOPELESS;
    }
    if (reply->status == 200) {
        if (accept(context, buf_string(&http->body), http->body.n_bytes, err)) return FINAL;
        excerpt(err->message, said);
        err_set(err, err->code, "%s", said);
        return err->code == ERR_INPUT ? AGAIN : HOPELESS;
    }
    excerpt(buf_string(&http->body), said);
    err_set(err, ERR_IO, "status %d: %s", reply->status, said);
    buf_text(&reply->body, said);
    return is_temporary(reply->status) || reply->status < 400 ? AGAIN : FINAL;
}

/* A server on this machine is never behind a proxy. */
static void set_url(struct http *http, const char *url)
{
    bool is_local = !strncmp(url, "http://127.", 11) || !strncmp(url, "http://localhost", 16) ||
                    !strncmp(url, "http://[::1]", 12);
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_PROXY, is_local ? "" : NULL);
}

static void set_body(struct http *http, const struct buf *body)
{
    if (!body) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n_bytes);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, buf_string(body));
}

bool http_ask(struct http *http, const char *url, const struct buf *body, http_accept_fn *accept,
              void *context, struct http_reply *reply, struct err *err)
{
    struct err why = {0};
    *reply = (struct http_reply){0};
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        return err_set(err, ERR_IO, "%s is no address of a server: http:// or https://", url);
    set_url(http, url);
    set_body(http, body);
    while (reply->n_attempts <= http->options.n_retries) {
        if (reply->n_attempts && !wait_for(wait_before(http, reply->n_attempts))) break;
        reply->n_attempts++;
        enum outcome outcome = attempt(http, accept, context, reply, &why);
        if (outcome == FINAL) return buf_check(&reply->body, err);
        if (outcome == HOPELESS) return err_set(err, why.code, "%s: %s", url, why.message);
        if (interrupt_requested()) break;
    }
    if (!interrupt_check(err)) return false;
    return err_set(err, ERR_IO, "%s failed %d times; the last time: %s", url, reply->n_attempts,
                   why.message);
}
