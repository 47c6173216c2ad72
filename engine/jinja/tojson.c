/* tojson.c - the filter that writes a value as JSON, as `transformers` has it: Python's json.dumps.
 *
 * Letters stay as they are unless ensure_ascii is asked for, nothing is escaped for HTML, and keys
 * keep their order unless they are to be sorted.
 */
#include "engine/jinja/pick.h"
#include "engine/jinja/render.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

struct json {
    struct jinja_run *run;
    struct buf out;
    bool is_ascii, sorts;
    const struct jinja_text *indentation; /* NULL: on one line */
    const struct jinja_text *comma, *colon;
    int depth;
};

static void put_string(struct json *json, const struct jinja_text *text)
{
    static const char SHORT[] = "\"\"\\\\\nn\rr\tt\ff\bb";
    buf_char(&json->out, '"');
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        const char *pair = SHORT;
        while (*pair && (uint32_t)*pair != code) pair += 2;
        if (*pair) buf_printf(&json->out, "\\%c", pair[1]);
        else if (code >= 0x10000 && json->is_ascii)
            buf_printf(&json->out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                       (unsigned)(0xdc00 + (code & 0x3ff)));
        else if (code < 0x20 || (code >= 0x7f && json->is_ascii && code != 0x7f))
            buf_printf(&json->out, "\\u%04x", (unsigned)code);
        else buf_append(&json->out, text->bytes + at, n);
    }
    buf_char(&json->out, '"');
}

static void put_number(struct json *json, double value)
{
    if (isnan(value)) buf_text(&json->out, "NaN");
    else if (isinf(value)) buf_text(&json->out, value > 0 ? "Infinity" : "-Infinity");
    else jinja_append_number(&json->out, value);
}

/* What is no container; false where JSON has no such value. */
static bool put_scalar(struct json *json, struct jinja_value value)
{
    switch (value.kind) {
    case JINJA_NONE: buf_text(&json->out, "null"); return true;
    case JINJA_BOOL: buf_text(&json->out, value.boolean ? "true" : "false"); return true;
    case JINJA_INTEGER: buf_printf(&json->out, "%" PRId64, value.integer); return true;
    case JINJA_NUMBER: put_number(json, value.number); return true;
    case JINJA_STRING: put_string(json, value.text); return true;
    default: return false;
    }
}

static void put_line(struct json *json)
{
    if (!json->indentation) return;
    buf_char(&json->out, '\n');
    for (int i = 0; i < json->depth && !json->out.failed; i++)
        buf_append(&json->out, json->indentation->bytes, json->indentation->n_bytes);
}

/* What stands before the i-th member of a container. */
static bool put_member(struct json *json, size_t i)
{
    if (i) buf_append(&json->out, json->comma->bytes, json->comma->n_bytes);
    put_line(json);
    size_t n_indentation = json->indentation ? json->indentation->n_bytes : 0;
    return jinja_charge(json->run, n_indentation * (size_t)json->depth);
}

/* Keys are strings in JSON; Python writes other scalars as such. */
static bool put_key(struct json *json, struct jinja_value key)
{
    bool is_quoted = key.kind != JINJA_STRING;
    if (is_quoted) buf_char(&json->out, '"');
    if (!put_scalar(json, key))
        return jinja_fail(json->run, "a key of type %s in JSON", jinja_type_name(key));
    if (is_quoted) buf_char(&json->out, '"');
    buf_append(&json->out, json->colon->bytes, json->colon->n_bytes);
    return true;
}

/* The members in the order in which they are written. */
static bool order_members(struct json *json, const struct jinja_dict *dict,
                          struct jinja_value *members)
{
    struct jinja_value *keys = jinja_alloc(json->run, dict->n, sizeof *keys);
    if (!keys) return false;
    for (size_t i = 0; i < dict->n; i++) {
        keys[i] = dict->pairs[i].key;
        if (!jinja_pair_of(json->run, dict->pairs[i].key, dict->pairs[i].value, &members[i]))
            return false;
    }
    return !json->sorts || jinja_sort(json->run, members, keys, dict->n, false);
}

