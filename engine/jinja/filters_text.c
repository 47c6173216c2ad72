/* filters_text.c - filters that take a text or a number and give one.
 *
 * Most are methods of str applied to what str() makes of any value; they call these.
 */
#include "engine/jinja/render.h"
#include "engine/jinja/strings.h"

#include "base/letter_case.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NUMBER_BYTES = 400 };

/* ---- methods as filters */

static bool as_method(struct jinja_invocation *call)
{
    const char *name = strcmp(call->builtin->name, "trim") == 0 ? "strip" : call->builtin->name;
    struct jinja_value text;
    struct jinja_arguments arguments = {.named = {0}};
    if (!jinja_to_string(call->run, call->self, &text) ||
        (call->bound[0].kind != JINJA_MISSING &&
         !jinja_list_push(call->run, &arguments.positional, call->bound[0])))
        return false;
    return jinja_invoke(call->run, jinja_find_method(text, name, strlen(name)), text, &arguments,
                        call->out);
}

static bool string(struct jinja_invocation *call)
{
    return jinja_to_string(call->run, call->self, call->out);
}

static bool center(struct jinja_invocation *call)
{
    struct jinja_value text, width = call->bound[0];
    struct jinja_arguments arguments = {.named = {0}};
    if (width.kind == JINJA_MISSING) width = jinja_integer(80);
    return jinja_to_string(call->run, call->self, &text) &&
           jinja_list_push(call->run, &arguments.positional, width) &&
           jinja_invoke(call->run, jinja_find_method(text, "center", 6), text, &arguments,
                        call->out);
}

static bool replace(struct jinja_invocation *call)
{
    struct jinja_value text, old, with;
    int64_t most = -1;
    if (!jinja_to_string(call->run, call->self, &text) ||
        !jinja_to_string(call->run, call->bound[0], &old) ||
        !jinja_to_string(call->run, call->bound[1], &with) ||
        (jinja_is_given(call, 2) && !jinja_integer_argument(call, 2, -1, &most)))
        return false;
    return jinja_replace(call->run, text.text, old.text, with.text, most, call->out);
}

static bool format(struct jinja_invocation *call)
{
    const struct jinja_arguments *arguments = call->arguments;
    struct jinja_value text, values;
    if (arguments->positional.n && arguments->named.n)
        return jinja_fail(call->run, "\"format\" takes arguments by position or by name, not both");
    if (!jinja_to_string(call->run, call->self, &text) ||
        !jinja_list_new(call->run, JINJA_TUPLE, 0, &values))
        return false;
    *values.list = arguments->positional;
    if (arguments->named.n) {
        if (!jinja_dict_new(call->run, &values)) return false;
        *values.dict = arguments->named;
    }
    return jinja_percent(call->run, text, values, call->out);
}

/* ---- case and words */

static bool splits_title(uint32_t code)
{
    return letter_is_space(code) || (code < 0x80 && code && strchr("-({[<", (int)code));
}

/* The first letter of each word in upper case, the rest in lower case. */
static bool title(struct jinja_invocation *call)
{
    struct jinja_value text;
    if (!jinja_to_string(call->run, call->self, &text)) return false;
    struct buf out = jinja_buffer(call->run);
    const char *bytes = text.text->bytes;
    size_t n_bytes = text.text->n_bytes;
    if (!jinja_charge(call->run, 32 * n_bytes)) return false;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(bytes + at, n_bytes - at, &code, NULL);
        jinja_append_upper(&out, bytes + at, n);
        if (splits_title(code)) continue;
        size_t begin = at + n, end = begin;
        for (size_t n_next; end < n_bytes; end += n_next) {
            n_next = utf8_decode(bytes + end, n_bytes - end, &code, NULL);
            if (splits_title(code)) break;
        }
        letter_lower_text(&out, bytes + begin, end - begin);
        n = end - at;
    }
    return jinja_text_take(call->run, &out, call->out);
}

/* Runs of letters, digits and underscores. */
static bool wordcount(struct jinja_invocation *call)
{
    struct jinja_value text;
    int64_t n = 0;
    bool in_word = false;
    if (!jinja_to_string(call->run, call->self, &text)) return false;
    for (size_t i = 0; i < text.text->n_bytes; i++) {
        unsigned char c = (unsigned char)text.text->bytes[i];
        if (c >= 0x80) return jinja_refuse(call->run, "\"wordcount\" of a character outside ASCII");
        bool is_word = isalnum(c) || c == '_';
        n += is_word && !in_word;
        in_word = is_word;
    }
    *call->out = jinja_integer(n);
    return true;
}

