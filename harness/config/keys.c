/* keys.c - see keys.h. Messages name the key, the map it stands in, what was found
 * and what would be right.
 *
 * Environment variables are read here, in paths only.
 */
#include "harness/config/keys.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 32, MAX_PATH_BYTES = 4096 };

void config_suggest(const char *given, const char *const *known, size_t n_known, char *out,
                    size_t n_out)
{
    const char *near = nearest_name(given, known, n_known);
    if (near) {
        snprintf(out, n_out, ": did you mean \"%s\"?", near);
        return;
    }
    size_t used = (size_t)snprintf(out, n_out, " (known: ");
    for (size_t i = 0; i < n_known && used < n_out; i++)
        used += (size_t)snprintf(out + used, n_out - used, "%s%s", i ? ", " : "", known[i]);
    if (used < n_out) snprintf(out + used, n_out - used, ")");
}

static const char *found(const struct config_node *node, char out[128])
{
    if (node->kind == CONFIG_LIST) return "a list";
    if (node->kind == CONFIG_MAP) return "a map";
    static const char *const kinds[] = {"nothing", "a truth value", "an integer", "a number",
                                        "text"};
    enum config_scalar kind = config_scalar_kind(node);
    if (kind == SCALAR_NULL) return kinds[kind];
    snprintf(out, 128, "%s, %.80s", kinds[kind], node->text);
    return out;
}

/* ---- Texts and paths ---- */

/* The variable named by text[0..n) with its optional ":-otherwise". */
static bool expand_variable(const struct config_node *node, const char *text, size_t n,
                            struct buf *out, struct err *err)
{
    char name[128];
    const char *dash = memmem(text, n, ":-", 2);
    size_t n_name = dash ? (size_t)(dash - text) : n;
    if (!n_name || n_name >= sizeof name)
        return config_fail(node, err, "${%.*s}: no name of a variable", (int)n, text);
    memcpy(name, text, n_name);
    name[n_name] = 0;
    const char *value = getenv(name);
    if (value && (*value || !dash)) return buf_text(out, value) || buf_check(out, err);
    if (dash) return buf_append(out, dash + 2, n - n_name - 2) || buf_check(out, err);
    return config_fail(node, err,
                       "the environment variable %s is not set; set it, or write ${%s:-FOLDER} to "
                       "give it a default",
                       name, name);
}

static bool expand_path(const struct config_node *node, const char *text, struct buf *out,
                        struct err *err)
{
    while (*text) {
        const char *dollar = strstr(text, "${");
        size_t n_plain = dollar ? (size_t)(dollar - text) : strlen(text);
        buf_append(out, text, n_plain);
        text += n_plain;
        if (!dollar) break;
        const char *end = strchr(text, '}');
        if (!end) return config_fail(node, err, "\"${\" without its \"}\"");
        if (!expand_variable(node, text + 2, (size_t)(end - text - 2), out, err)) return false;
        text = end + 1;
    }
    return buf_check(out, err);
}

bool config_read_text(struct arena *arena, const struct config_node *node, const char *what,
                      enum config_type type, const char **text, struct err *err)
{
    char shown[128];
    if (node->kind != CONFIG_SCALAR || config_scalar_kind(node) == SCALAR_NULL)
        return config_fail(node, err, "%s must be text, but this is %s", what, found(node, shown));
    if (config_scalar_kind(node) != SCALAR_TEXT)
        return config_fail(node, err, "%s must be text, but this is %s: put it in quotes", what,
                           found(node, shown));
    if (!*node->text) return config_fail(node, err, "%s is empty", what);
    *text = node->text;
    if (type == CONFIG_TEXT) return true;

    struct buf path = {.maximum = MAX_PATH_BYTES};
    bool ok = expand_path(node, node->text, &path, err);
    if (ok) *text = arena_take(arena, &path, err);
    buf_free(&path);
    if (!ok || !*text) return false;
    if (!**text) return config_fail(node, err, "%s is empty", what);
    if (type == CONFIG_EXISTING && !file_exists(*text))
        return config_fail(node, err, "%s: there is no file or folder %s", what, *text);
    return true;
}

/* ---- Numbers ---- */

/* Base 10, 0x, or 0 for octal, as YAML 1.1 has it; underscores are skipped. */
static bool parse_integer(const char *text, int64_t *value)
{
    char digits[64];
    size_t n = 0;
    for (; *text && n + 1 < sizeof digits; text++)
        if (*text != '_') digits[n++] = *text;
    digits[n] = 0;
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 0);
    *value = number;
    return !*text && n && !*end && !errno;
}

static bool read_integer(const struct config_node *node, const char *what, int64_t low,
                         int64_t high, int64_t *value, struct err *err)
{
    char shown[128];
    if (node->kind != CONFIG_SCALAR || config_scalar_kind(node) != SCALAR_INTEGER)
        return config_fail(node, err, "%s must be an integer, but this is %s", what,
                           found(node, shown));
    if (!parse_integer(node->text, value) || *value < low || *value > high)
        return config_fail(node, err, "%s must be between %lld and %lld, but this is %.64s", what,
                           (long long)low, (long long)high, node->text);
    return true;
}

