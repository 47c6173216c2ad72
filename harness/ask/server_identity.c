/* server_identity.c - see server_identity.h. The members that count are listed here, and the others
 * are not: vLLM and llama.cpp write the time of the request into "created", and vLLM random ids
 * into "permission". A list knows what it lets in; a program that adds a clock to its reply
 * tomorrow changes nothing.
 *
 * A text too long to be shown, as a chat template is, stands there by its hash.
 */
#include "harness/ask/server_identity.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "harness/ask/api_access.h"

#include <string.h>

enum { MOST_SHOWN_BYTES = 256 };
static const double MOST_SECONDS = 30; /* a description is not worth a longer wait */

/* Of an entry of /v1/models, of its "meta" (llama.cpp), and of /props. */
static const char *const MODEL_MEMBERS[] = {"id",
                                            "root",
                                            "parent",
                                            "owned_by",
                                            "max_model_len",
                                            "revision",
                                            "version",
                                            "sha",
                                            "model_sha",
                                            "digest",
                                            "hash",
                                            "fingerprint",
                                            "path",
                                            "model_path",
                                            "architecture",
                                            "arch",
                                            "quantization",
                                            "dtype",
                                            "context_length",
                                            "context_window",
                                            "compatibility_type"};
static const char *const META_MEMBERS[] = {"vocab_type", "n_vocab", "n_ctx_train", "n_embd",
                                           "n_params",   "size",    "ftype"};
static const char *const PROPS_MEMBERS[] = {"model_path",    "model_alias", "build_info",
                                            "chat_template", "bos_token",   "eos_token"};

/* ---- Reading ---- */

static bool put_member(struct json_writer *json, const char *name, const struct json *value,
                       struct err *err)
{
    const char *text = json_as_string(value, "");
    char hash[SHA256_HEX_BYTES];
    json_key(json, name);
    if (strlen(text) <= MOST_SHOWN_BYTES) return json_put_value(json, value, err);
    if (!sha256_text(text, hash, err)) return false;
    struct buf shown = {0};
    buf_printf(&shown, "sha256:%s", hash);
    json_put_string(json, buf_string(&shown));
    buf_free(&shown);
    return true;
}

/* Writes those of the named members that are numbers, truth values or texts; counts them. */
static bool put_members(struct json_writer *json, const struct json *object,
                        const char *const *names, size_t n, size_t *n_put, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct json *value = json_get(object, names[i]);
        enum json_kind kind = json_kind(value);
        bool is_known = kind == JSON_KIND_BOOL || kind == JSON_KIND_NUMBER ||
                        (kind == JSON_KIND_STRING && *json_as_string(value, ""));
        if (!is_known) continue;
        if (!put_member(json, names[i], value, err)) return false;
        ++*n_put;
    }
    return true;
}

/* The entry of the model. A server of one model answers for it under any name. */
static const struct json *find_entry(const struct json *root, const char *model)
{
    const struct json *list = json_get(root, "data");
    size_t n = json_length(list);
    for (size_t i = 0; i < n; i++) {
        const struct json *entry = json_at(list, i);
        if (!strcmp(json_as_string(json_get(entry, "id"), ""), model)) return entry;
    }
    return n == 1 ? json_at(list, 0) : NULL;
}

bool server_read_models(const char *body, size_t n_bytes, const char *model,
                        struct json_writer *json, bool *is_found, struct err *err)
{
    size_t n_put = 0;
    struct json *root = json_parse_repaired(body, n_bytes, "", err);
    const struct json *entry = find_entry(root, model), *meta = json_get(entry, "meta");
    bool ok = root != NULL;
    *is_found = json_kind(entry) == JSON_KIND_OBJECT;
    if (ok && *is_found) {
        json_key(json, "models");
        json_begin_object(json);
        ok = put_members(json, entry, MODEL_MEMBERS, COUNT_OF(MODEL_MEMBERS), &n_put, err) &&
             put_members(json, meta, META_MEMBERS, COUNT_OF(META_MEMBERS), &n_put, err);
        json_end_object(json);
    }
    json_free(root);
    return ok;
}

bool server_read_props(const char *body, size_t n_bytes, struct json_writer *json, bool *is_found,
                       struct err *err)
{
    size_t n_put = 0;
    struct buf text = {0};
    struct json_writer members = {.out = &text};
    struct json *root = json_parse_repaired(body, n_bytes, "", err);
    json_begin_object(&members);
    bool ok =
        root && put_members(&members, root, PROPS_MEMBERS, COUNT_OF(PROPS_MEMBERS), &n_put, err);
    json_end_object(&members);
    ok = ok && buf_check(&text, err);
    *is_found = ok && n_put > 0;
    if (*is_found) {
        json_key(json, "props");
        json_put_raw(json, buf_string(&text));
    }
    buf_free(&text);
    json_free(root);
    return ok;
}

/* ---- Asking ---- */

struct question {
    const struct api_options *options;
    struct json_writer *json;
    bool is_props, is_found;
};

