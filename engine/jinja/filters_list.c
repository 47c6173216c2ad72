/* filters_list.c - filters about lists and dicts as a whole, and about single values: first, join,
 * sort, default and their kin. What Python writes as a generator is computed when it is asked for.
 */
#include "engine/jinja/pick.h"
#include "engine/jinja/render.h"

#include <string.h>

/* ---- single items */

static bool first(struct jinja_invocation *call)
{
    struct jinja_iterator *iterator;
    bool done = false;
    if (!jinja_iterate(call->run, call->self, &iterator) ||
        !jinja_next_item(call->run, iterator, call->out, &done))
        return false;
    if (done) *call->out = jinja_undefined("there is no first item");
    return true;
}

/* What Python can go through from its end. */
static bool is_reversible(struct jinja_value value)
{
    return jinja_is_iterable(value) && value.kind != JINJA_ITERATOR && value.kind != JINJA_LOOP;
}

static bool last(struct jinja_invocation *call)
{
    struct jinja_value items;
    if (!is_reversible(call->self))
        return jinja_fail(call->run, "\"last\" of a value of type %s", jinja_type_name(call->self));
    if (!jinja_collect(call->run, call->self, &items)) return false;
    *call->out = items.list->n ? items.list->items[items.list->n - 1]
                               : jinja_undefined("there is no last item");
    return true;
}

static bool length(struct jinja_invocation *call)
{
    size_t n;
    if (call->self.kind == JINJA_LOOP) {
        static const struct jinja_text NAME = {"length", 6, 6};
        return jinja_attribute(call->run, call->self, &NAME, call->out);
    }
    if (!jinja_length(call->self, &n))
        return jinja_fail(call->run, "a value of type %s has no length",
                          jinja_type_name(call->self));
    *call->out = jinja_integer((int64_t)n);
    return true;
}

static bool otherwise(struct jinja_invocation *call)
{
    bool is_missing = call->self.kind == JINJA_UNDEFINED ||
                      (jinja_truth_argument(call, 1, false) && !jinja_truth(call->self));
    if (!is_missing) *call->out = call->self;
    else if (call->bound[0].kind == JINJA_MISSING)
        return jinja_text_of(call->run, "", 0, call->out);
    else *call->out = call->bound[0];
    return true;
}

static bool attribute(struct jinja_invocation *call)
{
    const struct jinja_text *name;
    return jinja_string_argument(call, 0, &name) &&
           jinja_only_attribute(call->run, call->self, name, call->out);
}

/* ---- whole lists */

static bool list(struct jinja_invocation *call)
{
    return jinja_collect(call->run, call->self, call->out);
}

static bool join(struct jinja_invocation *call)
{
    struct jinja_path path;
    struct jinja_value items, separator;
    struct buf text = jinja_buffer(call->run);
    if (call->bound[0].kind == JINJA_MISSING) {
        if (!jinja_text_of(call->run, "", 0, &separator)) return false;
    } else if (!jinja_to_string(call->run, call->bound[0], &separator)) {
        return false;
    }
    if (!jinja_read_path(call->run, call->bound[1], &path) ||
        !jinja_collect(call->run, call->self, &items))
        return false;
    for (size_t i = 0; i < items.list->n; i++) {
        struct jinja_value item;
        if (i) buf_append(&text, separator.text->bytes, separator.text->n_bytes);
        if (!jinja_follow(call->run, &path, items.list->items[i], &item) ||
            !jinja_append_str(call->run, &text, item)) {
            buf_free(&text);
            return false;
        }
    }
    return jinja_text_take(call->run, &text, call->out);
}

static bool reversed_list(struct jinja_invocation *call)
{
    struct jinja_value items;
    if (!jinja_collect(call->run, call->self, &items)) return false;
    struct jinja_list *all = items.list;
    for (size_t i = 0; i < all->n / 2; i++) {
        struct jinja_value other = all->items[i];
        all->items[i] = all->items[all->n - 1 - i];
        all->items[all->n - 1 - i] = other;
    }
    *call->out = items;
    return true;
}

static bool reverse(struct jinja_invocation *call)
{
    if (call->self.kind == JINJA_STRING) {
        struct jinja_value parts[3] = {jinja_none(), jinja_none(), jinja_integer(-1)};
        return jinja_slice(call->run, call->self, parts, call->out);
    }
    if (!jinja_is_iterable(call->self))
        return jinja_fail(call->run, "\"reverse\" takes items, not a value of type %s",
                          jinja_type_name(call->self));
    if (is_reversible(call->self)) return jinja_defer(call, reversed_list);
    return reversed_list(call);
}

