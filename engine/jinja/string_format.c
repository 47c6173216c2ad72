/* string_format.c - formatting as Python has it: `text % arguments`, and text.format(...).
 *
 * Of %: the conversions s r d i u e E f F g G %, with flags, width and precision. Of
 * format: fields by position or name with attributes and items, !s and !r, nested nowhere, and no
 * format specification but an empty one.
 */
#include "engine/jinja/render.h"
#include "engine/jinja/strings.h"

#include "base/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MOST_WIDTH = 1000 };

struct percent {
    struct jinja_run *run;
    const char *at, *end;
    struct jinja_value arguments;
    size_t n_used;
    bool is_markup;
    struct buf out;
};

/* %(name)05.2f */
struct conversion {
    char flags[8];
    int64_t width, precision; /* precision: -1 for none */
    char type;
    struct jinja_value value;
};

static bool take_positional(struct percent *percent, struct jinja_value *value)
{
    struct jinja_value arguments = percent->arguments;
    size_t i = percent->n_used++;
    if (arguments.kind == JINJA_TUPLE) {
        if (i >= arguments.list->n)
            return jinja_fail(percent->run, "more conversions than values to format");
        *value = arguments.list->items[i];
        return true;
    }
    *value = arguments;
    return i == 0 || jinja_fail(percent->run, "more conversions than values to format");
}

static bool read_number(struct percent *percent, int64_t *number)
{
    struct jinja_value value;
    *number = 0;
    if (percent->at < percent->end && *percent->at == '*') {
        percent->at++;
        if (!take_positional(percent, &value)) return false;
        if (value.kind != JINJA_INTEGER) return jinja_fail(percent->run, "* takes an integer");
        *number = value.integer;
    } else {
        while (percent->at < percent->end && isdigit((unsigned char)*percent->at) &&
               *number <= MOST_WIDTH)
            *number = 10 * *number + (*percent->at++ - '0');
    }
    if (*number > MOST_WIDTH || *number < 0)
        return jinja_refuse(percent->run, "a width past %d", MOST_WIDTH);
    return true;
}

/* What stands between % and the value. */
static bool read_conversion(struct percent *percent, struct conversion *conversion)
{
    *conversion = (struct conversion){.precision = -1};
    bool is_named = percent->at < percent->end && *percent->at == '(';
    if (is_named) {
        const char *name = ++percent->at;
        while (percent->at < percent->end && *percent->at != ')') percent->at++;
        if (percent->at == percent->end) return jinja_fail(percent->run, "%%(name is not closed");
        if (percent->arguments.kind != JINJA_DICT)
            return jinja_fail(percent->run, "%%(name) takes a dict");
        const struct jinja_value *found =
            jinja_dict_find_text(percent->arguments.dict, name, (size_t)(percent->at - name));
        if (!found) return jinja_fail(percent->run, "a name to format is not in the dict");
        conversion->value = *found;
        percent->at++;
    }
    for (size_t n = 0; percent->at < percent->end && strchr("-+ #0", *percent->at) &&
                       *percent->at && n + 1 < sizeof conversion->flags;)
        conversion->flags[n++] = *percent->at++;
    if (!read_number(percent, &conversion->width)) return false;
    if (percent->at < percent->end && *percent->at == '.') {
        percent->at++;
        if (!read_number(percent, &conversion->precision)) return false;
    }
    if (percent->at < percent->end && strchr("hlL", *percent->at) && *percent->at) percent->at++;
    if (percent->at == percent->end) return jinja_fail(percent->run, "a conversion is incomplete");
    conversion->type = *percent->at++;
    return conversion->type == '%' || is_named || take_positional(percent, &conversion->value);
}

/* Characters cut to the precision and padded to the width. */
static void put_padded(struct percent *percent, const struct conversion *conversion,
                       struct jinja_text text)
{
    if (conversion->precision >= 0 && (size_t)conversion->precision < text.n_chars) {
        text.n_bytes = jinja_text_offset(&text, (size_t)conversion->precision);
        text.n_chars = (size_t)conversion->precision;
    }
    bool is_left = strchr(conversion->flags, '-');
    int64_t n = conversion->width - (int64_t)text.n_chars;
    for (int64_t i = 0; !is_left && i < n; i++) buf_char(&percent->out, ' ');
    buf_append(&percent->out, text.bytes, text.n_bytes);
    for (int64_t i = 0; is_left && i < n; i++) buf_char(&percent->out, ' ');
}

