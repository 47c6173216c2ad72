/* attributes.c - object.name, object[key] and object[start:stop:step] on every type.
 *
 * As in Jinja2: `.name` looks for an attribute first and an item second, `[key]` the other way
 * round, and what is not found is undefined, an error only once it is used. The sandbox hides names
 * with an underscore in front, and methods that would change a list or dict. A method that Python
 * has and phibench has not is refused by name.
 */
#include "engine/jinja/render.h"

#include <string.h>

/* ---- methods of lists, tuples, dicts, ranges */

static bool dict_view(struct jinja_invocation *call)
{
    const struct jinja_dict *dict = call->self.dict;
    struct jinja_value *out = call->out;
    if (!jinja_list_new(call->run, JINJA_VIEW, dict->n, out)) return false;
    out->view = (enum jinja_view)call->builtin->variant;
    for (size_t i = 0; i < dict->n; i++) {
        struct jinja_value item =
            out->view == VIEW_KEYS ? dict->pairs[i].key : dict->pairs[i].value;
        if ((out->view == VIEW_ITEMS &&
             !jinja_pair_of(call->run, dict->pairs[i].key, dict->pairs[i].value, &item)) ||
            !jinja_list_push(call->run, out->list, item))
            return false;
    }
    return true;
}

static bool dict_get(struct jinja_invocation *call)
{
    const struct jinja_value *found;
    if (!jinja_dict_find(call->run, call->self.dict, call->bound[0], &found)) return false;
    *call->out = found                                  ? *found
                 : call->bound[1].kind == JINJA_MISSING ? jinja_none()
                                                        : call->bound[1];
    return true;
}

static bool dict_copy(struct jinja_invocation *call)
{
    const struct jinja_dict *dict = call->self.dict;
    if (!jinja_dict_new(call->run, call->out)) return false;
    for (size_t i = 0; i < dict->n; i++)
        if (!jinja_dict_set(call->run, call->out->dict, dict->pairs[i].key, dict->pairs[i].value))
            return false;
    return true;
}

static bool list_copy(struct jinja_invocation *call)
{
    return jinja_collect(call->run, call->self, call->out);
}

/* count and, as the variant, index. */
static bool list_search(struct jinja_invocation *call)
{
    struct jinja_value items;
    int64_t n = 0;
    if (!jinja_collect(call->run, call->self, &items)) return false;
    for (size_t i = 0; i < items.list->n; i++) {
        bool equal;
        if (!jinja_equal(call->run, items.list->items[i], call->bound[0], &equal)) return false;
        if (equal && call->builtin->variant) {
            *call->out = jinja_integer((int64_t)i);
            return true;
        }
        n += equal;
    }
    *call->out = jinja_integer(n);
    return !call->builtin->variant || jinja_fail(call->run, "the value is not in the list");
}

/* The variant of methods that the sandbox hides, because they would change a list or dict. */
enum { IS_FORBIDDEN = 1 };