static bool dict_items(struct jinja_invocation *call)
{
    struct jinja_arguments none = {.named = {0}};
    if (call->self.kind == JINJA_UNDEFINED)
        return jinja_list_new(call->run, JINJA_LIST, 0, call->out);
    if (call->self.kind != JINJA_DICT)
        return jinja_fail(call->run, "\"items\" takes a dict, not a value of type %s",
                          jinja_type_name(call->self));
    return jinja_invoke(call->run, jinja_find_method(call->self, "items", 5), call->self, &none,
                        call->out);
}

static bool items(struct jinja_invocation *call)
{
    return jinja_defer(call, dict_items);
}

/* Lists of `size` items; the last is filled up if there is something to fill it with. */
static bool batch_list(struct jinja_invocation *call)
{
    struct jinja_value all, group = {.kind = JINJA_MISSING};
    int64_t size;
    if (!jinja_integer_argument(call, 0, 0, &size) || !jinja_collect(call->run, call->self, &all) ||
        !jinja_list_new(call->run, JINJA_LIST, 0, call->out))
        return false;
    for (size_t i = 0; i < all.list->n; i++) {
        bool is_full = group.kind != JINJA_MISSING && (int64_t)group.list->n == size;
        if (i == 0 || is_full) {
            if (i == 0 && size == 0 &&
                !(jinja_list_new(call->run, JINJA_LIST, 0, &group) &&
                  jinja_list_push(call->run, call->out->list, group)))
                return false;
            if (!jinja_list_new(call->run, JINJA_LIST, 0, &group) ||
                !jinja_list_push(call->run, call->out->list, group))
                return false;
        }
        if (!jinja_list_push(call->run, group.list, all.list->items[i])) return false;
    }
    while (group.kind != JINJA_MISSING && jinja_is_given(call, 1) && (int64_t)group.list->n < size)
        if (!jinja_list_push(call->run, group.list, call->bound[1])) return false;
    return true;
}

static bool batch(struct jinja_invocation *call)
{
    return jinja_defer(call, batch_list);
}

/* As many lists as asked for, the first ones an item longer where it does not come out even. */
static bool slice_list(struct jinja_invocation *call)
{
    struct jinja_value all, part;
    int64_t n_slices;
    if (!jinja_collect(call->run, call->self, &all) ||
        !jinja_integer_argument(call, 0, 0, &n_slices) ||
        !jinja_list_new(call->run, JINJA_LIST, 0, call->out))
        return false;
    if (n_slices == 0) return jinja_fail(call->run, "division by zero");
    int64_t n = (int64_t)all.list->n, at = 0;
    for (int64_t i = 0; i < n_slices; i++) {
        int64_t size = n / n_slices + (i < n % n_slices);
        if (!jinja_list_new(call->run, JINJA_LIST, 0, &part) ||
            !jinja_list_push(call->run, call->out->list, part))
            return false;
        for (int64_t j = 0; j < size; j++)
            if (!jinja_list_push(call->run, part.list, all.list->items[at++])) return false;
        if (jinja_is_given(call, 1) && i >= n % n_slices &&
            !jinja_list_push(call->run, part.list, call->bound[1]))
            return false;
    }
    return true;
}

static bool slice(struct jinja_invocation *call)
{
    return jinja_defer(call, slice_list);
}

static bool unique_list(struct jinja_invocation *call)
{
    struct jinja_path path;
    struct jinja_value all, seen, key;
    if (!jinja_read_path(call->run, call->bound[1], &path) ||
        !jinja_collect(call->run, call->self, &all) || !jinja_dict_new(call->run, &seen) ||
        !jinja_list_new(call->run, JINJA_LIST, 0, call->out))
        return false;
    path.ignores_case = !jinja_truth_argument(call, 0, false);
    for (size_t i = 0; i < all.list->n; i++) {
        const struct jinja_value *found;
        if (!jinja_follow(call->run, &path, all.list->items[i], &key) ||
            !jinja_dict_find(call->run, seen.dict, key, &found))
            return false;
        if (!found && !(jinja_dict_set(call->run, seen.dict, key, key) &&
                        jinja_list_push(call->run, call->out->list, all.list->items[i])))
            return false;
    }
    return true;
}

static bool unique(struct jinja_invocation *call)
{
    return jinja_defer(call, unique_list);
}

/* ---- order */