static bool put_text(struct percent *percent, const struct conversion *conversion)
{
    struct jinja_value text = conversion->value;
    if (conversion->type == 's' && !percent->is_markup) {
        if (!jinja_to_string(percent->run, text, &text)) return false;
    } else if (conversion->type == 's') {
        if (!jinja_escape(percent->run, text, &text)) return false;
    } else {
        struct buf repr = jinja_buffer(percent->run);
        if (!jinja_append_repr(percent->run, &repr, text)) {
            buf_free(&repr);
            return false;
        }
        if (!jinja_text_take(percent->run, &repr, &text)) return false;
    }
    put_padded(percent, conversion, *text.text);
    return true;
}

static void print_float(char *text, size_t n, char type, int precision, double value)
{
    switch (type) {
    case 'e': snprintf(text, n, "%.*e", precision, value); break;
    case 'E': snprintf(text, n, "%.*E", precision, value); break;
    case 'g': snprintf(text, n, "%.*g", precision, value); break;
    case 'G': snprintf(text, n, "%.*G", precision, value); break;
    case 'F': snprintf(text, n, "%.*F", precision, value); break;
    default: snprintf(text, n, "%.*f", precision, value);
    }
}

static bool put_number(struct percent *percent, const struct conversion *conversion)
{
    char digits[MOST_WIDTH + 400];
    struct jinja_value value = conversion->value;
    bool is_float = strchr("eEfFgG", conversion->type), is_negative;
    if (!jinja_is_numeric(value))
        return jinja_fail(percent->run, "%%%c takes a number, not a value of type %s",
                          conversion->type, jinja_type_name(value));
    double number = jinja_as_number(value);
    int precision = (int)conversion->precision;
    if (is_float) {
        is_negative = signbit(number) && !isnan(number);
        print_float(digits, sizeof digits, conversion->type, precision < 0 ? 6 : precision,
                    fabs(number));
    } else {
        if (!(number > -9e18 && number < 9e18))
            return jinja_refuse(percent->run, "%%d of a number past 64 bits");
        int64_t integer = value.kind == JINJA_NUMBER ? (int64_t)number : jinja_as_integer(value);
        is_negative = integer < 0;
        snprintf(digits, sizeof digits, "%.*" PRId64, precision < 0 ? 1 : precision,
                 is_negative ? -integer : integer);
    }
    const char *flags = conversion->flags;
    const char *sign = is_negative ? "-" : strchr(flags, '+') ? "+" : strchr(flags, ' ') ? " " : "";
    int64_t n = conversion->width - (int64_t)(strlen(digits) + strlen(sign));
    bool is_left = strchr(flags, '-'), is_zero = !is_left && strchr(flags, '0');
    for (int64_t i = 0; !is_left && !is_zero && i < n; i++) buf_char(&percent->out, ' ');
    buf_text(&percent->out, sign);
    for (int64_t i = 0; is_zero && i < n; i++) buf_char(&percent->out, '0');
    buf_text(&percent->out, digits);
    for (int64_t i = 0; is_left && i < n; i++) buf_char(&percent->out, ' ');
    return true;
}

static bool put_conversion(struct percent *percent)
{
    struct conversion conversion;
    if (!read_conversion(percent, &conversion)) return false;
    char type = conversion.type;
    if (type == '%') return buf_char(&percent->out, '%') || true;
    if (strchr("sr", type)) return put_text(percent, &conversion);
    if (strchr("diueEfFgG", type) && !strchr(conversion.flags, '#'))
        return put_number(percent, &conversion);
    if (strchr("acxXo", type) || strchr(conversion.flags, '#'))
        return jinja_refuse(percent->run, "the conversion %%%c", type);
    return jinja_fail(percent->run, "there is no conversion %%%c",
                      isprint((unsigned char)type) ? type : '?');
}

bool jinja_percent(struct jinja_run *run, struct jinja_value text, struct jinja_value arguments,
                   struct jinja_value *out)
{
    struct percent percent = {.run = run,
                              .at = text.text->bytes,
                              .end = text.text->bytes + text.text->n_bytes,
                              .arguments = arguments,
                              .is_markup = text.is_markup,
                              .out = jinja_buffer(run)};
    bool ok = true;
    while (ok && percent.at < percent.end) {
        const char *next = memchr(percent.at, '%', (size_t)(percent.end - percent.at));
        const char *stop = next ? next : percent.end;
        buf_append(&percent.out, percent.at, (size_t)(stop - percent.at));
        percent.at = next ? next + 1 : stop;
        if (next) ok = jinja_charge(run, 0) && put_conversion(&percent);
    }
    /* What can be subscripted may hold more than is asked for; a tuple or single value must not. */
    size_t n_given = arguments.kind == JINJA_TUPLE ? arguments.list->n : 1;
    bool may_rest = arguments.kind == JINJA_DICT || arguments.kind == JINJA_LIST ||
                    arguments.kind == JINJA_UNDEFINED || arguments.kind == JINJA_RANGE;
    if (ok && percent.n_used < n_given && !may_rest)
        ok = jinja_fail(run, "more values than conversions");
    if (!ok) {
        buf_free(&percent.out);
        return false;
    }
    if (!jinja_text_take(run, &percent.out, out)) return false;
    out->is_markup = text.is_markup;
    return true;
}

