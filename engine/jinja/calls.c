/* calls.c - calling what can be called: builtins by their parameters, macros, loops, globals.
 *
 * The globals are those that `transformers` gives: range (of at most 100,000 items, as the sandbox
 * has it), dict, namespace, cycler, joiner, raise_exception and strftime_now. lipsum is random
 * text.
 */
#include "engine/jinja/render.h"

#include <string.h>

enum { MOST_RANGE_ITEMS = 100000, MOST_TIME_BYTES = 4096 };

/* ---- binding arguments to parameters */

const struct jinja_builtin *jinja_find_row(const struct jinja_builtin *rows, size_t n,
                                           const char *name, size_t n_bytes)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].name) == n_bytes && memcmp(rows[i].name, name, n_bytes) == 0)
            return &rows[i];
    return NULL;
}

/* The index of the parameter that has this name in "a,b,c", or how many there are. */
static size_t find_parameter(const char *parameters, const struct jinja_text *name)
{
    size_t i = 0;
    for (const char *at = parameters; *at; i++) {
        size_t n = strcspn(at, ",");
        if (name && n == name->n_bytes && memcmp(at, name->bytes, n) == 0) return i;
        at += n + (at[n] == ',');
    }
    return i;
}

static bool bind(struct jinja_invocation *call)
{
    const struct jinja_builtin *builtin = call->builtin;
    const struct jinja_arguments *arguments = call->arguments;
    bool by_position_only = builtin->parameters[0] == '/';
    const char *parameters = builtin->parameters + by_position_only;
    size_t n_parameters = find_parameter(parameters, NULL);
    if (arguments->positional.n > n_parameters)
        return jinja_fail(call->run, "\"%s\" takes at most %zu arguments", builtin->name,
                          n_parameters);
    for (size_t i = 0; i < arguments->positional.n; i++)
        call->bound[i] = arguments->positional.items[i];
    for (size_t i = 0; i < arguments->named.n; i++) {
        const struct jinja_text *name = arguments->named.pairs[i].key.text;
        size_t place = by_position_only ? n_parameters : find_parameter(parameters, name);
        if (place == n_parameters)
            return jinja_fail(call->run, "\"%s\" takes no argument \"%.*s\"", builtin->name,
                              (int)name->n_bytes, name->bytes);
        if (call->bound[place].kind != JINJA_MISSING)
            return jinja_fail(call->run, "\"%s\" gets its argument \"%.*s\" twice", builtin->name,
                              (int)name->n_bytes, name->bytes);
        call->bound[place] = arguments->named.pairs[i].value;
    }
    for (int i = 0; i < builtin->n_required; i++)
        if (call->bound[i].kind == JINJA_MISSING)
            return jinja_fail(call->run, "\"%s\" takes at least %d arguments", builtin->name,
                              builtin->n_required);
    return true;
}

bool jinja_invoke(struct jinja_run *run, const struct jinja_builtin *builtin,
                  struct jinja_value self, const struct jinja_arguments *arguments,
                  struct jinja_value *out)
{
    struct jinja_value result;
    struct jinja_invocation call = {
        .run = run, .builtin = builtin, .self = self, .arguments = arguments, .out = &result};
    if (builtin->parameters[0] != '*' && !bind(&call)) return false;
    if (!builtin->function(&call)) return false;
    *out = result;
    return true;
}

bool jinja_is_given(const struct jinja_invocation *call, int i)
{
    return call->bound[i].kind != JINJA_MISSING && call->bound[i].kind != JINJA_NONE;
}

bool jinja_integer_argument(struct jinja_invocation *call, int i, int64_t otherwise, int64_t *out)
{
    struct jinja_value value = call->bound[i];
    *out = otherwise;
    if (value.kind == JINJA_MISSING) return true;
    if (!jinja_is_integral(value))
        return jinja_fail(call->run, "\"%s\" takes an integer, not a value of type %s",
                          call->builtin->name, jinja_type_name(value));
    *out = jinja_as_integer(value);
    return true;
}

bool jinja_truth_argument(struct jinja_invocation *call, int i, bool otherwise)
{
    return call->bound[i].kind == JINJA_MISSING ? otherwise : jinja_truth(call->bound[i]);
}

bool jinja_string_argument(struct jinja_invocation *call, int i, const struct jinja_text **out)
{
    bool is_string = call->bound[i].kind == JINJA_STRING;
    *out = is_string ? call->bound[i].text : NULL;
    return is_string || jinja_fail(call->run, "\"%s\" takes a string, not a value of type %s",
                                   call->builtin->name, jinja_type_name(call->bound[i]));
}