static bool read_bytes(const struct config_node *node, const char *what, int64_t low, int64_t high,
                       int64_t *value, struct err *err)
{
    static const struct {
        const char *suffix;
        int shift;
    } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    if (node->kind != CONFIG_SCALAR || config_scalar_kind(node) == SCALAR_INTEGER)
        return read_integer(node, what, low, high, value, err);
    char *end;
    errno = 0;
    long long number = strtoll(node->text, &end, 10);
    while (*end == ' ') end++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (end != node->text && !errno && !strcmp(end, units[i].suffix)) {
            if (number < low >> units[i].shift || number > high >> units[i].shift) break;
            *value = (int64_t)number << units[i].shift;
            if (*value >= low) return true;
        }
    return config_fail(
        node, err, "%s must be a size like 512MiB or 2GiB, at least %lld bytes, but this is %.64s",
        what, (long long)low, node->text);
}

static bool read_choice(const struct config_node *node, const char *what,
                        const char *const *choices, int *value, struct err *err)
{
    char shown[128], hint[400];
    size_t n = 0;
    for (; choices[n]; n++)
        if (node->kind == CONFIG_SCALAR && !strcmp(node->text, choices[n])) {
            *value = (int)n;
            return true;
        }
    if (node->kind != CONFIG_SCALAR)
        return config_fail(node, err, "%s must be one word, but this is %s", what,
                           found(node, shown));
    config_suggest(node->text, choices, n, hint, sizeof hint);
    return config_fail(node, err, "%s: unknown value \"%.64s\"%s", what, node->text, hint);
}

/* ---- Lists ---- */

/* The elements of a list, or the node itself as the only one. */
static const struct config_node *first_element(const struct config_node *node, size_t *n)
{
    *n = node->kind == CONFIG_LIST ? config_count(node) : 1;
    return node->kind == CONFIG_LIST ? node->first : node;
}

static bool read_integers(struct arena *arena, const struct config_node *node, const char *what,
                          int64_t low, int64_t high, struct config_integers *list, struct err *err)
{
    size_t n;
    const struct config_node *element = first_element(node, &n);
    if (!n) return config_fail(node, err, "%s is an empty list", what);
    int64_t *values = arena_alloc(arena, n, sizeof *values, err);
    if (!values) return false;
    for (size_t i = 0; i < n; i++, element = element->next) {
        if (!read_integer(element, what, low, high, &values[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (values[j] == values[i])
                return config_fail(element, err, "%s: %lld stands here a second time", what,
                                   (long long)values[i]);
    }
    *list = (struct config_integers){.values = values, .n = n};
    return true;
}

static bool read_texts(struct arena *arena, const struct config_node *node, const char *what,
                       struct config_texts *list, struct err *err)
{
    size_t n;
    const struct config_node *element = first_element(node, &n);
    if (!n) return config_fail(node, err, "%s is an empty list", what);
    const char **items = arena_alloc(arena, n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < n; i++, element = element->next) {
        if (!config_read_text(arena, element, what, CONFIG_TEXT, &items[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(items[j], items[i]))
                return config_fail(element, err, "%s: \"%s\" stands here a second time", what,
                                   items[i]);
    }
    *list = (struct config_texts){.items = items, .n = n};
    return true;
}

/* ---- Maps ---- */

static bool read_value(struct arena *arena, const struct config_node *node,
                       const struct config_key *key, void *out, struct err *err)
{
    void *field = (char *)out + key->offset;
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_EXISTING: return config_read_text(arena, node, key->name, key->type, field, err);
    case CONFIG_INTEGER: return read_integer(node, key->name, key->low, key->high, field, err);
    case CONFIG_BYTES: return read_bytes(node, key->name, key->low, key->high, field, err);
    case CONFIG_CHOICE: return read_choice(node, key->name, key->choices, field, err);
    case CONFIG_INTEGERS:
        return read_integers(arena, node, key->name, key->low, key->high, field, err);
    case CONFIG_TEXTS: return read_texts(arena, node, key->name, field, err);
    case CONFIG_NODE: *(const struct config_node **)field = node; return true;
    }
    return false;
}

bool config_read_map(struct arena *arena, const struct config_node *map, const char *what,
                     const struct config_key *keys, size_t n_keys, void *out, struct err *err)
{
    char shown[128], hint[400];
    const char *known[MAX_KEYS];
    for (size_t i = 0; i < n_keys; i++) known[i] = keys[i].name;
    if (map->kind != CONFIG_MAP)
        return config_fail(map, err, "%s must be a map (key: value), but this is %s", what,
                           found(map, shown));
    for (const struct config_node *node = map->first; node; node = node->next) {
        size_t i = 0;
        while (i < n_keys && strcmp(node->key, keys[i].name) != 0) i++;
        if (i == n_keys) {
            config_suggest(node->key, known, n_keys, hint, sizeof hint);
            return config_fail_key(node, err, "unknown key \"%.64s\" in %s%s", node->key, what,
                                   hint);
        }
        if (!read_value(arena, node, &keys[i], out, err)) return false;
    }
    for (size_t i = 0; i < n_keys; i++)
        if (keys[i].required && !config_find(map, keys[i].name))
            return config_fail(map, err, "%s needs the key \"%s\"", what, keys[i].name);
    return true;
}