/* ---- text.format(...) */

/* The value of a field: a position or a name, then .attributes and [items]. */
static bool find_field(struct jinja_invocation *call, const char *field, size_t n, size_t *n_auto,
                       struct jinja_value *value)
{
    const struct jinja_arguments *arguments = call->arguments;
    size_t n_first = 0;
    while (n_first < n && field[n_first] != '.' && field[n_first] != '[') n_first++;
    bool is_number = n_first > 0 && n_first < 9;
    size_t index = 0;
    for (size_t i = 0; i < n_first && is_number; i++) {
        is_number = isdigit((unsigned char)field[i]);
        index = 10 * index + (size_t)(field[i] - '0');
    }
    if (n_first == 0) index = (*n_auto)++;
    if (n_first == 0 || is_number) {
        if (index >= arguments->positional.n)
            return jinja_fail(call->run, "\"format\" has no argument %zu", index);
        *value = arguments->positional.items[index];
    } else {
        const struct jinja_value *found = jinja_dict_find_text(&arguments->named, field, n_first);
        if (!found) return jinja_fail(call->run, "\"format\" has no argument of that name");
        *value = *found;
    }
    for (size_t at = n_first; at < n;) {
        bool is_item = field[at++] == '[';
        size_t begin = at;
        while (at < n && (is_item ? field[at] != ']' : field[at] != '.' && field[at] != '[')) at++;
        struct jinja_value key;
        if (at == begin || (is_item && at == n))
            return jinja_fail(call->run, "a field of \"format\" is malformed");
        if (!jinja_text_of(call->run, field + begin, at - begin, &key)) return false;
        if (is_item && isdigit((unsigned char)field[begin]))
            return jinja_refuse(call->run, "an index in a field of \"format\"");
        bool ok = is_item ? jinja_item(call->run, *value, key, value)
                          : jinja_attribute(call->run, *value, key.text, value);
        if (!ok) return false;
        at += is_item;
    }
    return true;
}

/* The field between braces. */
static bool put_field(struct jinja_invocation *call, const char *field, size_t n, size_t *n_auto,
                      struct buf *out)
{
    struct jinja_value value;
    bool is_repr = n >= 2 && memcmp(field + n - 2, "!r", 2) == 0;
    bool is_str = n >= 2 && memcmp(field + n - 2, "!s", 2) == 0;
    if (is_repr || is_str) n -= 2;
    if (n && field[n - 1] == ':') n--;
    if (memchr(field, ':', n) || memchr(field, '!', n) || memchr(field, '{', n))
        return jinja_refuse(call->run, "a format specification in \"format\"");
    if (!find_field(call, field, n, n_auto, &value)) return false;
    return is_repr ? jinja_append_repr(call->run, out, value)
                   : jinja_append_str(call->run, out, value);
}

bool jinja_format(struct jinja_invocation *call)
{
    const char *at = call->self.text->bytes, *end = at + call->self.text->n_bytes;
    struct buf out = jinja_buffer(call->run);
    size_t n_auto = 0;
    bool ok = !call->self.is_markup || jinja_refuse(call->run, "\"format\" of markup");
    while (ok && at < end) {
        char c = *at++;
        bool is_brace = c == '{' || c == '}', is_double = is_brace && at < end && *at == c;
        if (!is_brace || is_double) {
            buf_char(&out, c);
            at += is_double;
            continue;
        }
        const char *close = c == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
        if (!close) {
            ok = jinja_fail(call->run, "a brace is alone in the text that is formatted");
        } else {
            ok = jinja_charge(call->run, 0) &&
                 put_field(call, at, (size_t)(close - at), &n_auto, &out);
            at = close + 1;
        }
    }
    if (ok) return jinja_give_buffer(call, &out);
    buf_free(&out);
    return false;
}
