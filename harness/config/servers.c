/* servers.c - the map `api` of a configuration: a server behind which a model or a judge stands,
 * and what every request to it says beyond what a suite asks.
 *
 * A secret is named by its environment variable, so that it is in no file and no database; whether
 * the variables are set is for the plan to say.
 */
#include "base/json.h"
#include "base/mem.h"
#include "harness/config/grammar.h"
#include "harness/config/parts.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(name, names[i])) return true;
    return false;
}

/* ---- The URL ---- */

static bool check_url(const struct config_node *node, const char *url, struct err *err)
{
    bool is_http = !strncmp(url, "http://", 7), is_https = !strncmp(url, "https://", 8);
    if (!is_http && !is_https)
        return config_fail(node, err, "base_url must begin with http:// or https://");
    const char *host = url + (is_http ? 7 : 8);
    size_t n_host = strcspn(host, "/?#");
    return !memchr(host, '@', n_host) ||
           config_fail(node, err,
                       "base_url holds a user name or password, which would be stored: give it by "
                       "key_env, or in headers as ${NAME}");
}

/* ---- Headers ---- */

static bool check_header(const struct config_node *node, const char *value, struct err *err)
{
    static const char *const ours[] = {"Content-Type", "Content-Length", "Transfer-Encoding",
                                       "Expect",       "Connection",     "Host"};
    for (const char *c = node->key; *c || c == node->key; c++)
        if (!isalnum((unsigned char)*c) && !(*c && strchr("!#$%&'*+.^_`|~-", *c)))
            return config_fail_key(node, err, "\"%.64s\" cannot be the name of a header",
                                   node->key);
    if (is_one_of(node->key, ours, COUNT_OF(ours)))
        return config_fail_key(node, err, "the header %s is phibench's own", node->key);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return config_fail(node, err, "the header %s holds a control character", node->key);
    for (const char *at = value; (at = strstr(at, "${")); at++) {
        const char *end = strchr(at, '}');
        if (!end || end == at + 2)
            return config_fail(node, err,
                               "the header %s: \"${\" without the name of a variable and \"}\"",
                               node->key);
    }
    return true;
}

static bool read_headers(struct arena *arena, const struct config_node *map,
                         struct api_options *options, struct err *err)
{
    if (!map) return true;
    if (map->kind != CONFIG_MAP)
        return config_fail(map, err, "headers must be a map (NAME: value)");
    struct api_header *headers = arena_alloc(arena, config_count(map), sizeof *headers, err);
    if (!headers) return false;
    options->headers = headers;
    for (const struct config_node *node = map->first; node; node = node->next) {
        struct api_header *header = &headers[options->n_headers++];
        header->name = node->key;
        if (!config_read_text(arena, node, node->key, CONFIG_TEXT, &header->value, err) ||
            !check_header(node, header->value, err))
            return false;
    }
    return true;
}

/* ---- Members of the body ---- */

static bool put_number(struct json_writer *json, const struct config_node *node, struct err *err)
{
    char *end;
    double value = strtod(node->text, &end);
    const char *digits = node->text + (*node->text == '-');
    bool is_decimal = digits[strspn(digits, "0123456789")] == 0 && (*digits != '0' || !digits[1]);
    if (config_scalar_kind(node) == SCALAR_INTEGER && is_decimal) {
        json_put_raw(json, node->text);
        return true;
    }
    if (config_scalar_kind(node) == SCALAR_INTEGER || *end || !isfinite(value))
        return config_fail(node, err, "%.64s: a number of the body must be decimal, and finite",
                           node->text);
    json_put_number(json, value);
    return true;
}

static bool put_scalar(struct json_writer *json, const struct config_node *node, struct err *err)
{
    static const char *const truths[] = {"false", "true"};
    switch (config_scalar_kind(node)) {
    case SCALAR_NULL: json_put_null(json); return true;
    case SCALAR_TEXT: json_put_string(json, node->text); return true;
    case SCALAR_INTEGER:
    case SCALAR_FLOAT: return put_number(json, node, err);
    case SCALAR_BOOL: break;
    }
    if (!is_one_of(node->text, truths, 2))
        return config_fail(node, err, "%s: write true, false, or \"%s\" in quotes", node->text,
                           node->text);
    json_put_bool(json, tolower((unsigned char)*node->text) == 't');
    return true;
}

