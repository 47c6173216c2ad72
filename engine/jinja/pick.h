/* pick.h - picking values out of items: what the filters about lists share.
 *
 * `attribute` arguments are a path, "a.b.0", each part of which is looked for as by object[part].
 */
#ifndef PHIBENCH_ENGINE_JINJA_PICK_H
#define PHIBENCH_ENGINE_JINJA_PICK_H

#include "engine/jinja/builtins.h"

struct jinja_path {
    struct jinja_list parts;      /* strings and integers; none: the item itself */
    struct jinja_value otherwise; /* for what is undefined on the way; JINJA_MISSING: none */
    bool ignores_case;            /* what is found is put in lower case if it is a string */
};

/* The path that an attribute argument means; none and JINJA_MISSING mean the item itself. */
bool jinja_read_path(struct jinja_run *run, struct jinja_value attribute, struct jinja_path *path);
bool jinja_follow(struct jinja_run *run, const struct jinja_path *path, struct jinja_value item,
                  struct jinja_value *out);

/* A list of the items that an invocation's function makes, which is called when the first of them
 * is asked for: how generators that are not worth being lazy item by item are written. */
bool jinja_defer(struct jinja_invocation *call, jinja_builtin_fn *function);

/* Sorts items [n] by keys [n], stably; as Python, by "less than" alone. */
bool jinja_sort(struct jinja_run *run, struct jinja_value *items, struct jinja_value *keys,
                size_t n, bool is_reversed);

jinja_builtin_fn jinja_tojson;

#endif
