/* models.c - the `models` of a configuration: where their weights are, and in which
 * quantizations they run.
 *
 * A synthetic model is generated in every type that is asked for. What a GGUF file holds is
 * compared with what is asked for when the plan is made, which makes the others of it: no file is
 * opened here.
 */
#include "base/file.h"
#include "base/mem.h"
#include "harness/config/grammar.h"
#include "harness/config/parts.h"

#include <ctype.h>
#include <string.h>

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

static bool read_variants(struct config *config, const struct config_node *map,
                          struct config_model *model, struct err *err)
{
    const struct config_node *list = config_find(map, "quantizations");
    size_t n = !list ? 1 : list->kind == CONFIG_LIST ? config_count(list) : 1;
    if (!n) return config_fail(list, err, "quantizations is an empty list");
    struct config_variant *variants = arena_alloc(config->arena, n, sizeof *variants, err);
    if (!variants) return false;
    model->variants = variants;
    model->n_variants = n;
    if (!list) {
        const struct config_node *path = config_find(map, "path");
        variants[0] = (struct config_variant){.path = model->path, .place = config_place(path)};
        if (is_synthetic(model->path) && !strchr(model->path + strlen("synth:"), ':'))
            return config_fail(path, err,
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

/* What stands beside `api` is said of the server's model. */
static bool set_options(struct config *config, const struct config_node *map,
                        struct config_model *model, struct err *err)
{
    const struct config_node *api = config_find(map, "api");
    static const char *const both[] = {"revision", "reasoning_tokens"};
    for (size_t i = 0; i < COUNT_OF(both); i++)
        if (config_find(map, both[i]) && config_find(api, both[i]))
            return config_fail_key(config_find(map, both[i]), err, "%s stands in api, too",
                                   both[i]);
    struct api_options *options =
        arena_copy_array(config->arena, model->api, 1, sizeof *options, err);
    if (!options) return false;
    if (model->revision) options->revision = model->revision;
    if (model->reasoning_tokens) options->reasoning_tokens = model->reasoning_tokens;
    model->api = options;
    return true;
}

/* A server has one variant, its URL, and decides itself about BOS and its cache. */
static bool read_api_model(struct config *config, const struct config_node *map,
                           struct config_model *model, struct err *err)
{
    const struct config_node *api = config_find(map, "api"), *unfit = config_find(map, "path");
    struct config_variant *variant = arena_alloc(config->arena, 1, sizeof *variant, err);
    if (!variant || !config_read_api(config, api, &model->api, &model->key_env, err) ||
        !set_options(config, map, model, err))
        return false;
    if (!unfit) unfit = config_find(map, "quantizations");
    if (unfit)
        return config_fail_key(unfit, err, "%s says where weights are: a model with api has none",
                               unfit->key);
    model->bos = BOS_AUTO;
    model->kv_type = KV_F16;
    model->rope = ROPE_AUTO;
    model->path = model->api->base_url;
    *variant = (struct config_variant){.path = model->path, .place = config_place(api)};
    model->variants = variant;
    model->n_variants = 1;
    return true;
}

static bool read_path(struct config *config, const struct config_node *map,
                      struct config_model *model, struct err *err)
{
    const struct config_node *node = config_find(map, "path");
    if (!node) return config_fail(map, err, "the model \"%s\" needs the key \"path\"", model->id);
    if (!config_read_text(config->arena, node, "path", CONFIG_PATH, &model->path, err))
        return false;
    if (is_synthetic(model->path)) return true;
    return config_read_text(config->arena, node, "path", CONFIG_EXISTING, &model->path, err);
}

static bool read_model(struct config *config, const struct config_node *map,
                       struct config_model *model, struct err *err)
{
    if (!config_read_map(config->arena, map, &CONFIG_TABLES[MAP_MODEL], model, err)) return false;
    model->place = config_place(map);
    /* Whether there are published numbers of that name is for the plan to say. */
    if (model->published) model->published_place = config_place(config_find(map, "published"));
    if (config_find(map, "api")) return read_api_model(config, map, model, err);
    if (model->revision)
        return config_fail_key(config_find(map, "revision"), err,
                               "revision is said of a model with api: weights are known by their "
                               "hash");
    return read_path(config, map, model, err) && read_variants(config, map, model, err);
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