/* Lines but the first get the indentation, empty ones only if asked. */
static bool indent(struct jinja_invocation *call)
{
    struct jinja_value self = call->self, width = call->bound[0];
    bool first = jinja_truth_argument(call, 1, false), blank = jinja_truth_argument(call, 2, false);
    if (self.kind != JINJA_STRING) return jinja_fail(call->run, "\"indent\" takes a string");
    if (width.kind == JINJA_MISSING) width = jinja_integer(4);
    if (width.kind != JINJA_STRING && !jinja_is_integral(width))
        return jinja_fail(call->run, "\"indent\" takes a width or a string");
    struct jinja_value indentation = width;
    if (width.kind != JINJA_STRING) {
        struct jinja_value space;
        if (!jinja_text_of(call->run, " ", 1, &space) ||
            !jinja_operate(call->run, OPERATOR_MULTIPLY, space, width, &indentation))
            return false;
    } else if (self.is_markup && !width.is_markup) {
        return jinja_refuse(call->run, "markup indented by a string");
    }
    const struct jinja_text *by = indentation.text;
    struct buf out = jinja_buffer(call->run);
    const char *at = self.text->bytes;
    size_t n = self.text->n_bytes, n_end = 1;
    for (bool is_first = true; is_first || n_end; is_first = false) {
        size_t n_line = jinja_line_bytes(at, n, &n_end);
        if (!is_first) buf_char(&out, '\n');
        if (is_first ? first : blank || n_line) buf_append(&out, by->bytes, by->n_bytes);
        buf_append(&out, at, n_line);
        at += n_line + n_end;
        n -= n_line + n_end;
    }
    return jinja_give_buffer(call, &out);
}

static bool truncate(struct jinja_invocation *call)
{
    int64_t length, leeway = 5;
    const struct jinja_text *end, dots = {"...", 3, 3};
    struct jinja_value head, tail = call->bound[2];
    end = &dots;
    if (!jinja_integer_argument(call, 0, 255, &length) ||
        (tail.kind != JINJA_MISSING && !jinja_string_argument(call, 2, &end)) ||
        (jinja_is_given(call, 3) && !jinja_integer_argument(call, 3, 5, &leeway)))
        return false;
    size_t n_items;
    if (length < (int64_t)end->n_chars || leeway < 0)
        return jinja_fail(call->run, "\"truncate\" takes a length that its end fits");
    if (!jinja_length(call->self, &n_items))
        return jinja_fail(call->run, "\"truncate\" of a value of type %s",
                          jinja_type_name(call->self));
    if ((int64_t)n_items <= length || (int64_t)n_items - length <= leeway) {
        *call->out = call->self;
        return true;
    }
    if (call->self.kind != JINJA_STRING)
        return jinja_fail(call->run, "\"truncate\" cuts strings, not a value of type %s",
                          jinja_type_name(call->self));
    if (call->self.is_markup) return jinja_refuse(call->run, "\"truncate\" of markup");
    if (!jinja_substring(call->run, call->self, 0, (size_t)length - end->n_chars, &head))
        return false;
    size_t n = head.text->n_bytes;
    if (!jinja_truth_argument(call, 1, false)) {
        size_t last = n;
        while (last && head.text->bytes[last - 1] != ' ') last--;
        if (last) n = last - 1;
    }
    struct buf out = jinja_buffer(call->run);
    buf_append(&out, head.text->bytes, n);
    buf_append(&out, end->bytes, end->n_bytes);
    return jinja_text_take(call->run, &out, call->out);
}

/* ---- markup and URLs */

