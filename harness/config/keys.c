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
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096 };

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

static bool append(const struct config_node *node, struct buf *path, const char *text, size_t n,
                   struct err *err)
{
    if (n > MAX_PATH_BYTES - path->n_bytes)
        return config_fail(node, err, "this is a path of more than %d bytes%s", MAX_PATH_BYTES,
                           strstr(node->text, "${") ? ", with its variables expanded" : "");
    return buf_append(path, text, n) || buf_check(path, err);
}

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
    if (value && (*value || !dash)) return append(node, out, value, strlen(value), err);
    if (dash) return append(node, out, dash + 2, n - n_name - 2, err);
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
        if (!append(node, out, text, n_plain, err)) return false;
        text += n_plain;
        if (!dollar) break;
        const char *end = strchr(text, '}');
        if (!end) return config_fail(node, err, "\"${\" without its \"}\"");
        if (!expand_variable(node, text + 2, (size_t)(end - text - 2), out, err)) return false;
        text = end + 1;
    }
    return true;
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

    struct buf path = {0};
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
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (end != node->text && !errno && !strcmp(end, units[i].suffix)) {
            if (number < low >> units[i].shift || number > high >> units[i].shift) break;
            *value = (int64_t)number << units[i].shift;
            if (*value >= low) return true;
        }
    return config_fail(
        node, err, "%s must be a size like 512MiB or 2GiB, at least %lld bytes, but this is %.64s",
        what, (long long)low, node->text);
}

/* NaN if it is none. */
static double decimal_of(const struct config_node *node)
{
    char *end;
    if (node->kind != CONFIG_SCALAR) return NAN;
    double value = strtod(node->text, &end);
    return end != node->text && !*end && isfinite(value) ? value : NAN;
}

static bool read_price(const struct config_node *node, const char *what, double *price,
                       struct err *err)
{
    *price = decimal_of(node);
    return *price >= 0 ||
           config_fail(node, err, "%s must be the price of a million tokens, as in 0.15", what);
}

static bool read_points(const struct config_node *node, const char *what, double *points,
                        struct err *err)
{
    *points = decimal_of(node);
    return (*points > 0 && *points <= 50) ||
           config_fail(node, err, "%s must be percent points above 0 and at most 50, as in 1.5",
                       what);
}