static const struct jinja_builtin DICT_METHODS[] = {
    {"items", dict_view, 0, "", VIEW_ITEMS},
    {"keys", dict_view, 0, "", VIEW_KEYS},
    {"values", dict_view, 0, "", VIEW_VALUES},
    {"get", dict_get, 1, "/key,default", 0},
    {"copy", dict_copy, 0, "", 0},
    {"fromkeys", NULL, 0, "*", 0},
    {"clear", NULL, 0, "*", IS_FORBIDDEN},
    {"pop", NULL, 0, "*", IS_FORBIDDEN},
    {"popitem", NULL, 0, "*", IS_FORBIDDEN},
    {"setdefault", NULL, 0, "*", IS_FORBIDDEN},
    {"update", NULL, 0, "*", IS_FORBIDDEN},
};
static const struct jinja_builtin LIST_METHODS[] = {
    {"copy", list_copy, 0, "", 0},           {"count", list_search, 1, "/value", 0},
    {"index", list_search, 1, "/value", 1},  {"append", NULL, 0, "*", IS_FORBIDDEN},
    {"clear", NULL, 0, "*", IS_FORBIDDEN},   {"pop", NULL, 0, "*", IS_FORBIDDEN},
    {"reverse", NULL, 0, "*", IS_FORBIDDEN}, {"insert", NULL, 0, "*", IS_FORBIDDEN},
    {"sort", NULL, 0, "*", IS_FORBIDDEN},    {"extend", NULL, 0, "*", IS_FORBIDDEN},
    {"remove", NULL, 0, "*", IS_FORBIDDEN},
};
static const struct jinja_builtin TUPLE_METHODS[] = {
    {"count", list_search, 1, "/value", 0},
    {"index", list_search, 1, "/value", 1},
};
static const struct jinja_builtin INTEGER_METHODS[] = {
    {"bit_length", NULL, 0, "*", 0}, {"bit_count", NULL, 0, "*", 0},
    {"to_bytes", NULL, 0, "*", 0},   {"from_bytes", NULL, 0, "*", 0},
    {"conjugate", NULL, 0, "*", 0},  {"as_integer_ratio", NULL, 0, "*", 0},
    {"real", NULL, 0, "*", 0},       {"imag", NULL, 0, "*", 0},
    {"numerator", NULL, 0, "*", 0},  {"denominator", NULL, 0, "*", 0},
};
static const struct jinja_builtin NUMBER_METHODS[] = {
    {"is_integer", NULL, 0, "*", 0},       {"hex", NULL, 0, "*", 0},  {"fromhex", NULL, 0, "*", 0},
    {"conjugate", NULL, 0, "*", 0},        {"real", NULL, 0, "*", 0}, {"imag", NULL, 0, "*", 0},
    {"as_integer_ratio", NULL, 0, "*", 0},
};
static const struct jinja_builtin VIEW_METHODS[] = {{"mapping", NULL, 0, "*", 0},
                                                    {"isdisjoint", NULL, 0, "*", 0}};

static bool cycler_next(struct jinja_invocation *call)
{
    struct jinja_cycler *cycler = call->self.cycler;
    *call->out = cycler->items.items[cycler->position];
    cycler->position = (cycler->position + 1) % cycler->items.n;
    return true;
}

static bool cycler_reset(struct jinja_invocation *call)
{
    call->self.cycler->position = 0;
    *call->out = jinja_none();
    return true;
}

static const struct jinja_builtin CYCLER_METHODS[] = {
    {"next", cycler_next, 0, "", 0},
    {"reset", cycler_reset, 0, "", 0},
    {"items", NULL, 0, "*", 0},
    {"pos", NULL, 0, "*", 0},
};

static const struct {
    const struct jinja_builtin *rows;
    size_t n;
} METHODS[] = {
    [JINJA_DICT] = {DICT_METHODS, sizeof DICT_METHODS / sizeof *DICT_METHODS},
    [JINJA_LIST] = {LIST_METHODS, sizeof LIST_METHODS / sizeof *LIST_METHODS},
    [JINJA_TUPLE] = {TUPLE_METHODS, sizeof TUPLE_METHODS / sizeof *TUPLE_METHODS},
    [JINJA_RANGE] = {TUPLE_METHODS, sizeof TUPLE_METHODS / sizeof *TUPLE_METHODS},
    [JINJA_BOOL] = {INTEGER_METHODS, sizeof INTEGER_METHODS / sizeof *INTEGER_METHODS},
    [JINJA_INTEGER] = {INTEGER_METHODS, sizeof INTEGER_METHODS / sizeof *INTEGER_METHODS},
    [JINJA_NUMBER] = {NUMBER_METHODS, sizeof NUMBER_METHODS / sizeof *NUMBER_METHODS},
    [JINJA_VIEW] = {VIEW_METHODS, sizeof VIEW_METHODS / sizeof *VIEW_METHODS},
    [JINJA_CYCLER] = {CYCLER_METHODS, sizeof CYCLER_METHODS / sizeof *CYCLER_METHODS},
    [JINJA_JOINER] = {NULL, 0},
};

const struct jinja_builtin *jinja_find_method(struct jinja_value self, const char *name,
                                              size_t n_bytes)
{
    if (self.kind == JINJA_STRING)
        return jinja_find_row(JINJA_STRING_METHODS, JINJA_N_STRING_METHODS, name, n_bytes);
    return jinja_find_row(METHODS[self.kind].rows, METHODS[self.kind].n, name, n_bytes);
}