bool jinja_escape(struct jinja_run *run, struct jinja_value value, struct jinja_value *out)
{
    static const struct {
        char c;
        const char *text;
    } ESCAPES[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    struct jinja_value text;
    if (!jinja_to_string(run, value, &text)) return false;
    if (!text.is_markup) {
        struct buf escaped = jinja_buffer(run);
        for (size_t i = 0; i < text.text->n_bytes; i++) {
            size_t j = 0;
            while (j < 5 && ESCAPES[j].c != text.text->bytes[i]) j++;
            if (j < 5) buf_text(&escaped, ESCAPES[j].text);
            else buf_char(&escaped, text.text->bytes[i]);
        }
        if (!jinja_text_take(run, &escaped, &text)) return false;
    }
    *out = text;
    out->is_markup = true;
    return true;
}

static bool escape(struct jinja_invocation *call)
{
    return jinja_escape(call->run, call->self, call->out);
}

/* forceescape escapes markup too; safe, the variant, takes a text for markup as it is. */
static bool mark(struct jinja_invocation *call)
{
    struct jinja_value text;
    if (!jinja_to_string(call->run, call->self, &text)) return false;
    text.is_markup = call->builtin->variant;
    if (!call->builtin->variant) return jinja_escape(call->run, text, call->out);
    *call->out = text;
    return true;
}

static bool append_quoted(struct jinja_run *run, struct buf *out, struct jinja_value value,
                          bool in_query)
{
    struct jinja_value text;
    if (!jinja_to_string(run, value, &text)) return false;
    for (size_t i = 0; i < text.text->n_bytes; i++) {
        unsigned char c = (unsigned char)text.text->bytes[i];
        if (isalnum(c) || (c && strchr("_.-~", c)) || (c == '/' && !in_query))
            buf_char(out, (char)c);
        else if (c == ' ' && in_query) buf_char(out, '+');
        else buf_printf(out, "%%%02X", c);
    }
    return true;
}

static bool append_query(struct jinja_run *run, struct buf *out, struct jinja_value items)
{
    for (size_t i = 0; i < items.list->n; i++) {
        struct jinja_value pair;
        if (!jinja_collect(run, items.list->items[i], &pair)) return false;
        if (pair.list->n != 2) return jinja_fail(run, "\"urlencode\" takes pairs");
        if (i) buf_char(out, '&');
        if (!append_quoted(run, out, pair.list->items[0], true)) return false;
        buf_char(out, '=');
        if (!append_quoted(run, out, pair.list->items[1], true)) return false;
    }
    return true;
}

static bool urlencode(struct jinja_invocation *call)
{
    struct buf out = jinja_buffer(call->run);
    struct jinja_value items = call->self;
    bool ok;
    if (call->self.kind == JINJA_STRING || !jinja_is_iterable(call->self)) {
        ok = append_quoted(call->run, &out, call->self, false);
    } else {
        struct jinja_arguments none = {.named = {0}};
        ok = (call->self.kind != JINJA_DICT ||
              jinja_invoke(call->run, jinja_find_method(call->self, "items", 5), call->self, &none,
                           &items)) &&
             jinja_collect(call->run, items, &items) && append_query(call->run, &out, items);
    }
    if (ok) return jinja_text_take(call->run, &out, call->out);
    buf_free(&out);
    return false;
}

const struct jinja_builtin JINJA_TEXT_FILTERS[] = {
    {"trim", as_method, 0, "chars", 0},
    {"upper", as_method, 0, "", 0},
    {"lower", as_method, 0, "", 0},
    {"capitalize", as_method, 0, "", 0},
    {"title", title, 0, "", 0},
    {"center", center, 0, "width", 0},
    {"string", string, 0, "", 0},
    {"replace", replace, 2, "old,new,count", 0},
    {"format", format, 0, "*", 0},
    {"indent", indent, 0, "width,first,blank", 0},
    {"truncate", truncate, 0, "length,killwords,end,leeway", 0},
    {"wordcount", wordcount, 0, "", 0},
    {"escape", escape, 0, "/", 0},
    {"e", escape, 0, "/", 0},
    {"forceescape", mark, 0, "", 0},
    {"safe", mark, 0, "", 1},
    {"urlencode", urlencode, 0, "", 0},
    {"filesizeformat", NULL, 0, "*", 0},
    {"pprint", NULL, 0, "*", 0},
    {"random", NULL, 0, "*", 0},
    {"striptags", NULL, 0, "*", 0},
    {"urlize", NULL, 0, "*", 0},
    {"wordwrap", NULL, 0, "*", 0},
    {"xmlattr", NULL, 0, "*", 0},
};
const size_t JINJA_N_TEXT_FILTERS = sizeof JINJA_TEXT_FILTERS / sizeof *JINJA_TEXT_FILTERS;