static bool read_choice(const struct config_node *node, const char *what,
                        const char *const *choices, int64_t *value, struct err *err)
{
    char shown[128], hint[400];
    size_t n = 0;
    for (; choices[n]; n++)
        if (node->kind == CONFIG_SCALAR && !strcmp(node->text, choices[n])) {
            *value = (int64_t)n;
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
                          int64_t low, int64_t high, const int64_t **list, size_t *n,
                          struct err *err)
{
    const struct config_node *element = first_element(node, n);
    if (!*n) return config_fail(node, err, "%s is an empty list", what);
    int64_t *values = arena_alloc(arena, *n, sizeof *values, err);
    if (!values) return false;
    for (size_t i = 0; i < *n; i++, element = element->next) {
        if (!read_integer(element, what, low, high, &values[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (values[j] == values[i])
                return config_fail(element, err, "%s: %lld stands here a second time", what,
                                   (long long)values[i]);
    }
    *list = values;
    return true;
}

static bool read_texts(struct arena *arena, const struct config_node *node, const char *what,
                       const char *const **list, size_t *n, struct err *err)
{
    const struct config_node *element = first_element(node, n);
    if (!*n) return config_fail(node, err, "%s is an empty list", what);
    const char **items = arena_alloc(arena, *n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < *n; i++, element = element->next) {
        if (!config_read_text(arena, element, what, CONFIG_TEXT, &items[i], err)) return false;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(items[j], items[i]))
                return config_fail(element, err, "%s: \"%s\" stands here a second time", what,
                                   items[i]);
    }
    *list = items;
    return true;
}

/* ---- Maps ---- */

const char *config_key_name(const struct config_key *key)
{
    const char *dot = strrchr(key->field, '.');
    return key->name ? key->name : dot ? dot + 1 : key->field;
}

static void *at(void *out, size_t offset)
{
    return (char *)out + offset;
}

_Static_assert(sizeof(long) == sizeof(int64_t), "STORED_AS_INT64 is any of the long types");

static void put(const struct config_key *key, void *out, int64_t value)
{
    void *field = at(out, key->offset);
    switch (key->storage) {
    case STORED_AS_BOOL: *(bool *)field = value; return;
    case STORED_AS_INT: *(int *)field = (int)value; return;
    case STORED_AS_INT64: *(int64_t *)field = value; return;
    case STORED_AS_DOUBLE: *(double *)field = (double)value; return;
    case STORED_AS_TEXT: *(const char **)field = key->choices[value]; return;
    }
}

static bool read_number(const struct config_node *node, const char *name,
                        const struct config_key *key, int64_t *value, struct err *err)
{
    if (key->type == CONFIG_CHOICE) return read_choice(node, name, key->choices, value, err);
    return (key->type == CONFIG_BYTES ? read_bytes : read_integer)(node, name, key->low, key->high,
                                                                   value, err);
}

static bool read_value(struct arena *arena, const struct config_node *node,
                       const struct config_key *key, void *out, struct err *err)
{
    const char *name = config_key_name(key);
    void *field = at(out, key->offset), *count = at(out, key->n_offset);
    int64_t value;
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_EXISTING: return config_read_text(arena, node, name, key->type, field, err);
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
    case CONFIG_CHOICE:
        if (!read_number(node, name, key, &value, err)) return false;
        put(key, out, value);
        return true;
    case CONFIG_PRICE: return read_price(node, name, field, err);
    case CONFIG_POINTS: return read_points(node, name, field, err);
    case CONFIG_INTEGERS:
        return read_integers(arena, node, name, key->low, key->high, field, count, err);
    case CONFIG_TEXTS: return read_texts(arena, node, name, field, count, err);
    case CONFIG_PART: return true;
    }
    return false;
}

static void put_default(const struct config_key *key, void *out)
{
    bool has_one = key->type == CONFIG_INTEGERS && key->otherwise;
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_EXISTING: *(const char **)at(out, key->offset) = key->otherwise_text; return;
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
    case CONFIG_PRICE:
    case CONFIG_POINTS:
    case CONFIG_CHOICE: put(key, out, key->otherwise); return;
    case CONFIG_INTEGERS:
    case CONFIG_TEXTS:
        *(const int64_t **)at(out, key->offset) = has_one ? &key->otherwise : NULL;
        *(size_t *)at(out, key->n_offset) = has_one;
        return;
    case CONFIG_PART: return;
    }
}

static const struct config_key *find_key(const struct config_table *table, const char *what,
                                         const struct config_node *node, struct err *err)
{
    char hint[400];
    const char *known[CONFIG_MAX_KEYS];
    for (size_t i = 0; i < table->n_keys; i++) {
        known[i] = config_key_name(&table->keys[i]);
        if (!strcmp(node->key, known[i])) return &table->keys[i];
    }
    config_suggest(node->key, known, table->n_keys, hint, sizeof hint);
    config_fail_key(node, err, "unknown key \"%.64s\" in %s%s", node->key, what, hint);
    return NULL;
}

bool config_read_map(struct arena *arena, const struct config_node *map,
                     const struct config_table *table, void *out, struct err *err)
{
    char shown[128], suite[80];
    const char *what = table->what;
    for (size_t i = 0; i < table->n_keys; i++) put_default(&table->keys[i], out);
    if (!map) return true;
    if (!what) {
        snprintf(suite, sizeof suite, "suite %s", map->key);
        what = suite;
    }
    if (map->kind != CONFIG_MAP)
        return config_fail(map, err, "%s must be a map (key: value), but this is %s", what,
                           found(map, shown));
    for (const struct config_node *node = map->first; node; node = node->next) {
        const struct config_key *key = find_key(table, what, node, err);
        if (!key || !read_value(arena, node, key, out, err)) return false;
    }
    for (size_t i = 0; i < table->n_keys; i++) {
        const char *name = config_key_name(&table->keys[i]);
        if (table->keys[i].is_required && !config_find(map, name))
            return config_fail(map, err, "%s needs the key \"%s\"", what, name);
    }
    return true;
}