/* ---- attributes */

static bool macro_attribute(struct jinja_run *run, const struct jinja_macro *macro,
                            const struct jinja_text *name, struct jinja_value *out, bool *found)
{
    const struct jinja_signature *signature = &macro->node->macro.signature;
    *found = true;
    if (jinja_text_is(name, "name")) {
        *out = macro->name ? (struct jinja_value){.kind = JINJA_STRING, .text = macro->name}
                           : jinja_none();
    } else if (jinja_text_is(name, "arguments")) {
        if (!jinja_list_new(run, JINJA_TUPLE, signature->names.n, out)) return false;
        for (size_t i = 0; i < signature->names.n; i++)
            if (!jinja_list_push(run, out->list,
                                 (struct jinja_value){.kind = JINJA_STRING,
                                                      .text = signature->names.items[i]->name}))
                return false;
    } else if (jinja_text_is(name, "caller")) {
        *out = jinja_bool(signature->takes_caller);
    } else if (jinja_text_is(name, "catch_kwargs")) {
        *out = jinja_bool(signature->takes_kwargs);
    } else if (jinja_text_is(name, "catch_varargs")) {
        *out = jinja_bool(signature->takes_varargs);
    } else {
        *found = false;
    }
    return true;
}

static bool range_attribute(const struct jinja_range *range, const struct jinja_text *name,
                            struct jinja_value *out)
{
    bool is_start = jinja_text_is(name, "start"), is_stop = jinja_text_is(name, "stop");
    if (!is_start && !is_stop && !jinja_text_is(name, "step")) return false;
    *out = jinja_integer(is_start ? range->start : is_stop ? range->stop : range->step);
    return true;
}

static bool group_attribute(struct jinja_value tuple, const struct jinja_text *name,
                            struct jinja_value *out)
{
    bool is_grouper = jinja_text_is(name, "grouper");
    if (!tuple.is_group || (!is_grouper && !jinja_text_is(name, "list"))) return false;
    *out = tuple.list->items[is_grouper ? 0 : 1];
    return true;
}

/* What Python's getattr finds; what the sandbox hides is found as undefined. */
static bool find_attribute(struct jinja_run *run, struct jinja_value object,
                           const struct jinja_text *name, struct jinja_value *out, bool *found)
{
    const struct jinja_value *value;
    *found = false;
    switch (object.kind) {
    case JINJA_UNDEFINED: return jinja_fail(run, "%s", object.hint);
    case JINJA_NAMESPACE:
        value = jinja_dict_find_text(object.dict, name->bytes, name->n_bytes);
        *found = value;
        if (value) *out = *value;
        return true;
    case JINJA_LOOP: return jinja_loop_attribute(run, object.loop, name, out, found);
    case JINJA_MACRO: return macro_attribute(run, object.macro, name, out, found);
    case JINJA_RANGE: *found = range_attribute(object.range, name, out); break;
    case JINJA_TUPLE: *found = group_attribute(object, name, out); break;
    case JINJA_CYCLER:
        *found = jinja_text_is(name, "current");
        if (*found) *out = object.cycler->items.items[object.cycler->position];
        break;
    case JINJA_NONE:
    case JINJA_ITERATOR:
    case JINJA_FUNCTION:
    case JINJA_METHOD: return true;
    default: break;
    }
    const struct jinja_builtin *row =
        *found ? NULL : jinja_find_method(object, name->bytes, name->n_bytes);
    if (!row) return true;
    if (!row->function && row->variant == IS_FORBIDDEN) {
        char *hint = arena_printf(run->arena, NULL, "the method \"%s\" would change a %s",
                                  row->name, jinja_type_name(object));
        *out = jinja_undefined(hint ? hint : "undefined");
        *found = true;
        return true;
    }
    if (!row->function)
        return jinja_refuse(run, "the attribute \"%s\" of a %s", row->name,
                            jinja_type_name(object));
    struct jinja_method *method = jinja_alloc(run, 1, sizeof *method);
    if (!method) return false;
    *method = (struct jinja_method){object, row};
    *out = (struct jinja_value){.kind = JINJA_METHOD, .method = method};
    *found = true;
    return true;
}

