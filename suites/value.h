/* value.h - what a record of a data file holds, whatever the file's format: texts, numbers, truth
 * values, lists and maps. Templates read and make such values.
 *
 * Values are const, live in the arena they were made in, and may be read by many threads.
 */
#ifndef PHIBENCH_SUITES_VALUE_H
#define PHIBENCH_SUITES_VALUE_H

#include "base/arena.h"
#include "base/json.h"

enum value_kind { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_LIST, VALUE_MAP };

struct value {
    enum value_kind kind;
    const char *text;          /* as it stands in a prompt: TEXT, NUMBER "18", BOOL "true" */
    double number;             /* NUMBER; BOOL: 0 or 1 */
    const struct value *items; /* LIST, MAP: [n] */
    const char *const *keys;   /* MAP: [n] */
    size_t n;
};

/* What the value's kind is called in messages, such as "a list". */
const char *value_kind_name(const struct value *value);

/* A text value; the string is borrowed. */
static inline struct value value_text(const char *text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}
bool value_number(double number, struct arena *arena, struct value *value, struct err *err)
    __attribute__((warn_unused_result));
/* Makes a value of JSON: null becomes NONE, and members keep the file's order. */
bool value_from_json(const struct json *json, struct arena *arena, struct value *value,
                     struct err *err) __attribute__((warn_unused_result));

/* Whether two values hold the same: kinds, texts, elements, keys, all in the same order. */
bool value_is_equal(const struct value *a, const struct value *b);

/* The member of a map, NULL if there is none. */
const struct value *value_get(const struct value *map, const char *key);

#endif
