/* config.c - see config.h. Reads the file, applies overrides, checks the whole, and says what it
 * means as a hash.
 *
 * The tables of keys here and in models.c and suites.c are the configuration's
 * grammar.
 */
#include "harness/config/config.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "harness/config/keys.h"
#include "harness/config/parts.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_ARENA_BYTES = 64 << 20 };

struct raw_config {
    const char *name, *db, *cache;
    const struct config_node *defaults, *models, *suites, *report;
};

static const struct config_key TOP_KEYS[] = {
    {.name = "name", .type = CONFIG_TEXT, .offset = offsetof(struct raw_config, name)},
    {.name = "db", .type = CONFIG_PATH, .offset = offsetof(struct raw_config, db)},
    {.name = "cache", .type = CONFIG_PATH, .offset = offsetof(struct raw_config, cache)},
    {.name = "defaults", .type = CONFIG_NODE, .offset = offsetof(struct raw_config, defaults)},
    {.name = "models",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_config, models),
     .required = true},
    {.name = "suites",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_config, suites),
     .required = true},
    {.name = "report", .type = CONFIG_NODE, .offset = offsetof(struct raw_config, report)},
};

struct raw_defaults {
    int64_t threads, batch_tokens, kv_budget;
    int prefix_sharing;
    const struct config_node *isa;
};

static const char *const false_or_true[] = {"false", "true", NULL};

static const struct config_key DEFAULT_KEYS[] = {
    {.name = "threads",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_defaults, threads),
     .low = 0,
     .high = 1024},
    {.name = "batch_tokens",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_defaults, batch_tokens),
     .low = 1,
     .high = 65536},
    {.name = "kv_budget",
     .type = CONFIG_BYTES,
     .offset = offsetof(struct raw_defaults, kv_budget),
     .low = 1 << 20,
     .high = INT64_C(1) << 44},
    {.name = "prefix_sharing",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_defaults, prefix_sharing),
     .choices = false_or_true},
    {.name = "isa", .type = CONFIG_NODE, .offset = offsetof(struct raw_defaults, isa)},
};

struct raw_report {
    const char *out;
};

static const struct config_key REPORT_KEYS[] = {
    {.name = "out",
     .type = CONFIG_PATH,
     .offset = offsetof(struct raw_report, out),
     .required = true},
};

/* A run of hours must not end at a report that had no place to go. */
static bool read_report(struct config *config, const struct config_node *node, struct err *err)
{
    struct raw_report raw = {0};
    if (!config_read_map(config->arena, node, "report", REPORT_KEYS,
                         sizeof REPORT_KEYS / sizeof REPORT_KEYS[0], &raw, err))
        return false;
    config->report_out = raw.out;
    if (!file_exists(raw.out) || file_is_folder(raw.out)) return true;
    return config_fail(config_find(node, "out"), err, "out: %s is a file, not a folder", raw.out);
}

/* The level's name alone: whether this machine has it is asked when a model is opened. */
static bool read_isa(struct config *config, const struct config_node *node, struct err *err)
{
    enum isa isa;
    struct err reason = {0};
    if (!config_read_text(config->arena, node, "isa", CONFIG_TEXT, &config->isa, err)) return false;
    if (isa_parse(config->isa, &isa, &reason)) return true;
    return config_fail(node, err, "%s", reason.message);
}

static bool read_defaults(struct config *config, const struct config_node *node, struct err *err)
{
    struct raw_defaults raw = {.batch_tokens = 512, .prefix_sharing = true};
    if (node && !config_read_map(config->arena, node, "defaults", DEFAULT_KEYS,
                                 sizeof DEFAULT_KEYS / sizeof DEFAULT_KEYS[0], &raw, err))
        return false;
    config->n_threads = (int)raw.threads;
    config->batch_tokens = (size_t)raw.batch_tokens;
    config->kv_budget_bytes = (uint64_t)raw.kv_budget;
    config->shares_prefixes = raw.prefix_sharing;
    return !raw.isa || read_isa(config, raw.isa, err);
}

