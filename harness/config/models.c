/* models.c - the `models` of a configuration: where their weights are, and in which
 * quantizations they run.
 *
 * A synthetic model is generated in every type that is asked for. What a GGUF file holds is
 * compared with what is asked for when the plan is made, which makes the others of it: no file is
 * opened here.
 */
#include "base/file.h"
#include "harness/config/keys.h"
#include "harness/config/parts.h"

#include <ctype.h>
#include <string.h>

enum { MAX_CONTEXT_TOKENS = 1 << 22 };

struct raw_model {
    const char *id;
    const struct config_node *path, *quantizations, *published, *api;
    int64_t context_tokens;
    int bos, kv;
};

static const char *const bos_names[] = {"auto", "always", "never",
                                        NULL};              /* in the order of enum bos_policy */
static const char *const kv_names[] = {"f16", "f32", NULL}; /* in the order of enum kv_type */

static const struct config_key MODEL_KEYS[] = {
    {.name = "id", .type = CONFIG_TEXT, .offset = offsetof(struct raw_model, id), .required = true},
    {.name = "path", .type = CONFIG_NODE, .offset = offsetof(struct raw_model, path)},
    {.name = "quantizations",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_model, quantizations)},
    {.name = "published", .type = CONFIG_NODE, .offset = offsetof(struct raw_model, published)},
    {.name = "api", .type = CONFIG_NODE, .offset = offsetof(struct raw_model, api)},
    {.name = "context",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_model, context_tokens),
     .low = 16,
     .high = MAX_CONTEXT_TOKENS},
    {.name = "bos",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_model, bos),
     .choices = bos_names},
    {.name = "kv",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_model, kv),
     .choices = kv_names},
};

static bool is_synthetic(const char *path)
{
    return !strncmp(path, "synth:", 6);
}

/* "synth:SHAPE[:TYPE[:REST]]" with its type replaced. */
static const char *synthetic_path(struct arena *arena, const char *path, const char *type,
                                  struct err *err)
{
    const char *shape = path + strlen("synth:");
    size_t n_shape = strcspn(shape, ":");
    const char *rest = shape + n_shape;
    if (*rest) rest = strchr(rest + 1, ':');
    return arena_printf(arena, err, "synth:%.*s:%s%s", (int)n_shape, shape, type, rest ? rest : "");
}

/* A type's name as tables show it. */
static const char *lower_case(struct arena *arena, const char *text, struct err *err)
{
    char *copy = arena_copy(arena, text, strlen(text), err);
    for (char *c = copy; c && *c; c++) *c = (char)tolower((unsigned char)*c);
    return copy;
}

static bool read_variant(struct config *config, const char *path, const struct config_node *node,
                         struct config_variant *variant, struct err *err)
{
    variant->path = path;
    variant->place = config_place(node);
    if (!config_read_text(config->arena, node, "quantizations", CONFIG_TEXT, &variant->quantization,
                          err) ||
        !(variant->quantization = lower_case(config->arena, variant->quantization, err)))
        return false;
    if (is_synthetic(path))
        variant->path = synthetic_path(config->arena, path, variant->quantization, err);
    return variant->path != NULL;
}