/* What is undefined because the object has no such attribute or item. */
static bool undefined_in(struct jinja_run *run, struct jinja_value object, struct jinja_value key,
                         struct jinja_value *out)
{
    char *hint =
        jinja_is_string(key)
            ? arena_printf(run->arena, NULL, "a %s has no \"%.*s\"", jinja_type_name(object),
                           key.text->n_bytes < 100 ? (int)key.text->n_bytes : 100, key.text->bytes)
            : arena_printf(run->arena, NULL, "a %s has no such element", jinja_type_name(object));
    *out = jinja_undefined(hint ? hint : "undefined");
    return true;
}

/* Whether Python has an attribute that begins so: "__" and a name on any object. */
static bool is_hidden(const struct jinja_text *name)
{
    return name->n_bytes > 2 && memcmp(name->bytes, "__", 2) == 0;
}

static bool list_index(struct jinja_value key, size_t n, size_t *index)
{
    int64_t i = jinja_as_integer(key);
    if (i < 0) i += (int64_t)n;
    *index = (size_t)i;
    return i >= 0 && (size_t)i < n;
}

bool jinja_substring(struct jinja_run *run, struct jinja_value text, size_t begin, size_t end,
                     struct jinja_value *out)
{
    size_t first = jinja_text_offset(text.text, begin), last = jinja_text_offset(text.text, end);
    if (!jinja_charge(run, last)) return false;
    if (last < first) last = first;
    if (!jinja_text_of(run, text.text->bytes + first, last - first, out)) return false;
    out->is_markup = text.is_markup;
    return true;
}

/* What object[key] finds; nothing where Python raises an error that Jinja2 catches. */
static bool find_item(struct jinja_run *run, struct jinja_value object, struct jinja_value key,
                      struct jinja_value *out, bool *found)
{
    size_t n, index;
    const struct jinja_value *value;
    *found = false;
    switch (object.kind) {
    case JINJA_UNDEFINED: return jinja_fail(run, "%s", object.hint);
    case JINJA_DICT:
        if (!jinja_is_hashable(key)) return true;
        if (!jinja_dict_find(run, object.dict, key, &value)) return false;
        *found = value;
        if (value) *out = *value;
        return true;
    case JINJA_STRING:
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_RANGE:
        if (!jinja_is_integral(key) || !jinja_length(object, &n) || !list_index(key, n, &index))
            return true;
        *found = true;
        if (object.kind == JINJA_STRING) return jinja_substring(run, object, index, index + 1, out);
        *out = object.kind == JINJA_RANGE
                   ? jinja_integer(object.range->start + (int64_t)index * object.range->step)
                   : object.list->items[index];
        return true;
    default: return true;
    }
}

bool jinja_attribute(struct jinja_run *run, struct jinja_value object,
                     const struct jinja_text *name, struct jinja_value *out)
{
    bool found = false;
    struct jinja_value key = {.kind = JINJA_STRING, .text = name};
    /* Even of what is undefined: Python has such attributes on every object. */
    if (object.kind == JINJA_UNDEFINED && is_hidden(name))
        return undefined_in(run, object, key, out);
    if (!is_hidden(name)) {
        if (!find_attribute(run, object, name, out, &found)) return false;
        if (found && name->bytes[0] != '_') return true;
        if (found) return undefined_in(run, object, key, out);
    }
    if (!find_item(run, object, key, out, &found)) return false;
    return found || undefined_in(run, object, key, out);
}

bool jinja_only_attribute(struct jinja_run *run, struct jinja_value object,
                          const struct jinja_text *name, struct jinja_value *out)
{
    bool found = false;
    struct jinja_value key = {.kind = JINJA_STRING, .text = name};
    if (!is_hidden(name) && !find_attribute(run, object, name, out, &found)) return false;
    return (found && name->bytes[0] != '_') || undefined_in(run, object, key, out);
}

bool jinja_item(struct jinja_run *run, struct jinja_value object, struct jinja_value key,
                struct jinja_value *out)
{
    bool found;
    if (!find_item(run, object, key, out, &found)) return false;
    if (!found && key.kind == JINJA_STRING && !is_hidden(key.text)) {
        if (!find_attribute(run, object, key.text, out, &found)) return false;
        if (found && key.text->n_bytes && key.text->bytes[0] == '_') found = false;
    }
    return found || undefined_in(run, object, key, out);
}

