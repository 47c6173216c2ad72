/* config.c - see config.h. Reads the file, applies overrides, checks the whole, and says what it
 * means as a hash.
 *
 * grammar.c has the keys; parts of the file are read by models.c and suites.c.
 */
#include "harness/config/config.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "harness/config/grammar.h"
#include "harness/config/parts.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 64 << 20 };

/* A run of hours must not end at a report that had no place to go. */
static bool read_report(struct config *config, const struct config_node *map, struct err *err)
{
    if (!config_read_map(config->arena, map, &CONFIG_TABLES[MAP_REPORT], config, err)) return false;
    const char *out = config->report_out;
    if (!out || !file_exists(out) || file_is_folder(out)) return true;
    return config_fail(config_find(map, "out"), err, "out: %s is a file, not a folder", out);
}

/* Of the instruction set the name alone: whether this machine has it is asked when a model is
 * opened. */
static bool read_defaults(struct config *config, const struct config_node *map, struct err *err)
{
    enum isa isa;
    struct err reason = {0};
    if (!config_read_map(config->arena, map, &CONFIG_TABLES[MAP_DEFAULTS], config, err))
        return false;
    if (!config->isa || isa_parse(config->isa, &isa, &reason)) return true;
    return config_fail(config_find(map, "isa"), err, "%s", reason.message);
}

static bool read_tree(struct config *config, const struct config_node *root, struct err *err)
{
    if (!config_read_map(config->arena, root, &CONFIG_TABLES[MAP_FILE], config, err) ||
        !read_defaults(config, config_find(root, "defaults"), err) ||
        !read_report(config, config_find(root, "report"), err))
        return false;
    if (!config->name) { /* the file's name without its ending */
        const char *name = file_name(config->file), *dot = strrchr(name, '.');
        config->name = arena_copy(config->arena, name,
                                  dot && dot > name ? (size_t)(dot - name) : strlen(name), err);
        if (!config->name) return false;
    }
    return config_read_models(config, config_find(root, "models"), err) &&
           config_read_suites(config, config_find(root, "suites"), err);
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
    char *text = config_read_file(path, &n_bytes, err);
    if (!text) return NULL;
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