/* ---- macros */

/* The argument of this name, which is then used up. */
static bool take_named(const struct jinja_arguments *arguments, bool *used,
                       const struct jinja_text *name, struct jinja_value *out)
{
    for (size_t i = 0; i < arguments->named.n; i++) {
        const struct jinja_text *key = arguments->named.pairs[i].key.text;
        if (used[i] || key->n_bytes != name->n_bytes ||
            memcmp(key->bytes, name->bytes, name->n_bytes) != 0)
            continue;
        used[i] = true;
        *out = arguments->named.pairs[i].value;
        return true;
    }
    return false;
}

static bool put_kwargs(struct jinja_run *run, const struct jinja_macro *macro,
                       struct jinja_frame *frame, const struct jinja_arguments *arguments,
                       const bool *used)
{
    const struct jinja_signature *signature = &macro->node->macro.signature;
    struct jinja_value rest;
    if (!jinja_dict_new(run, &rest)) return false;
    for (size_t i = 0; i < arguments->named.n; i++) {
        const struct jinja_pair *pair = &arguments->named.pairs[i];
        if (used[i]) continue;
        if (!signature->takes_kwargs)
            return jinja_fail(run, "the macro takes no argument \"%.*s\"",
                              (int)pair->key.text->n_bytes, pair->key.text->bytes);
        if (!jinja_dict_set(run, rest.dict, pair->key, pair->value)) return false;
    }
    if (signature->takes_kwargs) *jinja_slot(frame, signature->kwargs) = rest;
    return true;
}

static bool put_varargs(struct jinja_run *run, const struct jinja_macro *macro,
                        struct jinja_frame *frame, const struct jinja_arguments *arguments)
{
    const struct jinja_signature *signature = &macro->node->macro.signature;
    struct jinja_value rest;
    if (!jinja_list_new(run, JINJA_TUPLE, 0, &rest)) return false;
    for (size_t i = signature->names.n; i < arguments->positional.n; i++) {
        if (!signature->takes_varargs)
            return jinja_fail(run, "the macro takes at most %zu arguments", signature->names.n);
        if (!jinja_list_push(run, rest.list, arguments->positional.items[i])) return false;
    }
    if (signature->takes_varargs) *jinja_slot(frame, signature->varargs) = rest;
    return true;
}

static bool put_arguments(struct jinja_run *run, const struct jinja_macro *macro,
                          struct jinja_frame *frame, const struct jinja_arguments *arguments)
{
    static const struct jinja_text CALLER = {"caller", 6, 6};
    const struct jinja_signature *signature = &macro->node->macro.signature;
    bool *used = jinja_alloc(run, arguments->named.n, sizeof *used);
    if (!used) return false;
    bool found_caller = false;
    for (size_t i = 0; i < signature->names.n; i++) {
        const struct jinja_node *name = signature->names.items[i];
        struct jinja_value *slot = jinja_slot(frame, name->address);
        if (i < arguments->positional.n) *slot = arguments->positional.items[i];
        else take_named(arguments, used, name->name, slot);
    }
    found_caller = signature->names_caller;
    if (signature->takes_caller && !found_caller) {
        struct jinja_value caller = jinja_undefined("no caller is defined");
        take_named(arguments, used, &CALLER, &caller);
        if (caller.kind == JINJA_NONE) caller = jinja_undefined("no caller is defined");
        *jinja_slot(frame, signature->caller) = caller;
    }
    return put_kwargs(run, macro, frame, arguments, used) &&
           put_varargs(run, macro, frame, arguments);
}

/* Parameters that got no argument, in their order: a default may use those before it. */
static bool put_defaults(struct jinja_run *run, const struct jinja_signature *signature,
                         struct jinja_frame *frame)
{
    size_t n_required = signature->names.n - signature->defaults.n;
    for (size_t i = 0; i < signature->names.n; i++) {
        struct jinja_value *slot = jinja_slot(frame, signature->names.items[i]->address);
        struct jinja_value value = jinja_undefined("a parameter of a macro was not provided");
        if (slot->kind != JINJA_MISSING) continue;
        if (i >= n_required &&
            !jinja_evaluate(run, frame, signature->defaults.items[i - n_required], &value))
            return false;
        *slot = value;
    }
    return true;
}