typedef bool put_fn(struct json *json, struct jinja_value value);

static bool put_dict(struct json *json, const struct jinja_dict *dict, put_fn *put_value)
{
    struct jinja_value *members = jinja_alloc(json->run, dict->n, sizeof *members);
    if (!members || !order_members(json, dict, members)) return false;
    buf_char(&json->out, '{');
    json->depth++;
    for (size_t i = 0; i < dict->n; i++)
        if (!put_member(json, i) || !put_key(json, members[i].list->items[0]) ||
            !put_value(json, members[i].list->items[1]))
            return false;
    json->depth--;
    if (dict->n) put_line(json);
    buf_char(&json->out, '}');
    return true;
}

static bool put_list(struct json *json, const struct jinja_list *list, put_fn *put_value)
{
    buf_char(&json->out, '[');
    json->depth++;
    for (size_t i = 0; i < list->n; i++)
        if (!put_member(json, i) || !put_value(json, list->items[i])) return false;
    json->depth--;
    if (list->n) put_line(json);
    buf_char(&json->out, ']');
    return true;
}

static bool put_value(struct json *json, struct jinja_value value)
{
    if (!jinja_charge(json->run, value.kind == JINJA_STRING ? value.text->n_bytes : 0))
        return false;
    if (put_scalar(json, value)) return true;
    bool is_dict = value.kind == JINJA_DICT;
    if (!is_dict && value.kind != JINJA_LIST && value.kind != JINJA_TUPLE)
        return jinja_fail(json->run, "a value of type %s cannot be written as JSON",
                          jinja_type_name(value));
    if (++json->run->depth > JINJA_CALL_DEPTH)
        return jinja_exhaust(json->run, "values are nested more than %d levels deep",
                             JINJA_CALL_DEPTH);
    bool ok =
        is_dict ? put_dict(json, value.dict, put_value) : put_list(json, value.list, put_value);
    json->run->depth--;
    return ok;
}

/* indent: a number of spaces, or a text. */
static bool read_indent(struct jinja_invocation *call, struct json *json)
{
    struct jinja_value indent = call->bound[1], space;
    if (!jinja_is_given(call, 1)) return true;
    if (indent.kind != JINJA_STRING &&
        !(jinja_is_integral(indent) && jinja_text_of(call->run, " ", 1, &space) &&
          jinja_operate(call->run, OPERATOR_MULTIPLY, space, indent, &indent)))
        return jinja_is_integral(indent) ? false
                                         : jinja_fail(call->run, "an indentation is a number or a "
                                                                 "text");
    json->indentation = indent.text;
    return true;
}

static bool read_separators(struct jinja_invocation *call, struct json *json)
{
    static const struct jinja_text COMMA = {", ", 2, 2}, SHORT_COMMA = {",", 1, 1},
                                   COLON = {": ", 2, 2};
    struct jinja_value separators;
    json->comma = json->indentation ? &SHORT_COMMA : &COMMA;
    json->colon = &COLON;
    if (!jinja_is_given(call, 2)) return true;
    if (!jinja_collect(call->run, call->bound[2], &separators)) return false;
    const struct jinja_list *list = separators.list;
    if (list->n != 2 || list->items[0].kind != JINJA_STRING || list->items[1].kind != JINJA_STRING)
        return jinja_fail(call->run, "the separators of JSON are two strings");
    json->comma = list->items[0].text;
    json->colon = list->items[1].text;
    return true;
}

bool jinja_tojson(struct jinja_invocation *call)
{
    struct json json = {.run = call->run,
                        .out = jinja_buffer(call->run),
                        .is_ascii = jinja_truth_argument(call, 0, false),
                        .sorts = jinja_truth_argument(call, 3, false)};
    int depth = call->run->depth;
    if (read_indent(call, &json) && read_separators(call, &json) && put_value(&json, call->self))
        return jinja_text_take(call->run, &json.out, call->out);
    call->run->depth = depth;
    buf_free(&json.out);
    return false;
}