/* ---- slices */

static bool slice_part(struct jinja_run *run, struct jinja_value part, int64_t otherwise,
                       int64_t *out)
{
    if (part.kind != JINJA_NONE && !jinja_is_integral(part))
        return jinja_fail(run, "a slice takes integers, not a value of type %s",
                          jinja_type_name(part));
    *out = part.kind == JINJA_NONE ? otherwise : jinja_as_integer(part);
    return true;
}

/* An end of a slice as Python brings it into range: [0, n], and one less for negative steps. */
static int64_t clamp(int64_t i, int64_t n, bool is_backward)
{
    if (i < 0) i = i < -n ? -1 : i + n;
    if (i < 0) return is_backward ? -1 : 0;
    int64_t last = is_backward ? n - 1 : n;
    return i > last ? last : i;
}

/* The bytes of every character by its index, for slices that go backward or skip. */
static bool slice_string(struct jinja_run *run, struct jinja_value object, int64_t start,
                         int64_t step, size_t n, struct jinja_value *out)
{
    if (step == 1) return jinja_substring(run, object, (size_t)start, (size_t)start + n, out);
    struct buf text = jinja_buffer(run);
    const struct jinja_text *from = object.text;
    size_t *offsets = jinja_alloc(run, from->n_chars + 1, sizeof *offsets);
    if (!offsets || !jinja_charge(run, from->n_bytes)) return false;
    size_t at = 0;
    struct jinja_text rest = *from;
    for (size_t i = 0; i < from->n_chars; i++) {
        offsets[i] = at;
        rest = (struct jinja_text){from->bytes + at, from->n_bytes - at, from->n_chars - i};
        at += jinja_text_offset(&rest, 1);
    }
    offsets[from->n_chars] = at;
    for (size_t i = 0; i < n; i++) {
        size_t index = (size_t)(start + (int64_t)i * step);
        buf_append(&text, from->bytes + offsets[index], offsets[index + 1] - offsets[index]);
    }
    if (!jinja_text_take(run, &text, out)) return false;
    out->is_markup = object.is_markup;
    return true;
}

bool jinja_slice(struct jinja_run *run, struct jinja_value object,
                 const struct jinja_value parts[3], struct jinja_value *out)
{
    int64_t start, stop, step;
    size_t length;
    if (object.kind == JINJA_UNDEFINED) return jinja_fail(run, "%s", object.hint);
    bool is_sliceable = object.kind == JINJA_STRING || object.kind == JINJA_LIST ||
                        object.kind == JINJA_TUPLE || object.kind == JINJA_RANGE;
    if (!is_sliceable || !jinja_length(object, &length))
        return jinja_fail(run, "a value of type %s cannot be sliced", jinja_type_name(object));
    if (!slice_part(run, parts[2], 1, &step)) return false;
    if (step == 0) return jinja_fail(run, "a slice's step cannot be 0");
    bool is_backward = step < 0;
    int64_t n = (int64_t)length;
    if (!slice_part(run, parts[0], is_backward ? INT64_MAX : 0, &start) ||
        !slice_part(run, parts[1], is_backward ? INT64_MIN : INT64_MAX, &stop))
        return false;
    start = clamp(start, n, is_backward);
    stop = clamp(stop, n, is_backward);
    if (step > n + 1) step = n + 1;
    if (step < -n - 1) step = -n - 1;
    int64_t distance = is_backward ? start - stop : stop - start;
    size_t count = distance > 0 ? (size_t)((distance - 1) / (is_backward ? -step : step)) + 1 : 0;
    if (object.kind == JINJA_STRING) return slice_string(run, object, start, step, count, out);
    if (object.kind == JINJA_RANGE) return jinja_refuse(run, "a slice of a range");
    if (!jinja_list_new(run, object.kind, count, out)) return false;
    for (size_t i = 0; i < count; i++)
        if (!jinja_list_push(run, out->list, object.list->items[start + (int64_t)i * step]))
            return false;
    return true;
}