bool jinja_call_macro(struct jinja_run *run, const struct jinja_macro *macro,
                      const struct jinja_arguments *arguments, struct jinja_value *out)
{
    const struct jinja_node *node = macro->node;
    struct jinja_frame *frame = jinja_new_frame(run, macro->frame, node->macro.scope.n_slots);
    if (!frame || !put_arguments(run, macro, frame, arguments)) return false;
    jinja_enter_scope(run, frame, &node->macro.scope);
    if (!put_defaults(run, &node->macro.signature, frame)) return false;
    struct buf text = jinja_buffer(run);
    if (jinja_execute(run, frame, node->macro.body, &text) == FLOW_ON)
        return jinja_text_take(run, &text, out);
    buf_free(&text);
    return false;
}

/* ---- global functions */

static bool call_range(struct jinja_invocation *call)
{
    int64_t ends[3];
    for (int i = 0; i < 3; i++)
        if (!jinja_integer_argument(call, i, i == 2, &ends[i])) return false;
    bool has_stop = call->bound[1].kind != JINJA_MISSING;
    int64_t start = has_stop ? ends[0] : 0, stop = has_stop ? ends[1] : ends[0], step = ends[2];
    if (step == 0) return jinja_fail(call->run, "a range's step cannot be 0");
    bool is_empty = step > 0 ? start >= stop : start <= stop;
    uint64_t distance =
        step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    uint64_t n = is_empty ? 0 : (distance - 1) / stride + 1;
    if (n > MOST_RANGE_ITEMS)
        return jinja_fail(call->run, "a range has at most %d items", MOST_RANGE_ITEMS);
    struct jinja_range *range = jinja_alloc(call->run, 1, sizeof *range);
    if (!range) return false;
    *range = (struct jinja_range){start, stop, step, (size_t)n};
    *call->out = (struct jinja_value){.kind = JINJA_RANGE, .range = range};
    return true;
}

/* Adds a mapping's pairs, or pairs from a list of pairs. */
static bool add_pairs(struct jinja_run *run, struct jinja_dict *dict, struct jinja_value from)
{
    struct jinja_value items, pair;
    if (from.kind == JINJA_DICT) {
        for (size_t i = 0; i < from.dict->n; i++)
            if (!jinja_dict_set(run, dict, from.dict->pairs[i].key, from.dict->pairs[i].value))
                return false;
        return true;
    }
    if (!jinja_collect(run, from, &items)) return false;
    for (size_t i = 0; i < items.list->n; i++) {
        if (!jinja_collect(run, items.list->items[i], &pair)) return false;
        if (pair.list->n != 2) return jinja_fail(run, "a dict is made of pairs");
        if (!jinja_dict_set(run, dict, pair.list->items[0], pair.list->items[1])) return false;
    }
    return true;
}

/* dict(...) and, as the variant, namespace(...). */
static bool call_dict(struct jinja_invocation *call)
{
    const struct jinja_arguments *arguments = call->arguments;
    bool is_namespace = call->builtin->variant;
    if (arguments->positional.n > 1)
        return jinja_fail(call->run, "\"%s\" takes at most one argument without a name",
                          call->builtin->name);
    if (!jinja_dict_new(call->run, call->out)) return false;
    struct jinja_dict *dict = call->out->dict;
    if (arguments->positional.n && !add_pairs(call->run, dict, arguments->positional.items[0]))
        return false;
    for (size_t i = 0; i < arguments->named.n; i++)
        if (!jinja_dict_set(call->run, dict, arguments->named.pairs[i].key,
                            arguments->named.pairs[i].value))
            return false;
    for (size_t i = 0; is_namespace && i < dict->n; i++)
        if (jinja_is_string(dict->pairs[i].key) && dict->pairs[i].key.text->n_bytes &&
            dict->pairs[i].key.text->bytes[0] == '_')
            return jinja_fail(call->run, "an attribute of a namespace begins with an underscore");
    if (is_namespace) call->out->kind = JINJA_NAMESPACE;
    return true;
}

static bool call_cycler(struct jinja_invocation *call)
{
    if (!call->arguments->positional.n || call->arguments->named.n)
        return jinja_fail(call->run, "\"cycler\" takes items");
    struct jinja_cycler *cycler = jinja_alloc(call->run, 1, sizeof *cycler);
    if (!cycler) return false;
    cycler->items = call->arguments->positional;
    *call->out = (struct jinja_value){.kind = JINJA_CYCLER, .cycler = cycler};
    return true;
}

static bool call_joiner(struct jinja_invocation *call)
{
    struct jinja_joiner *joiner = jinja_alloc(call->run, 1, sizeof *joiner);
    if (!joiner) return false;
    joiner->separator = call->bound[0];
    if (joiner->separator.kind == JINJA_MISSING &&
        !jinja_text_of(call->run, ", ", 2, &joiner->separator))
        return false;
    *call->out = (struct jinja_value){.kind = JINJA_JOINER, .joiner = joiner};
    return true;
}