/* Merges the sorted halves [0, middle) and [middle, n) of `order` into `merged`. */
static bool merge(struct jinja_run *run, const struct jinja_value *keys, const size_t *order,
                  size_t middle, size_t n, bool is_reversed, size_t *merged)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < n; i++) {
        bool takes_right = left == middle;
        if (left < middle && right < n) {
            int sign;
            if (!jinja_compare(run, keys[order[right]], keys[order[left]], &sign)) return false;
            takes_right = is_reversed ? sign > 0 : sign < 0;
        }
        merged[i] = takes_right ? order[right++] : order[left++];
    }
    return true;
}

bool jinja_sort(struct jinja_run *run, struct jinja_value *values, struct jinja_value *keys,
                size_t n, bool is_reversed)
{
    size_t *order = jinja_alloc(run, n, sizeof *order),
           *merged = jinja_alloc(run, n, sizeof *order);
    struct jinja_value *copy = jinja_alloc(run, n, sizeof *copy);
    if (!order || !merged || !copy) return false;
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t n_left = width < n - at ? width : n - at;
            size_t n_both = 2 * width < n - at ? 2 * width : n - at;
            if (!merge(run, keys, order + at, n_left, n_both, is_reversed, merged + at))
                return false;
        }
        size_t *other = order;
        order = merged;
        merged = other;
    }
    if (n) memcpy(copy, values, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) values[i] = copy[order[i]];
    return true;
}

/* The keys of items by several paths, "a,b": each a list. */
static bool make_keys(struct jinja_invocation *call, const struct jinja_list *all,
                      struct jinja_value attribute, bool ignores_case, struct jinja_value *keys)
{
    for (size_t i = 0; i < all->n; i++)
        if (!jinja_list_new(call->run, JINJA_LIST, 1, &keys[i])) return false;
    bool is_text = attribute.kind == JINJA_STRING;
    const char *at = is_text ? attribute.text->bytes : NULL;
    const char *end = is_text ? at + attribute.text->n_bytes : NULL;
    for (;;) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        struct jinja_path path;
        if (is_text &&
            !jinja_text_of(call->run, at, (size_t)((comma ? comma : end) - at), &attribute))
            return false;
        if (!jinja_read_path(call->run, attribute, &path)) return false;
        path.ignores_case = ignores_case;
        for (size_t i = 0; i < all->n; i++) {
            struct jinja_value key;
            if (!jinja_follow(call->run, &path, all->items[i], &key) ||
                !jinja_list_push(call->run, keys[i].list, key))
                return false;
        }
        if (!comma) return true;
        at = comma + 1;
    }
}

static bool sort(struct jinja_invocation *call)
{
    struct jinja_value all;
    if (!jinja_collect(call->run, call->self, &all)) return false;
    struct jinja_value *keys = jinja_alloc(call->run, all.list->n, sizeof *keys);
    *call->out = all;
    return keys &&
           make_keys(call, all.list, call->bound[2], !jinja_truth_argument(call, 1, false), keys) &&
           jinja_sort(call->run, all.list->items, keys, all.list->n,
                      jinja_truth_argument(call, 0, false));
}

/* One key for each item, by one path. */
static struct jinja_value *follow_all(struct jinja_invocation *call, const struct jinja_path *path,
                                      const struct jinja_list *all)
{
    struct jinja_value *keys = jinja_alloc(call->run, all->n, sizeof *keys);
    for (size_t i = 0; keys && i < all->n; i++)
        if (!jinja_follow(call->run, path, all->items[i], &keys[i])) return NULL;
    return keys;
}

static bool dictsort(struct jinja_invocation *call)
{
    struct jinja_value pairs, all;
    bool by_value = false;
    if (call->bound[1].kind != JINJA_MISSING) {
        const struct jinja_text *by;
        if (!jinja_string_argument(call, 1, &by)) return false;
        by_value = jinja_text_is(by, "value");
        if (!by_value && !jinja_text_is(by, "key"))
            return jinja_fail(call->run, "\"dictsort\" sorts by \"key\" or \"value\"");
    }
    if (call->self.kind != JINJA_DICT)
        return jinja_fail(call->run, "\"dictsort\" takes a dict, not a value of type %s",
                          jinja_type_name(call->self));
    struct jinja_path path;
    if (!dict_items(call) || !jinja_read_path(call->run, jinja_integer(by_value), &path))
        return false;
    pairs = *call->out;
    path.ignores_case = !jinja_truth_argument(call, 0, false);
    if (!jinja_collect(call->run, pairs, &all)) return false;
    struct jinja_value *keys = follow_all(call, &path, all.list);
    *call->out = all;
    return keys && jinja_sort(call->run, all.list->items, keys, all.list->n,
                              jinja_truth_argument(call, 2, false));
}

