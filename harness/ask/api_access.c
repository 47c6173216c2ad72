/* api_access.c - see api_access.h. Values of variables are looked up when a server is to be asked,
 * and go into the lines that are sent and among the secrets, nowhere else.
 */
#include "harness/ask/api_access.h"

#include <stdlib.h>
#include <string.h>

bool api_find_key(const char *variable, const char **key, struct err *err)
{
    *key = variable ? getenv(variable) : NULL;
    if (variable && !*key)
        return err_set(err, ERR_CONFIG,
                       "the environment variable %s, which holds the key, is not set", variable);
    return !*key || !strpbrk(*key, "\r\n") ||
           err_set(err, ERR_CONFIG,
                   "the environment variable %s, which holds the key, holds a "
                   "line end",
                   variable);
}

/* The value of the variable that text[0..n) names. */
static bool add_variable(struct secrets *secrets, const char *header, const char *text, size_t n,
                         struct buf *line, struct err *err)
{
    struct buf name = {0};
    buf_append(&name, text, n);
    const char *value = buf_check(&name, err) ? getenv(buf_string(&name)) : NULL;
    bool ok = true;
    if (!value)
        ok = err_set(err, ERR_CONFIG,
                     "the environment variable %s, which the header %s takes, is not set",
                     buf_string(&name), header);
    else if (strpbrk(value, "\r\n"))
        ok = err_set(err, ERR_CONFIG,
                     "the environment variable %s, which the header %s takes, holds a line end",
                     buf_string(&name), header);
    buf_free(&name);
    if (!ok) return false;
    buf_text(line, value);
    return secrets_add(secrets, value, err);
}

static bool write_header(const struct api_header *header, struct secrets *secrets, struct buf *line,
                         struct err *err)
{
    const char *text = header->value;
    buf_printf(line, "%s: ", header->name);
    for (const char *end; (end = strstr(text, "${")) && strchr(end, '}');) {
        buf_append(line, text, (size_t)(end - text));
        text = strchr(end, '}');
        if (!add_variable(secrets, header->name, end + 2, (size_t)(text++ - end - 2), line, err))
            return false;
    }
    buf_text(line, text);
    return buf_check(line, err);
}

static bool write_headers(const struct api_options *options, struct api_access *access,
                          struct err *err)
{
    const char **lines = arena_alloc(access->arena, options->n_headers, sizeof *lines, err);
    if (!lines) return false;
    access->http.headers = lines;
    access->http.n_headers = options->n_headers;
    for (size_t i = 0; i < options->n_headers; i++) {
        struct buf line = {0};
        bool ok = write_header(&options->headers[i], access->secrets, &line, err);
        lines[i] = ok ? arena_take(access->arena, &line, err) : NULL;
        if (!ok) buf_free(&line);
        if (!lines[i]) return false;
    }
    return true;
}

bool api_access_open(const struct api_options *options, struct api_access *access, struct err *err)
{
    *access = (struct api_access){.arena = arena_new(0, err)};
    access->secrets = access->arena ? secrets_new(err) : NULL;
    access->http = (struct http_options){.key = options->key,
                                         .secrets = access->secrets,
                                         .timeout_s = options->timeout_s,
                                         .n_retries = options->n_retries,
                                         .wait_s = options->wait_s,
                                         .log = options->log};
    bool ok = access->secrets && secrets_add(access->secrets, options->key, err) &&
              write_headers(options, access, err) && http_start(err);
    if (ok) return true;
    secrets_free(access->secrets);
    arena_free(access->arena);
    return false;
}

void api_access_close(struct api_access *access)
{
    http_stop();
    secrets_free(access->secrets);
    arena_free(access->arena);
}

bool api_access_check(const struct api_options *options, const char *key_env, struct err *err)
{
    struct api_access access;
    const char *key;
    if (!api_find_key(key_env, &key, err) || !api_access_open(options, &access, err)) return false;
    api_access_close(&access);
    return true;
}