/* What cannot be read is not asked for again: ERR_UNSUPPORTED. */
static bool read_reply(void *context, const char *body, size_t n_bytes, struct err *err)
{
    struct question *question = context;
    struct err own = {0};
    bool ok = question->is_props
                  ? server_read_props(body, n_bytes, question->json, &question->is_found, &own)
                  : server_read_models(body, n_bytes, question->options->model, question->json,
                                       &question->is_found, &own);
    return ok ||
           err_set(err, own.code == ERR_INPUT ? ERR_UNSUPPORTED : own.code, "%s", own.message);
}

/* Asks once; where nothing came of it, *why says why not. */
static bool ask(struct http *http, struct question *question, const char *url, struct arena *arena,
                const char **why, struct err *err)
{
    struct http_reply reply = {0};
    struct err own = {0};
    bool ok = http_ask(http, url, NULL, read_reply, question, &reply, &own);
    bool is_fatal = !ok && (own.code == ERR_INTERRUPTED || own.code == ERR_MEMORY ||
                            (own.code == ERR_IO && !reply.status && !question->is_props));
    if (is_fatal) {
        if (err) *err = own;
    } else if (reply.status != 200) *why = arena_printf(arena, err, "status %d", reply.status);
    else if (!ok) *why = arena_string(arena, "its reply cannot be read", err);
    else if (!question->is_found) *why = arena_string(arena, "it does not list the model", err);
    buf_free(&reply.body);
    return !is_fatal && (question->is_found || *why);
}

/* llama.cpp's server has /props beside /v1. */
static void write_props_url(const struct api_options *options, struct buf *url)
{
    static const char version[] = "/v1";
    size_t n = sizeof version - 1;
    api_write_url(options, "", url);
    if (url->n_bytes >= n && !memcmp(url->data + url->n_bytes - n, version, n)) url->n_bytes -= n;
    buf_text(url, "/props");
}

static bool ask_both(const struct api_options *options, struct http *http, struct arena *arena,
                     struct server_words *words, struct err *err)
{
    struct buf text = {0}, models_url = {0}, props_url = {0};
    struct json_writer json = {.out = &text};
    struct question models = {options, &json, false, false}, props = {options, &json, true, false};
    const char *why = NULL, *why_not_props = NULL;
    api_write_url(options, "/models", &models_url);
    write_props_url(options, &props_url);
    json_begin_object(&json);
    bool ok = buf_check(&models_url, err) && buf_check(&props_url, err) &&
              ask(http, &models, buf_string(&models_url), arena, &why, err) &&
              ask(http, &props, buf_string(&props_url), arena, &why_not_props, err);
    json_end_object(&json);
    bool is_any = models.is_found || props.is_found;
    *words = (struct server_words){.why = is_any ? NULL : why};
    if (ok && is_any) ok = (words->json = arena_take(arena, &text, err)) != NULL;
    buf_free(&text);
    buf_free(&models_url);
    buf_free(&props_url);
    return ok;
}

bool server_ask_words(const struct api_options *options, struct arena *arena,
                      struct server_words *words, struct err *err)
{
    struct api_access access;
    if (!api_access_open(options, &access, err)) return false;
    if (access.http.timeout_s > MOST_SECONDS) access.http.timeout_s = MOST_SECONDS;
    struct http *http = http_open(&access.http, err);
    bool ok = http && ask_both(options, http, arena, words, err);
    http_close(http);
    api_access_close(&access);
    return ok;
}

/* ---- The whole identity ---- */

static void put_settings(struct json_writer *json, const struct api_options *options)
{
    json_set_string(json, "endpoint", options->completes ? "completions" : "chat");
    if (options->names_completion_tokens) json_set_bool(json, "max_completion_tokens", true);
    if (options->omits_temperature) json_set_string(json, "temperature", "omit");
    if (options->reasoning_tokens)
        json_set_integer(json, "reasoning_tokens", (int64_t)options->reasoning_tokens);
    if (options->n_headers) {
        json_key(json, "headers");
        json_begin_object(json);
        for (size_t i = 0; i < options->n_headers; i++)
            json_set_string(json, options->headers[i].name, options->headers[i].value);
        json_end_object(json);
    }
    if (!options->n_fields) return;
    json_key(json, "body");
    json_begin_object(json);
    for (size_t i = 0; i < options->n_fields; i++) {
        json_key(json, options->fields[i].name);
        json_put_raw(json, options->fields[i].json);
    }
    json_end_object(json);
}

const char *server_describe(const struct api_options *options, const char *id,
                            const struct server_words *words, struct arena *arena, struct err *err)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    json_begin_object(&json);
    if (id) json_set_string(&json, "id", id);
    json_set_string(&json, "base_url", options->base_url);
    json_set_string(&json, "model", options->model);
    if (options->revision) json_set_string(&json, "revision", options->revision);
    put_settings(&json, options);
    json_key(&json, "says");
    if (words->json) json_put_raw(&json, words->json);
    else json_put_string(&json, words->is_unreachable ? "not known" : NULL);
    json_end_object(&json);
    return arena_take(arena, &text, err);
}
