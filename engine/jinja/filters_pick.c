/* filters_pick.c - filters that go through items one by one: map, select, reject and their kin.
 *
 * They give iterators, which compute an item when it is asked for. What is false as a whole, none
 * among it, has no items for them.
 */
#include "engine/jinja/pick.h"

#include "engine/jinja/render.h"

#include <ctype.h>
#include <string.h>

/* ---- paths */

static bool push_part(struct jinja_run *run, struct jinja_path *path, const char *bytes, size_t n)
{
    struct jinja_value part;
    int64_t index = 0;
    bool is_index = n > 0 && n < 18;
    for (size_t i = 0; i < n && is_index; i++) {
        is_index = isdigit((unsigned char)bytes[i]);
        index = 10 * index + (bytes[i] - '0');
    }
    if (is_index) part = jinja_integer(index);
    else if (!jinja_text_of(run, bytes, n, &part)) return false;
    return jinja_list_push(run, &path->parts, part);
}

bool jinja_read_path(struct jinja_run *run, struct jinja_value attribute, struct jinja_path *path)
{
    *path = (struct jinja_path){.ignores_case = false};
    if (attribute.kind == JINJA_MISSING || attribute.kind == JINJA_NONE) return true;
    if (attribute.kind != JINJA_STRING) return jinja_list_push(run, &path->parts, attribute);
    const char *at = attribute.text->bytes, *end = at + attribute.text->n_bytes;
    for (;;) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        const char *stop = dot ? dot : end;
        if (!push_part(run, path, at, (size_t)(stop - at))) return false;
        if (!dot) return true;
        at = dot + 1;
    }
}

bool jinja_follow(struct jinja_run *run, const struct jinja_path *path, struct jinja_value item,
                  struct jinja_value *out)
{
    *out = item;
    for (size_t i = 0; i < path->parts.n; i++) {
        if (!jinja_item(run, *out, path->parts.items[i], out)) return false;
        bool is_missing = out->kind == JINJA_UNDEFINED;
        if (is_missing && path->otherwise.kind != JINJA_MISSING &&
            path->otherwise.kind != JINJA_NONE)
            *out = path->otherwise;
    }
    if (!path->ignores_case || out->kind != JINJA_STRING) return true;
    struct jinja_arguments none = {.named = {0}};
    return jinja_invoke(run, jinja_find_method(*out, "lower", 5), *out, &none, out);
}

/* ---- picking item by item */

struct picking {
    struct jinja_value source;
    const char *filter; /* its name, for messages */
    struct jinja_arguments arguments;
    const struct jinja_builtin *function; /* what is applied to an item; NULL: the path alone */
    struct jinja_path path;
    bool is_ready, is_map, by_attribute, is_rejecting;
};

/* The arguments after the first n are those of the filter or test that is applied. */
static void drop_arguments(struct picking *picking, size_t n)
{
    picking->arguments.positional.items += n;
    picking->arguments.positional.n -= n;
    picking->arguments.positional.capacity = picking->arguments.positional.n;
}

static bool find_applied(struct jinja_run *run, struct picking *picking)
{
    struct jinja_value name = picking->arguments.positional.items[0];
    drop_arguments(picking, 1);
    if (name.kind == JINJA_STRING)
        picking->function = picking->is_map
                                ? jinja_find_filter(name.text->bytes, name.text->n_bytes)
                                : jinja_find_test(name.text->bytes, name.text->n_bytes);
    const char *what = picking->is_map ? "filter" : "test";
    if (!picking->function)
        return jinja_fail(run, "\"%s\" is given no %s that there is", picking->filter, what);
    return picking->function->function ||
           jinja_refuse(run, "the %s \"%s\"", what, picking->function->name);
}

/* map(attribute="a.b", default=x) */
static bool prepare_attribute(struct jinja_run *run, struct picking *picking)
{
    const struct jinja_dict *named = &picking->arguments.named;
    const struct jinja_value *otherwise = jinja_dict_find_text(named, "default", 7);
    const struct jinja_value *attribute = jinja_dict_find_text(named, "attribute", 9);
    if (named->n != 1 + (otherwise ? 1 : 0))
        return jinja_fail(run, "\"map\" takes only \"attribute\" and \"default\" by name");
    if (!jinja_read_path(run, *attribute, &picking->path)) return false;
    if (otherwise) picking->path.otherwise = *otherwise;
    return true;
}