static bool read_tree(struct config *config, const struct config_node *root, struct err *err)
{
    struct raw_config raw = {.db = "out/phibench.db"};
    if (!config_read_map(config->arena, root, "the configuration", TOP_KEYS,
                         sizeof TOP_KEYS / sizeof TOP_KEYS[0], &raw, err) ||
        !read_defaults(config, raw.defaults, err))
        return false;
    if (raw.report && !read_report(config, raw.report, err)) return false;
    config->name = raw.name;
    config->db = raw.db;
    config->cache = raw.cache;
    if (!config->name) { /* the file's name without its ending */
        const char *name = file_name(config->file), *dot = strrchr(name, '.');
        config->name = arena_copy(config->arena, name,
                                  dot && dot > name ? (size_t)(dot - name) : strlen(name), err);
        if (!config->name) return false;
    }
    return config_read_models(config, raw.models, err) &&
           config_read_suites(config, raw.suites, err);
}

/* The tree as it is written, and the paths that its variables expand to. */
static bool hash_meaning(struct config *config, const struct config_node *root, struct err *err)
{
    struct buf meaning = {0};
    config_canonical(root, &meaning);
    for (size_t i = 0; i < config->n_models; i++)
        for (size_t j = 0; j < config->models[i].n_variants; j++)
            buf_printf(&meaning, "|%s", config->models[i].variants[j].path);
    for (size_t i = 0; i < config->n_suites; i++)
        if (config->suites[i].options.data)
            buf_printf(&meaning, "|%s", config->suites[i].options.data);
    bool ok = buf_check(&meaning, err) && sha256_text(buf_string(&meaning), config->hash, err);
    buf_free(&meaning);
    return ok;
}

static bool keep_text(struct config *config, const char *text, const char *const *overrides,
                      size_t n_overrides, struct err *err)
{
    struct buf kept = {0};
    buf_text(&kept, text);
    for (size_t i = 0; i < n_overrides; i++) buf_printf(&kept, "# --set %s\n", overrides[i]);
    config->text = arena_take(config->arena, &kept, err);
    return config->text != NULL;
}

static struct config *read_all(const char *text, size_t n_bytes, const char *name,
                               const char *const *overrides, size_t n_overrides, struct err *err)
{
    struct config *config = mem_new(1, sizeof *config, err);
    struct arena *arena = config ? arena_new(MAX_ARENA_BYTES, err) : NULL;
    bool ok = false;
    if (!arena) goto out;
    config->arena = arena;
    if (!(config->file = arena_string(arena, name, err))) goto out;
    struct config_node *root = config_parse(arena, text, n_bytes, name, err);
    if (!root) goto out;
    for (size_t i = 0; i < n_overrides; i++)
        if (!config_override(arena, root, overrides[i], err)) goto out;
    ok = read_tree(config, root, err) && hash_meaning(config, root, err) &&
         keep_text(config, text, overrides, n_overrides, err);
out:
    if (ok) return config;
    config_free(config);
    return NULL;
}

struct config *config_read(const char *path, const char *const *overrides, size_t n_overrides,
                           struct err *err)
{
    size_t n_bytes;
    char *text = file_read(path, MAX_FILE_BYTES, &n_bytes, err);
    if (!text) {
        if (err && err->code == ERR_IO)
            err->code = ERR_CONFIG; /* a wrong path is a usage error: exit 2 */
        return NULL;
    }
    struct config *config = read_all(text, n_bytes, path, overrides, n_overrides, err);
    free(text);
    return config;
}

struct config *config_read_made(const char *text, const char *name, struct err *err)
{
    return read_all(text, strlen(text), name, NULL, 0, err);
}

void config_free(struct config *config)
{
    if (!config) return;
    for (size_t i = 0; i < config->n_suites; i++) task_free(config->suites[i].task);
    arena_free(config->arena);
    free(config);
}
