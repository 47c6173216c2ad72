/* api_keys.c - a model behind a server, as a configuration names it: for models under test and
 * for judges.
 *
 * A key is named by its environment variable, so that it is in no file and no database.
 */
#include "harness/config/keys.h"
#include "harness/config/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct raw_api {
    const char *base_url, *model, *key_env;
    const struct config_node *price_in, *price_out;
    int64_t concurrency, timeout_s, retries, wait_ms;
    int logprobs, endpoint;
};

static const char *const logprobs_names[] = {"none", "echo", NULL};
static const char *const endpoint_names[] = {"chat", "completions", NULL};

static const struct config_key API_KEYS[] = {
    {.name = "base_url",
     .type = CONFIG_PATH,
     .offset = offsetof(struct raw_api, base_url),
     .required = true},
    {.name = "model",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct raw_api, model),
     .required = true},
    {.name = "key_env", .type = CONFIG_TEXT, .offset = offsetof(struct raw_api, key_env)},
    {.name = "logprobs",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_api, logprobs),
     .choices = logprobs_names},
    {.name = "endpoint",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_api, endpoint),
     .choices = endpoint_names},
    {.name = "concurrency",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_api, concurrency),
     .low = 1,
     .high = API_MAX_CONCURRENCY},
    {.name = "timeout",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_api, timeout_s),
     .low = 1,
     .high = 86400},
    {.name = "retries",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_api, retries),
     .low = 0,
     .high = 100},
    {.name = "wait_ms",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_api, wait_ms),
     .low = 1,
     .high = 600000},
    {.name = "price_in", .type = CONFIG_NODE, .offset = offsetof(struct raw_api, price_in)},
    {.name = "price_out", .type = CONFIG_NODE, .offset = offsetof(struct raw_api, price_out)},
};

static bool read_price(const struct config_node *node, double *price, struct err *err)
{
    char *end;
    if (!node) return true;
    if (node->kind == CONFIG_SCALAR) {
        *price = strtod(node->text, &end);
        if (end != node->text && !*end && isfinite(*price) && *price >= 0) return true;
    }
    return config_fail(node, err, "%s must be the price of a million tokens, as in 0.15",
                       node->key);
}

bool config_read_api(struct config *config, const struct config_node *map,
                     const struct api_options **options, const char **key_env, struct err *err)
{
    struct raw_api raw = {.concurrency = API_CONCURRENCY,
                          .timeout_s = API_TIMEOUT_S,
                          .retries = API_RETRIES,
                          .wait_ms = API_WAIT_MS};
    struct api_options *api = arena_alloc(config->arena, 1, sizeof *api, err);
    if (!api || !config_read_map(config->arena, map, "api", API_KEYS,
                                 sizeof API_KEYS / sizeof API_KEYS[0], &raw, err))
        return false;
    if (strncmp(raw.base_url, "http://", 7) != 0 && strncmp(raw.base_url, "https://", 8) != 0)
        return config_fail(config_find(map, "base_url"), err,
                           "base_url must begin with http:// or https://");
    *api = (struct api_options){.base_url = raw.base_url,
                                .model = raw.model,
                                .echoes = raw.logprobs == 1,
                                .completes = raw.endpoint == 1,
                                .n_concurrent = (int)raw.concurrency,
                                .n_retries = (int)raw.retries,
                                .timeout_s = (double)raw.timeout_s,
                                .wait_s = (double)raw.wait_ms * 1e-3};
    *options = api;
    *key_env = raw.key_env;
    return read_price(raw.price_in, &api->price_in, err) &&
           read_price(raw.price_out, &api->price_out, err);
}