static bool prepare(struct jinja_run *run, struct picking *picking)
{
    const struct jinja_list *positional = &picking->arguments.positional;
    picking->is_ready = true;
    if (picking->is_map) {
        if (!positional->n && jinja_dict_find_text(&picking->arguments.named, "attribute", 9))
            return prepare_attribute(run, picking);
        if (!positional->n) return jinja_fail(run, "\"map\" takes a filter");
        return find_applied(run, picking);
    }
    if (picking->by_attribute) {
        if (!positional->n)
            return jinja_fail(run, "\"%s\" takes the name of an attribute", picking->filter);
        if (!jinja_read_path(run, positional->items[0], &picking->path)) return false;
        drop_arguments(picking, 1);
    }
    return !positional->n || find_applied(run, picking);
}

static bool apply_to(struct jinja_run *run, const struct picking *picking, struct jinja_value item,
                     struct jinja_value *out)
{
    if (!jinja_follow(run, &picking->path, item, out)) return false;
    return !picking->function ||
           jinja_invoke(run, picking->function, *out, &picking->arguments, out);
}

static bool next_picked(struct jinja_run *run, struct jinja_iterator *iterator,
                        struct jinja_value *item, bool *done)
{
    struct picking *picking = iterator->state;
    if (!picking->is_ready &&
        (!prepare(run, picking) || !jinja_iterate(run, picking->source, &iterator->inner)))
        return false;
    for (;;) {
        struct jinja_value from, result;
        if (!jinja_next_item(run, iterator->inner, &from, done)) return false;
        if (*done) return true;
        if (!apply_to(run, picking, from, &result)) return false;
        *item = picking->is_map ? result : from;
        if (picking->is_map || jinja_truth(result) != picking->is_rejecting) return true;
    }
}

static bool next_of_none(struct jinja_run *run, struct jinja_iterator *iterator,
                         struct jinja_value *item, bool *done)
{
    (void)run;
    (void)iterator;
    (void)item;
    *done = true;
    return true;
}

enum { PICK_MAP = 1, PICK_REJECT = 2, PICK_ATTRIBUTE = 4 };

static bool pick(struct jinja_invocation *call)
{
    int variant = call->builtin->variant;
    struct jinja_iterator iterator = {.next = next_of_none};
    if (jinja_truth(call->self)) {
        struct picking *picking = jinja_alloc(call->run, 1, sizeof *picking);
        if (!picking) return false;
        *picking = (struct picking){.source = call->self,
                                    .filter = call->builtin->name,
                                    .arguments = *call->arguments,
                                    .is_map = variant & PICK_MAP,
                                    .is_rejecting = variant & PICK_REJECT,
                                    .by_attribute = variant & PICK_ATTRIBUTE};
        iterator = (struct jinja_iterator){.next = next_picked, .state = picking};
    }
    return jinja_new_iterator(call->run, iterator, call->out);
}

/* ---- all at once, but later */

struct deferred {
    struct jinja_invocation call;
    jinja_builtin_fn *function;
};

static bool next_deferred(struct jinja_run *run, struct jinja_iterator *iterator,
                          struct jinja_value *item, bool *done)
{
    struct deferred *deferred = iterator->state;
    struct jinja_value list;
    if (!iterator->inner) {
        deferred->call.out = &list;
        if (!deferred->function(&deferred->call) || !jinja_iterate(run, list, &iterator->inner))
            return false;
    }
    return jinja_next_item(run, iterator->inner, item, done);
}

bool jinja_defer(struct jinja_invocation *call, jinja_builtin_fn *function)
{
    struct deferred *deferred = jinja_alloc(call->run, 1, sizeof *deferred);
    if (!deferred) return false;
    *deferred = (struct deferred){*call, function};
    deferred->call.arguments = NULL; /* bound already, and gone by then */
    struct jinja_iterator iterator = {.next = next_deferred, .state = deferred};
    return jinja_new_iterator(call->run, iterator, call->out);
}

const struct jinja_builtin JINJA_PICK_FILTERS[] = {
    {"map", pick, 0, "*", PICK_MAP},
    {"select", pick, 0, "*", 0},
    {"reject", pick, 0, "*", PICK_REJECT},
    {"selectattr", pick, 0, "*", PICK_ATTRIBUTE},
    {"rejectattr", pick, 0, "*", PICK_ATTRIBUTE | PICK_REJECT},
};
const size_t JINJA_N_PICK_FILTERS = sizeof JINJA_PICK_FILTERS / sizeof *JINJA_PICK_FILTERS;