static bool read_variants(struct config *config, const struct raw_model *raw,
                          struct config_model *model, struct err *err)
{
    const struct config_node *list = raw->quantizations;
    size_t n = !list ? 1 : list->kind == CONFIG_LIST ? config_count(list) : 1;
    if (!n) return config_fail(list, err, "quantizations is an empty list");
    struct config_variant *variants = arena_alloc(config->arena, n, sizeof *variants, err);
    if (!variants) return false;
    model->variants = variants;
    model->n_variants = n;
    if (!list) {
        variants[0] =
            (struct config_variant){.path = model->path, .place = config_place(raw->path)};
        if (is_synthetic(model->path) && !strchr(model->path + strlen("synth:"), ':'))
            return config_fail(raw->path, err,
                               "%s names no type: write %s:q4_0, or give the model quantizations",
                               model->path, model->path);
        return true;
    }
    const struct config_node *node = list->kind == CONFIG_LIST ? list->first : list;
    for (size_t i = 0; i < n; i++, node = node->next) {
        if (!read_variant(config, model->path, node, &variants[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(variants[j].quantization, variants[i].quantization))
                return config_fail(node, err, "quantizations: \"%s\" stands here a second time",
                                   variants[i].quantization);
    }
    return true;
}

/* Whether there are published numbers of that name is for the plan to say. */
static bool read_published(struct config *config, const struct config_node *node,
                           struct config_model *model, struct err *err)
{
    if (!node) return true;
    model->published_place = config_place(node);
    return config_read_text(config->arena, node, "published", CONFIG_TEXT, &model->published, err);
}

static bool read_api_model(struct config *config, const struct config_node *node,
                           const struct raw_model *raw, struct config_model *model, struct err *err)
{
    struct config_variant *variant = arena_alloc(config->arena, 1, sizeof *variant, err);
    if (!variant || !config_read_api(config, raw->api, &model->api, &model->key_env, err))
        return false;
    const struct config_node *unfit = raw->path ? raw->path : raw->quantizations;
    if (unfit)
        return config_fail_key(unfit, err, "%s says where weights are: a model with api has none",
                               unfit->key);
    *variant =
        (struct config_variant){.path = model->api->base_url, .place = config_place(raw->api)};
    model->id = raw->id;
    model->path = model->api->base_url;
    if (!read_published(config, raw->published, model, err)) return false;
    model->context_tokens = (size_t)raw->context_tokens;
    model->place = config_place(node);
    model->variants = variant;
    model->n_variants = 1;
    return true;
}

static bool read_model(struct config *config, const struct config_node *node,
                       struct config_model *model, struct err *err)
{
    struct raw_model raw = {0};
    if (!config_read_map(config->arena, node, "a model", MODEL_KEYS,
                         sizeof MODEL_KEYS / sizeof MODEL_KEYS[0], &raw, err))
        return false;
    if (raw.api) return read_api_model(config, node, &raw, model, err);
    if (!raw.path) return config_fail(node, err, "the model \"%s\" needs the key \"path\"", raw.id);
    if (!config_read_text(config->arena, raw.path, "path", CONFIG_PATH, &model->path, err))
        return false;
    if (!is_synthetic(model->path) &&
        !config_read_text(config->arena, raw.path, "path", CONFIG_EXISTING, &model->path, err))
        return false;
    if (!is_synthetic(model->path) && file_is_folder(model->path)) {
        config_fail(raw.path, err,
                    "not supported yet: %s is a folder, as of Hugging Face; give a GGUF file",
                    model->path);
        if (err) err->code = ERR_UNSUPPORTED;
        return false;
    }
    model->id = raw.id;
    if (!read_published(config, raw.published, model, err)) return false;
    model->context_tokens = (size_t)raw.context_tokens;
    model->bos = (enum bos_policy)raw.bos;
    model->kv_type = (enum kv_type)raw.kv;
    model->place = config_place(node);
    return read_variants(config, &raw, model, err);
}

bool config_read_models(struct config *config, const struct config_node *list, struct err *err)
{
    if (list->kind != CONFIG_LIST || !list->first)
        return config_fail(list, err, "models must be a list of at least one model");
    size_t n = config_count(list);
    struct config_model *models = arena_alloc(config->arena, n, sizeof *models, err);
    if (!models) return false;
    const struct config_node *node = list->first;
    for (size_t i = 0; i < n; i++, node = node->next) {
        if (!read_model(config, node, &models[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(models[j].id, models[i].id))
                return config_fail(node, err, "the id \"%s\" is taken by the model in line %d",
                                   models[i].id, models[j].place.line);
    }
    config->models = models;
    config->n_models = n;
    return true;
}