static bool call_raise(struct jinja_invocation *call)
{
    struct buf text = {.maximum = 1000};
    jinja_append_str(call->run, &text, call->bound[0]);
    jinja_fail(call->run, "the template refuses: %s", buf_string(&text));
    buf_free(&text);
    return false;
}

/* Python's own codes: %f are microseconds, and a time without a zone prints none. */
static const char *python_code(char code)
{
    return code == 'f' ? "000000" : code == 'z' || code == 'Z' ? "" : NULL;
}

static bool call_strftime(struct jinja_invocation *call)
{
    const struct jinja_text *format;
    if (!jinja_string_argument(call, 0, &format)) return false;
    if (!call->run->now)
        return jinja_fail(call->run, "the template asks for the time, and none was given");
    struct buf codes = {.maximum = MOST_TIME_BYTES};
    for (size_t i = 0; i < format->n_bytes; i++) {
        bool is_code = format->bytes[i] == '%' && i + 1 < format->n_bytes;
        const char *instead = is_code ? python_code(format->bytes[i + 1]) : NULL;
        if (instead) buf_text(&codes, instead);
        else buf_append(&codes, format->bytes + i, is_code ? 2 : 1);
        i += is_code;
    }
    char text[MOST_TIME_BYTES];
    buf_char(&codes,
             '.'); /* so that no result is empty, which strftime cannot tell from a failure */
    /* The format is the template's own, and strftime reads nothing but the time by it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = codes.failed ? 0 : strftime(text, sizeof text, codes.data, call->run->now);
#pragma GCC diagnostic pop
    buf_free(&codes);
    if (!n) return jinja_refuse(call->run, "a time of this length");
    return jinja_text_copy(call->run, text, n - 1, call->out);
}

static bool call_lipsum(struct jinja_invocation *call)
{
    return jinja_refuse(call->run, "lipsum, which is random,");
}

const struct jinja_builtin *jinja_find_global(const char *name, size_t n_bytes)
{
    static const struct jinja_builtin GLOBALS[] = {
        {"range", call_range, 1, "/start,stop,step", 0},
        {"dict", call_dict, 0, "*", 0},
        {"namespace", call_dict, 0, "*", 1},
        {"cycler", call_cycler, 0, "*", 0},
        {"joiner", call_joiner, 0, "sep", 0},
        {"raise_exception", call_raise, 1, "message", 0},
        {"strftime_now", call_strftime, 1, "format", 0},
        {"lipsum", call_lipsum, 0, "*", 0},
    };
    return jinja_find_row(GLOBALS, sizeof GLOBALS / sizeof *GLOBALS, name, n_bytes);
}

/* ---- calling */

static bool call_loop(struct jinja_run *run, const struct jinja_loop *loop,
                      const struct jinja_arguments *arguments, struct jinja_value *out)
{
    if (!loop->recursive) return jinja_fail(run, "this loop is not recursive");
    const struct jinja_value *items = jinja_dict_find_text(&arguments->named, "iterable", 8);
    if (arguments->positional.n + arguments->named.n != 1 || (arguments->named.n && !items))
        return jinja_fail(run, "a recursive loop takes the items to go through");
    if (!items) items = arguments->positional.items;
    return jinja_run_recursive(run, loop->outer, loop->recursive, *items, loop->depth0 + 1, out);
}

static bool call_joined(struct jinja_run *run, struct jinja_joiner *joiner, struct jinja_value *out)
{
    if (!joiner->is_used) {
        joiner->is_used = true;
        return jinja_text_of(run, "", 0, out);
    }
    *out = joiner->separator;
    return true;
}

bool jinja_call(struct jinja_run *run, struct jinja_value callee,
                const struct jinja_arguments *arguments, struct jinja_value *out)
{
    switch (callee.kind) {
    case JINJA_UNDEFINED: return jinja_fail(run, "%s", callee.hint);
    case JINJA_FUNCTION: return jinja_invoke(run, callee.function, callee, arguments, out);
    case JINJA_METHOD:
        return jinja_invoke(run, callee.method->builtin, callee.method->self, arguments, out);
    case JINJA_MACRO: return jinja_call_macro(run, callee.macro, arguments, out);
    case JINJA_LOOP: return call_loop(run, callee.loop, arguments, out);
    case JINJA_JOINER:
        if (arguments->positional.n || arguments->named.n)
            return jinja_fail(run, "a joiner takes no arguments");
        return call_joined(run, callee.joiner, out);
    default: return jinja_fail(run, "a value of type %s cannot be called", jinja_type_name(callee));
    }
}
