/* value.c - see value.h. A number's text is the shortest that means it, without a point where it is
 * whole: data sets write answers as 18 and as "18", and both must stand in a prompt as 18.
 *
 * Knows JSON's values; formats of files are the loader's.
 */
#include "suites/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *value_kind_name(const struct value *value)
{
    static const char *const names[] = {
        [VALUE_NONE] = "nothing",       [VALUE_TEXT] = "text",   [VALUE_NUMBER] = "a number",
        [VALUE_BOOL] = "a truth value", [VALUE_LIST] = "a list", [VALUE_MAP] = "a map"};
    return names[value->kind];
}

bool value_number(double number, struct arena *arena, struct value *value, struct err *err)
{
    char text[40];
    int digits = 1;
    if (number == floor(number) && fabs(number) < 0x1p53)
        snprintf(text, sizeof text, "%.0f", number);
    else do
            snprintf(text, sizeof text, "%.*g", digits, number);
        while (strtod(text, NULL) != number && ++digits <= 17);
    *value = (struct value){
        .kind = VALUE_NUMBER, .number = number, .text = arena_string(arena, text, err)};
    return value->text != NULL;
}

static bool list_from_json(const struct json *json, struct arena *arena, struct value *value,
                           struct err *err)
{
    size_t n = json_length(json);
    struct value *items = arena_alloc(arena, n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < n; i++)
        if (!value_from_json(json_at(json, i), arena, &items[i], err)) return false;
    *value = (struct value){.kind = VALUE_LIST, .items = items, .n = n};
    return true;
}

static bool map_from_json(const struct json *json, struct arena *arena, struct value *value,
                          struct err *err)
{
    const char *key;
    const struct json *member;
    size_t n = 0, i = 0;
    for (void *it = NULL; (it = json_next_member(json, it, &key, &member));) n++;
    struct value *items = arena_alloc(arena, n, sizeof *items, err);
    const char **keys = arena_alloc(arena, n, sizeof *keys, err);
    if (!items || !keys) return false;
    for (void *it = NULL; (it = json_next_member(json, it, &key, &member)); i++)
        if (!(keys[i] = arena_string(arena, key, err)) ||
            !value_from_json(member, arena, &items[i], err))
            return false;
    *value = (struct value){.kind = VALUE_MAP, .items = items, .keys = keys, .n = n};
    return true;
}

bool value_from_json(const struct json *json, struct arena *arena, struct value *value,
                     struct err *err)
{
    switch (json_kind(json)) {
    case JSON_KIND_NULL: *value = (struct value){.kind = VALUE_NONE}; return true;
    case JSON_KIND_BOOL: {
        bool is_true = json_as_bool(json, false);
        *value = (struct value){
            .kind = VALUE_BOOL, .text = is_true ? "true" : "false", .number = is_true};
        return true;
    }
    case JSON_KIND_NUMBER: return value_number(json_as_number(json, 0), arena, value, err);
    case JSON_KIND_STRING:
        *value = value_text(arena_string(arena, json_as_string(json, ""), err));
        return value->text != NULL;
    case JSON_KIND_ARRAY: return list_from_json(json, arena, value, err);
    case JSON_KIND_OBJECT: return map_from_json(json, arena, value, err);
    }
    return false;
}

const struct value *value_get(const struct value *map, const char *key)
{
    for (size_t i = 0; map->kind == VALUE_MAP && i < map->n; i++)
        if (!strcmp(map->keys[i], key)) return &map->items[i];
    return NULL;
}

bool value_is_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind || a->n != b->n || !a->text != !b->text) return false;
    if (a->text && strcmp(a->text, b->text) != 0) return false;
    for (size_t i = 0; i < a->n; i++)
        if ((a->keys && strcmp(a->keys[i], b->keys[i]) != 0) ||
            !value_is_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}
