/* value_text.c - values as text: what Python's str and repr give, which is what templates print.
 *
 * A float is printed with the fewest digits that read back as the same one. Which characters repr
 * escapes depends on tables of Unicode; here these are controls, separators, formatting characters
 * and what has no character (docs/jinja.md).
 */
#include "engine/jinja/values.h"

#include "base/letter_case.h"
#include "base/utf8.h"
#include "engine/jinja/builtins.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 17, FIRST_EXPONENT = 16, LAST_EXPONENT = -5 };

/* digits: "d.ddd" as %e prints them, without the exponent. */
static void append_plain(struct buf *out, const char *digits, int exponent)
{
    char all[MOST_DIGITS + 1];
    int n = 0;
    for (const char *at = digits; *at; at++)
        if (*at != '.') all[n++] = *at;
    int point = exponent + 1;
    if (point <= 0) buf_text(out, "0.");
    for (int i = point; i < 0; i++) buf_char(out, '0');
    for (int i = 0; i < n || i < point; i++) {
        if (i > 0 && i == point) buf_char(out, '.');
        buf_char(out, i < n ? all[i] : '0');
    }
    if (point >= n) buf_text(out, ".0");
}

void jinja_append_number(struct buf *out, double value)
{
    if (isnan(value) || isinf(value)) {
        buf_text(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    char text[40];
    int n_digits = 1;
    do snprintf(text, sizeof text, "%.*e", n_digits - 1, value);
    while (strtod(text, NULL) != value && ++n_digits <= MOST_DIGITS);
    char *e = strchr(text, 'e'), *digits = text;
    int exponent = atoi(e + 1);
    *e = 0;
    if (*digits == '-') buf_char(out, *digits++);
    if (exponent > LAST_EXPONENT && exponent < FIRST_EXPONENT) append_plain(out, digits, exponent);
    else buf_printf(out, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
}

static bool is_printable(uint32_t code)
{
    static const uint32_t HIDDEN[][2] = {
        {0x00, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},     {0x600, 0x605},
        {0x61c, 0x61c},   {0x6dd, 0x6dd},   {0x70f, 0x70f},   {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xf8ff},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++)
        if (code >= HIDDEN[i][0] && code <= HIDDEN[i][1])
            return code >= 0xe0100 && code <= 0xe01ef; /* variation selectors are marks */
    return code == ' ' || !letter_is_space(code);
}

static void append_escaped(struct buf *out, uint32_t code, char quote)
{
    if (code == (unsigned char)quote || code == '\\') buf_printf(out, "\\%c", (int)code);
    else if (code == '\n') buf_text(out, "\\n");
    else if (code == '\r') buf_text(out, "\\r");
    else if (code == '\t') buf_text(out, "\\t");
    else if (code < 0x100) buf_printf(out, "\\x%02x", (unsigned)code);
    else buf_printf(out, code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
}

static void append_quoted(struct buf *out, const struct jinja_text *text)
{
    bool has_single = text->n_bytes && memchr(text->bytes, '\'', text->n_bytes);
    bool has_double = text->n_bytes && memchr(text->bytes, '"', text->n_bytes);
    char quote = has_single && !has_double ? '"' : '\'';
    buf_char(out, quote);
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        if (code == (unsigned char)quote || code == '\\' || !is_printable(code))
            append_escaped(out, code, quote);
        else buf_append(out, text->bytes + at, n);
    }
    buf_char(out, quote);
}

static bool append_items(struct jinja_run *run, struct buf *out, const struct jinja_list *list,
                         const char *open, const char *close)
{
    buf_text(out, open);
    for (size_t i = 0; i < list->n; i++) {
        if (i) buf_text(out, ", ");
        if (!jinja_append_repr(run, out, list->items[i])) return false;
    }
    buf_text(out, close);
    return true;
}

static bool append_pairs(struct jinja_run *run, struct buf *out, const struct jinja_dict *dict)
{
    buf_char(out, '{');
    for (size_t i = 0; i < dict->n; i++) {
        if (i) buf_text(out, ", ");
        if (!jinja_append_repr(run, out, dict->pairs[i].key)) return false;
        buf_text(out, ": ");
        if (!jinja_append_repr(run, out, dict->pairs[i].value)) return false;
    }
    buf_char(out, '}');
    return true;
}

static bool append_container(struct jinja_run *run, struct buf *out, struct jinja_value value)
{
    static const char *const VIEWS[] = {[VIEW_KEYS] = "dict_keys([",
                                        [VIEW_VALUES] = "dict_values([",
                                        [VIEW_ITEMS] = "dict_items(["};
    bool ok;
    switch (value.kind) {
    case JINJA_LIST: return append_items(run, out, value.list, "[", "]");
    case JINJA_TUPLE:
        return append_items(run, out, value.list, "(", value.list->n == 1 ? ",)" : ")");
    case JINJA_VIEW: return append_items(run, out, value.list, VIEWS[value.view], "])");
    case JINJA_DICT: return append_pairs(run, out, value.dict);
    default:
        buf_text(out, "<Namespace ");
        ok = append_pairs(run, out, value.dict);
        buf_char(out, '>');
        return ok;
    }
}

static void append_range(struct buf *out, const struct jinja_range *range)
{
    buf_printf(out, "range(%" PRId64 ", %" PRId64, range->start, range->stop);
    if (range->step != 1) buf_printf(out, ", %" PRId64, range->step);
    buf_char(out, ')');
}

bool jinja_append_repr(struct jinja_run *run, struct buf *out, struct jinja_value value)
{
    if (!jinja_charge(run, 0)) return false;
    switch (value.kind) {
    case JINJA_MISSING:
    case JINJA_UNDEFINED: buf_text(out, "Undefined"); return true;
    case JINJA_NONE: buf_text(out, "None"); return true;
    case JINJA_BOOL: buf_text(out, value.boolean ? "True" : "False"); return true;
    case JINJA_INTEGER: buf_printf(out, "%" PRId64, value.integer); return true;
    case JINJA_NUMBER: jinja_append_number(out, value.number); return true;
    case JINJA_STRING:
        if (!jinja_charge(run, value.text->n_bytes)) return false;
        if (value.is_markup) buf_text(out, "Markup(");
        append_quoted(out, value.text);
        if (value.is_markup) buf_char(out, ')');
        return true;
    case JINJA_RANGE: append_range(out, value.range); return true;
    case JINJA_MACRO:
        buf_text(out, "<Macro ");
        if (value.macro->name) append_quoted(out, value.macro->name);
        else buf_text(out, "anonymous");
        buf_char(out, '>');
        return true;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_VIEW:
    case JINJA_DICT:
    case JINJA_NAMESPACE: break;
    default:
        return jinja_refuse(run, "printing a value of type %s, which differs from run to run,",
                            jinja_type_name(value));
    }
    if (++run->depth > JINJA_CALL_DEPTH)
        return jinja_exhaust(run, "values are nested more than %d levels deep", JINJA_CALL_DEPTH);
    bool ok = append_container(run, out, value);
    run->depth--;
    return ok;
}

bool jinja_append_str(struct jinja_run *run, struct buf *out, struct jinja_value value)
{
    if (value.kind == JINJA_UNDEFINED || value.kind == JINJA_MISSING) return true;
    if (value.kind != JINJA_STRING) return jinja_append_repr(run, out, value);
    buf_append(out, value.text->bytes, value.text->n_bytes);
    return jinja_charge(run, value.text->n_bytes);
}

bool jinja_to_string(struct jinja_run *run, struct jinja_value value, struct jinja_value *out)
{
    if (value.kind == JINJA_STRING) {
        *out = value;
        return true;
    }
    struct buf text = jinja_buffer(run);
    if (!jinja_append_str(run, &text, value)) {
        buf_free(&text);
        return false;
    }
    return jinja_text_take(run, &text, out);
}