static bool add_group(struct jinja_invocation *call, struct jinja_value key,
                      struct jinja_value members)
{
    struct jinja_value group;
    if (!jinja_pair_of(call->run, key, members, &group)) return false;
    group.is_group = true;
    return jinja_list_push(call->run, call->out->list, group);
}

/* (value, items with it), in the order of the values. */
static bool groupby(struct jinja_invocation *call)
{
    struct jinja_path path;
    struct jinja_value all, members = {.kind = JINJA_MISSING}, name;
    if (!jinja_read_path(call->run, call->bound[0], &path) ||
        !jinja_collect(call->run, call->self, &all) ||
        !jinja_list_new(call->run, JINJA_LIST, 0, call->out))
        return false;
    path.otherwise = call->bound[1];
    path.ignores_case = !jinja_truth_argument(call, 2, false);
    struct jinja_value *keys = follow_all(call, &path, all.list);
    if (!keys || !jinja_sort(call->run, all.list->items, keys, all.list->n, false) ||
        !(keys = follow_all(call, &path, all.list)))
        return false;
    path.ignores_case = false;
    for (size_t i = 0; i < all.list->n; i++) {
        bool same = false;
        if (i && !jinja_equal(call->run, keys[i - 1], keys[i], &same)) return false;
        if (!same && (!jinja_list_new(call->run, JINJA_LIST, 0, &members) ||
                      !jinja_follow(call->run, &path, all.list->items[i], &name) ||
                      !add_group(call, name, members)))
            return false;
        if (!jinja_list_push(call->run, members.list, all.list->items[i])) return false;
    }
    return true;
}

/* min and, as the variant, max: the first of several. */
static bool extreme(struct jinja_invocation *call)
{
    struct jinja_path path;
    struct jinja_value all;
    if (!jinja_collect(call->run, call->self, &all) ||
        !jinja_read_path(call->run, call->bound[1], &path))
        return false;
    path.ignores_case = !jinja_truth_argument(call, 0, false);
    struct jinja_value *keys = follow_all(call, &path, all.list);
    size_t best = 0;
    if (!keys) return false;
    for (size_t i = 1; i < all.list->n; i++) {
        int sign;
        if (!jinja_compare(call->run, keys[i], keys[best], &sign)) return false;
        if (call->builtin->variant ? sign > 0 : sign < 0) best = i;
    }
    *call->out = all.list->n ? all.list->items[best] : jinja_undefined("there are no items");
    return true;
}

static bool sum(struct jinja_invocation *call)
{
    struct jinja_path path;
    struct jinja_value all, total = call->bound[1];
    if (total.kind == JINJA_MISSING) total = jinja_integer(0);
    if (total.kind == JINJA_STRING) return jinja_fail(call->run, "\"sum\" adds no strings");
    if (!jinja_collect(call->run, call->self, &all) ||
        !jinja_read_path(call->run, call->bound[0], &path))
        return false;
    for (size_t i = 0; i < all.list->n; i++) {
        struct jinja_value item;
        if (!jinja_follow(call->run, &path, all.list->items[i], &item) ||
            !jinja_operate(call->run, OPERATOR_ADD, total, item, &total))
            return false;
    }
    *call->out = total;
    return true;
}

const struct jinja_builtin JINJA_LIST_FILTERS[] = {
    {"first", first, 0, "", 0},
    {"last", last, 0, "", 0},
    {"length", length, 0, "/", 0},
    {"count", length, 0, "/", 0},
    {"default", otherwise, 0, "default_value,boolean", 0},
    {"d", otherwise, 0, "default_value,boolean", 0},
    {"attr", attribute, 1, "name", 0},
    {"list", list, 0, "", 0},
    {"join", join, 0, "d,attribute", 0},
    {"reverse", reverse, 0, "", 0},
    {"items", items, 0, "", 0},
    {"batch", batch, 1, "linecount,fill_with", 0},
    {"slice", slice, 1, "slices,fill_with", 0},
    {"unique", unique, 0, "case_sensitive,attribute", 0},
    {"sort", sort, 0, "reverse,case_sensitive,attribute", 0},
    {"dictsort", dictsort, 0, "case_sensitive,by,reverse", 0},
    {"groupby", groupby, 1, "attribute,default,case_sensitive", 0},
    {"min", extreme, 0, "case_sensitive,attribute", 0},
    {"max", extreme, 0, "case_sensitive,attribute", 1},
    {"sum", sum, 0, "attribute,start", 0},
    {"tojson", jinja_tojson, 0, "ensure_ascii,indent,separators,sort_keys", 0},
};
const size_t JINJA_N_LIST_FILTERS = sizeof JINJA_LIST_FILTERS / sizeof *JINJA_LIST_FILTERS;
