/* iterate.c - going through values one by one: containers, strings, ranges, and what filters give.
 *
 * Filters that Python writes as generators give iterators here too: nothing is computed before it
 * is asked for, and what was taken is gone. Loops look one item ahead only if the template asks
 * whether an item is the last.
 */
#include "engine/jinja/render.h"

#include "base/utf8.h"

static bool next_of_list(struct jinja_run *run, struct jinja_iterator *iterator,
                         struct jinja_value *item, bool *done)
{
    (void)run;
    const struct jinja_list *list = iterator->source.list;
    *done = iterator->position >= list->n;
    if (!*done) *item = list->items[iterator->position++];
    return true;
}

static bool next_of_dict(struct jinja_run *run, struct jinja_iterator *iterator,
                         struct jinja_value *item, bool *done)
{
    (void)run;
    const struct jinja_dict *dict = iterator->source.dict;
    *done = iterator->position >= dict->n;
    if (!*done) *item = dict->pairs[iterator->position++].key;
    return true;
}

static bool next_of_string(struct jinja_run *run, struct jinja_iterator *iterator,
                           struct jinja_value *item, bool *done)
{
    const struct jinja_text *text = iterator->source.text;
    uint32_t code;
    const char *at = text->bytes + iterator->position;
    size_t n = utf8_decode(at, text->n_bytes - iterator->position, &code, NULL);
    *done = n == 0;
    iterator->position += n;
    return *done || jinja_text_of(run, at, n, item);
}

static bool next_of_range(struct jinja_run *run, struct jinja_iterator *iterator,
                          struct jinja_value *item, bool *done)
{
    (void)run;
    const struct jinja_range *range = iterator->source.range;
    *done = iterator->position >= range->n;
    if (!*done) *item = jinja_integer(range->start + (int64_t)iterator->position++ * range->step);
    return true;
}

static bool next_of_nothing(struct jinja_run *run, struct jinja_iterator *iterator,
                            struct jinja_value *item, bool *done)
{
    (void)run;
    (void)iterator;
    (void)item;
    *done = true;
    return true;
}

static bool next_of_loop(struct jinja_run *run, struct jinja_iterator *iterator,
                         struct jinja_value *item, bool *done)
{
    struct jinja_value value;
    return jinja_loop_next(run, iterator->source.loop, &value, done) &&
           (*done || jinja_pair_of(run, value, iterator->source, item));
}

bool jinja_is_iterable(struct jinja_value value)
{
    switch (value.kind) {
    case JINJA_UNDEFINED:
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_VIEW:
    case JINJA_DICT:
    case JINJA_STRING:
    case JINJA_RANGE:
    case JINJA_ITERATOR:
    case JINJA_LOOP: return true;
    default: return false;
    }
}

bool jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_iterator **out)
{
    if (value.kind == JINJA_ITERATOR) {
        *out = value.iterator;
        return true;
    }
    struct jinja_iterator iterator = {.source = value};
    switch (value.kind) {
    case JINJA_UNDEFINED: iterator.next = next_of_nothing; break;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_VIEW: iterator.next = next_of_list; break;
    case JINJA_DICT: iterator.next = next_of_dict; break;
    case JINJA_STRING: iterator.next = next_of_string; break;
    case JINJA_RANGE: iterator.next = next_of_range; break;
    case JINJA_LOOP: iterator.next = next_of_loop; break;
    default:
        return jinja_fail(run, "a value of type %s cannot be gone through", jinja_type_name(value));
    }
    struct jinja_value made;
    if (!jinja_new_iterator(run, iterator, &made)) return false;
    *out = made.iterator;
    return true;
}

bool jinja_new_iterator(struct jinja_run *run, struct jinja_iterator iterator,
                        struct jinja_value *out)
{
    struct jinja_iterator *copy = jinja_alloc(run, 1, sizeof *copy);
    if (!copy) return false;
    *copy = iterator;
    *out = (struct jinja_value){.kind = JINJA_ITERATOR, .iterator = copy};
    return true;
}

bool jinja_next_item(struct jinja_run *run, struct jinja_iterator *iterator,
                     struct jinja_value *item, bool *done)
{
    if (!jinja_charge(run, 0)) return false;
    if (run->depth >= JINJA_CALL_DEPTH)
        return jinja_exhaust(run, "iterators are nested more than %d levels deep",
                             JINJA_CALL_DEPTH);
    run->depth++;
    bool ok = iterator->next(run, iterator, item, done);
    run->depth--;
    if (ok && *done) iterator->next = next_of_nothing;
    return ok;
}

bool jinja_collect(struct jinja_run *run, struct jinja_value value, struct jinja_value *out)
{
    struct jinja_iterator *iterator;
    if (!jinja_iterate(run, value, &iterator) || !jinja_list_new(run, JINJA_LIST, 0, out))
        return false;
    for (;;) {
        struct jinja_value item;
        bool done = false;
        if (!jinja_next_item(run, iterator, &item, &done)) return false;
        if (done) return true;
        if (!jinja_list_push(run, out->list, item)) return false;
    }
}

/* ---- the loop variable */

bool jinja_loop_next(struct jinja_run *run, struct jinja_loop *loop, struct jinja_value *item,
                     bool *done)
{
    if (loop->after.kind != JINJA_MISSING) {
        *item = loop->after;
        *done = false;
        loop->after.kind = JINJA_MISSING;
    } else if (!jinja_next_item(run, loop->iterator, item, done)) {
        return false;
    }
    if (*done) return true;
    loop->index0++;
    loop->before = loop->current;
    loop->current = *item;
    return true;
}

