/* test_variables.c - see test_variables.h. Kinds of JSON are kinds of values; a whole number is an
 * integer only if it was written as one, as in Python.
 */
#include "tests/support/test_variables.h"

#include <string.h>

static struct jinja_value *value_of(struct jinja_variables *variables, const struct json *json)
{
    struct jinja_value *made;
    const char *text, *key;
    const struct json *member;
    switch (json_kind(json)) {
    case JSON_KIND_BOOL: return jinja_new_bool(variables, json_as_bool(json, false));
    case JSON_KIND_NUMBER:
        return json_is_whole_number(json) ? jinja_new_integer(variables, json_as_integer(json, 0))
                                          : jinja_new_number(variables, json_as_number(json, 0));
    case JSON_KIND_STRING:
        text = json_as_string(json, "");
        return jinja_new_string(variables, text, strlen(text));
    case JSON_KIND_ARRAY:
        made = jinja_new_list(variables);
        for (size_t i = 0; i < json_length(json); i++)
            jinja_push(variables, made, value_of(variables, json_at(json, i)));
        return made;
    case JSON_KIND_OBJECT:
        made = jinja_new_map(variables);
        for (void *it = NULL; (it = json_next_member(json, it, &key, &member));)
            jinja_put(variables, made, key, value_of(variables, member));
        return made;
    default: return jinja_new_none(variables);
    }
}

struct jinja_variables *test_variables_new(const struct json *object)
{
    struct jinja_variables *variables = jinja_variables_new(NULL);
    const char *key;
    const struct json *member;
    for (void *it = NULL; variables && (it = json_next_member(object, it, &key, &member));)
        jinja_set(variables, key, value_of(variables, member));
    return variables;
}

bool test_variables_render(const char *text, size_t n_bytes, const struct json *object,
                           struct buf *out, struct err *err)
{
    /* Thursday, 25 July 2024, 13:05:09 */
    const struct tm now = {.tm_year = 124,
                           .tm_mon = 6,
                           .tm_mday = 25,
                           .tm_hour = 13,
                           .tm_min = 5,
                           .tm_sec = 9,
                           .tm_wday = 4,
                           .tm_yday = 206};
    struct jinja_options options = {.now = &now};
    struct jinja *jinja = jinja_compile(text, n_bytes, "template", err);
    struct jinja_variables *variables = jinja ? test_variables_new(object) : NULL;
    bool ok = variables && jinja_render(jinja, variables, &options, out, err);
    jinja_variables_free(variables);
    jinja_free(jinja);
    return ok;
}