/* No deeper than a configuration may be. */
static bool put_node(struct json_writer *json, const struct config_node *node, struct err *err)
{
    if (node->kind == CONFIG_SCALAR) return put_scalar(json, node, err);
    bool is_map = node->kind == CONFIG_MAP;
    (is_map ? json_begin_object : json_begin_array)(json);
    for (const struct config_node *child = node->first; child; child = child->next) {
        if (is_map) json_key(json, child->key);
        if (!put_node(json, child, err)) return false;
    }
    (is_map ? json_end_object : json_end_array)(json);
    return true;
}

/* A member that a request has already would stand there twice. */
static bool check_field(const struct config_node *node, const struct api_options *options,
                        struct err *err)
{
    static const char *const ours[] = {
        "model", "messages", "prompt", "stop",   "max_tokens", "max_completion_tokens",
        "seed",  "logprobs", "echo",   "stream", "n"};
    if (!strcmp(node->key, "temperature"))
        return options->omits_temperature ||
               config_fail_key(node, err,
                               "temperature is what a suite asks for: write \"temperature: omit\" "
                               "beside the body first");
    return !is_one_of(node->key, ours, COUNT_OF(ours)) ||
           config_fail_key(node, err, "%s is said by phibench, and cannot be a field of the body",
                           node->key);
}

static bool read_fields(struct arena *arena, const struct config_node *map,
                        struct api_options *options, struct err *err)
{
    if (!map) return true;
    if (map->kind != CONFIG_MAP) return config_fail(map, err, "body must be a map (NAME: value)");
    struct api_field *fields = arena_alloc(arena, config_count(map), sizeof *fields, err);
    if (!fields) return false;
    options->fields = fields;
    for (const struct config_node *node = map->first; node; node = node->next) {
        struct buf text = {0};
        struct json_writer json = {.out = &text};
        struct api_field *field = &fields[options->n_fields++];
        field->name = node->key;
        bool ok = check_field(node, options, err) && put_node(&json, node, err);
        field->json = ok ? arena_take(arena, &text, err) : NULL;
        if (!ok) buf_free(&text);
        if (!field->json) return false;
    }
    return true;
}

bool config_read_api(struct config *config, const struct config_node *map,
                     const struct api_options **options, const char **key_env, struct err *err)
{
    struct config_api *api = arena_alloc(config->arena, 1, sizeof *api, err);
    if (!api || !config_read_map(config->arena, map, &CONFIG_TABLES[MAP_API], api, err) ||
        !check_url(config_find(map, "base_url"), api->options.base_url, err) ||
        !read_headers(config->arena, config_find(map, "headers"), &api->options, err) ||
        !read_fields(config->arena, config_find(map, "body"), &api->options, err))
        return false;
    api->options.wait_s = api->wait_ms * 1e-3;
    *options = &api->options;
    *key_env = api->key_env;
    return true;
}

const struct api_options *config_read_server(struct arena *arena, const char *base_url,
                                             const char *model, const char *const *settings,
                                             size_t n_settings, const char **key_env,
                                             struct err *err)
{
    struct buf text = {0};
    struct json_writer json = {.out = &text};
    struct config config = {.arena = arena};
    const struct api_options *options = NULL;
    json_begin_object(&json);
    json_set_string(&json, "base_url", base_url);
    json_set_string(&json, "model", model);
    json_end_object(&json);
    struct config_node *map = NULL;
    if (buf_check(&text, err))
        map = config_parse(arena, buf_string(&text), text.n_bytes, "--api", err);
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < n_settings; i++)
        ok = config_override(arena, map, settings[i], err);
    ok = ok && config_read_api(&config, map, &options, key_env, err);
    buf_free(&text);
    return ok ? options : NULL;
}