static bool peek(struct jinja_run *run, struct jinja_loop *loop)
{
    bool done = false;
    if (loop->after.kind != JINJA_MISSING) return true;
    if (!jinja_next_item(run, loop->iterator, &loop->after, &done)) return false;
    if (done) loop->after.kind = JINJA_MISSING;
    return true;
}

/* The number of all items: what is left of an iterator is taken out and put back for this. */
static bool count_items(struct jinja_run *run, struct jinja_loop *loop, int64_t *n)
{
    size_t length;
    struct jinja_value source = {.kind = JINJA_ITERATOR, .iterator = loop->iterator}, rest;
    if (jinja_length(loop->iterable, &length)) {
        *n = (int64_t)length;
        return true;
    }
    if (!jinja_collect(run, source, &rest) || !jinja_iterate(run, rest, &loop->iterator))
        return false;
    *n = (int64_t)rest.list->n + loop->index0 + 1 + (loop->after.kind != JINJA_MISSING);
    /* From now on the length is known. */
    struct jinja_range *range = jinja_alloc(run, 1, sizeof *range);
    if (!range) return false;
    range->n = (size_t)*n;
    loop->iterable = (struct jinja_value){.kind = JINJA_RANGE, .range = range};
    return true;
}

/* cycle(...) and changed(...) */
static bool loop_cycle(struct jinja_invocation *call)
{
    const struct jinja_list *items = &call->arguments->positional;
    if (!items->n) return jinja_fail(call->run, "loop.cycle takes items");
    *call->out = items->items[(size_t)call->self.loop->index0 % items->n];
    return true;
}

static bool loop_changed(struct jinja_invocation *call)
{
    struct jinja_loop *loop = call->self.loop;
    struct jinja_value now;
    if (!jinja_list_new(call->run, JINJA_TUPLE, 0, &now)) return false;
    *now.list = call->arguments->positional;
    bool equal = false;
    if (loop->last_changed.kind != JINJA_MISSING &&
        !jinja_equal(call->run, loop->last_changed, now, &equal))
        return false;
    loop->last_changed = now;
    *call->out = jinja_bool(!equal);
    return true;
}

static const struct jinja_builtin LOOP_METHODS[] = {
    {"cycle", loop_cycle, 0, "*", 0},
    {"changed", loop_changed, 0, "*", 0},
};

enum loop_field {
    LOOP_INDEX,
    LOOP_INDEX0,
    LOOP_FIRST,
    LOOP_DEPTH,
    LOOP_DEPTH0,
    LOOP_PREVIOUS,
    LOOP_LAST,
    LOOP_NEXT,
    LOOP_LENGTH,
    LOOP_REVINDEX,
    LOOP_REVINDEX0,
};

static const struct {
    const char *name;
    enum loop_field field;
} LOOP_FIELDS[] = {
    {"index", LOOP_INDEX},       {"index0", LOOP_INDEX0},     {"first", LOOP_FIRST},
    {"last", LOOP_LAST},         {"length", LOOP_LENGTH},     {"depth", LOOP_DEPTH},
    {"depth0", LOOP_DEPTH0},     {"revindex", LOOP_REVINDEX}, {"revindex0", LOOP_REVINDEX0},
    {"previtem", LOOP_PREVIOUS}, {"nextitem", LOOP_NEXT},
};

static bool read_field(struct jinja_run *run, struct jinja_loop *loop, enum loop_field field,
                       struct jinja_value *out)
{
    int64_t n = 0;
    if ((field == LOOP_LAST || field == LOOP_NEXT) && !peek(run, loop)) return false;
    if (field >= LOOP_LENGTH && !count_items(run, loop, &n)) return false;
    bool has_after = loop->after.kind != JINJA_MISSING;
    switch (field) {
    case LOOP_INDEX: *out = jinja_integer(loop->index0 + 1); break;
    case LOOP_INDEX0: *out = jinja_integer(loop->index0); break;
    case LOOP_FIRST: *out = jinja_bool(loop->index0 == 0); break;
    case LOOP_DEPTH: *out = jinja_integer(loop->depth0 + 1); break;
    case LOOP_DEPTH0: *out = jinja_integer(loop->depth0); break;
    case LOOP_LENGTH: *out = jinja_integer(n); break;
    case LOOP_REVINDEX: *out = jinja_integer(n - loop->index0); break;
    case LOOP_REVINDEX0: *out = jinja_integer(n - loop->index0 - 1); break;
    case LOOP_LAST: *out = jinja_bool(!has_after); break;
    case LOOP_PREVIOUS:
        *out = loop->index0 == 0 ? jinja_undefined("there is no previous item") : loop->before;
        break;
    case LOOP_NEXT:
        *out = has_after ? loop->after : jinja_undefined("there is no next item");
        break;
    }
    return true;
}

bool jinja_loop_attribute(struct jinja_run *run, struct jinja_loop *loop,
                          const struct jinja_text *name, struct jinja_value *out, bool *found)
{
    *found = true;
    for (size_t i = 0; i < sizeof LOOP_FIELDS / sizeof *LOOP_FIELDS; i++)
        if (jinja_text_is(name, LOOP_FIELDS[i].name))
            return read_field(run, loop, LOOP_FIELDS[i].field, out);
    const struct jinja_builtin *row = jinja_find_row(LOOP_METHODS, 2, name->bytes, name->n_bytes);
    *found = row;
    if (!row) return true;
    struct jinja_method *method = jinja_alloc(run, 1, sizeof *method);
    if (!method) return false;
    *method = (struct jinja_method){{.kind = JINJA_LOOP, .loop = loop}, row};
    *out = (struct jinja_value){.kind = JINJA_METHOD, .method = method};
    return true;
}
