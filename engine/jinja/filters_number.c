/* filters_number.c - filters that make numbers, and where all filters are found by name.
 *
 * Text becomes a number as Python reads it: white space around it, underscores between digits, any
 * base; what is no number becomes the default, what does not fit into 64 bits an error.
 */
#include "engine/jinja/render.h"

#include "base/letter_case.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_NUMBER_BYTES = 400 };

/* The text without white space around it and without underscores that stand between digits; false:
 * it is no number, for one of these reasons: an underscore elsewhere, a character outside ASCII. */
static bool clean(const struct jinja_text *text, char *out)
{
    size_t n = text->n_bytes, n_out = 0;
    const char *at = letter_strip(text->bytes, &n, true);
    if (!n || n > MOST_NUMBER_BYTES) return false;
    for (size_t i = 0; i < n; i++) {
        bool is_between = i > 0 && i + 1 < n && isalnum((unsigned char)at[i - 1]) &&
                          isalnum((unsigned char)at[i + 1]);
        if (at[i] == '_' && is_between) continue;
        if (at[i] == '_' || (unsigned char)at[i] >= 0x80 || at[i] == 0) return false;
        out[n_out++] = at[i];
    }
    out[n_out] = 0;
    return true;
}

enum reading { READ_FAILED, READ_WHOLE, READ_TOO_LARGE };

/* int(text, base); base 0 takes the prefix's. */
static enum reading read_integer(const char *text, int base, int64_t *out)
{
    static const char PREFIXES[] = "bB\2oO\10xX\20";
    const char *at = text + (*text == '-' || *text == '+');
    for (const char *row = PREFIXES; *row; row += 3) {
        bool fits = at[0] == '0' && (at[1] == row[0] || at[1] == row[1]);
        if (!fits || (base != 0 && base != row[2])) continue;
        base = row[2];
        at += 2;
        break;
    }
    if (base == 0 && at[0] == '0' && strspn(at, "0") != strlen(at)) return READ_FAILED;
    if (base == 0) base = 10;
    char digits[MOST_NUMBER_BYTES + 2], *end;
    snprintf(digits, sizeof digits, "%s%s", *text == '-' ? "-" : "", at);
    if (!isalnum((unsigned char)*at)) return READ_FAILED;
    errno = 0;
    /* strtoll itself would take one more prefix. */
    if (base == 16 && at[0] == '0' && tolower((unsigned char)at[1]) == 'x') return READ_FAILED;
    *out = strtoll(digits, &end, base);
    if (*end || end == digits) return READ_FAILED;
    return errno == ERANGE ? READ_TOO_LARGE : READ_WHOLE;
}

/* float(text) */
static bool read_number(const char *text, double *out)
{
    static const char *const WORDS[] = {"inf", "infinity", "nan"};
    const char *at = text + (*text == '-' || *text == '+');
    bool is_word = false;
    for (size_t i = 0; i < 3; i++) is_word |= strcasecmp(at, WORDS[i]) == 0;
    if (!is_word && strspn(at, "0123456789.eE+-") != strlen(at)) return false;
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

/* A float cut to an integer. */
static bool cut(struct jinja_invocation *call, double number)
{
    if (isinf(number)) return jinja_fail(call->run, "infinity is no integer");
    if (!(number >= -0x1p63 && number < 0x1p63))
        return jinja_refuse(call->run, "an integer past 64 bits");
    *call->out = jinja_integer((int64_t)number);
    return true;
}

static bool integer_of_text(struct jinja_invocation *call, int64_t base)
{
    char text[MOST_NUMBER_BYTES + 1];
    int64_t integer;
    double number;
    bool is_base = base == 0 || (base >= 2 && base <= 36);
    *call->out = call->bound[0].kind == JINJA_MISSING ? jinja_integer(0) : call->bound[0];
    if (!clean(call->self.text, text)) return true;
    enum reading reading = is_base ? read_integer(text, (int)base, &integer) : READ_FAILED;
    if (reading == READ_TOO_LARGE) return jinja_refuse(call->run, "an integer past 64 bits");
    if (reading == READ_WHOLE) *call->out = jinja_integer(integer);
    else if (read_number(text, &number) && !isnan(number) && !isinf(number))
        return cut(call, number);
    return true;
}

static bool integer(struct jinja_invocation *call)
{
    int64_t base;
    struct jinja_value value = call->self;
    if (!jinja_integer_argument(call, 1, 10, &base)) return false;
    switch (value.kind) {
    case JINJA_UNDEFINED: return jinja_fail(call->run, "%s", value.hint);
    case JINJA_STRING: return integer_of_text(call, base);
    case JINJA_BOOL:
    case JINJA_INTEGER: *call->out = jinja_integer(jinja_as_integer(value)); return true;
    case JINJA_NUMBER:
        if (!isnan(value.number)) return cut(call, value.number);
        break;
    default: break;
    }
    *call->out = call->bound[0].kind == JINJA_MISSING ? jinja_integer(0) : call->bound[0];
    return true;
}

static bool number(struct jinja_invocation *call)
{
    char text[MOST_NUMBER_BYTES + 1];
    double result;
    struct jinja_value value = call->self;
    if (value.kind == JINJA_UNDEFINED) return jinja_fail(call->run, "%s", value.hint);
    if (jinja_is_numeric(value)) *call->out = jinja_number(jinja_as_number(value));
    else if (value.kind == JINJA_STRING && clean(value.text, text) && read_number(text, &result))
        *call->out = jinja_number(result);
    else *call->out = call->bound[0].kind == JINJA_MISSING ? jinja_number(0) : call->bound[0];
    return true;
}

static bool absolute(struct jinja_invocation *call)
{
    struct jinja_value value = call->self;
    if (value.kind == JINJA_NUMBER) {
        *call->out = jinja_number(fabs(value.number));
        return true;
    }
    if (!jinja_is_integral(value))
        return jinja_fail(call->run, "\"abs\" of a value of type %s", jinja_type_name(value));
    if (jinja_as_integer(value) < 0) return jinja_negate(call->run, value, true, call->out);
    *call->out = jinja_integer(jinja_as_integer(value));
    return true;
}

/* round(value, digits): decimal digits, halves to the even one, by the exact value. */
static bool round_number(struct jinja_invocation *call, double value, int64_t digits)
{
    char text[400 + DBL_MAX_10_EXP];
    if (digits < 0) return jinja_refuse(call->run, "rounding before the point");
    if (digits > 300 || !isfinite(value)) {
        *call->out = jinja_number(value);
        return true;
    }
    snprintf(text, sizeof text, "%.*f", (int)digits, value);
    *call->out = jinja_number(strtod(text, NULL));
    return true;
}

static bool round_up_or_down(struct jinja_invocation *call, double value, int64_t digits,
                             bool is_up)
{
    double scale = pow(10, (double)digits), scaled = value * scale;
    if (!isfinite(scaled) || digits < 0)
        return jinja_refuse(call->run, "rounding a number of this size");
    *call->out = jinja_number((is_up ? ceil(scaled) : floor(scaled)) / scale);
    /* Python's integers have no negative zero. */
    if (call->out->number == 0) call->out->number = 0;
    return true;
}

static bool round_filter(struct jinja_invocation *call)
{
    static const struct jinja_text COMMON = {"common", 6, 6};
    const struct jinja_text *method = &COMMON;
    int64_t digits;
    if (!jinja_integer_argument(call, 0, 0, &digits) ||
        (call->bound[1].kind != JINJA_MISSING && !jinja_string_argument(call, 1, &method)))
        return false;
    bool is_up = jinja_text_is(method, "ceil");
    if (!is_up && !jinja_text_is(method, "floor") && !jinja_text_is(method, "common"))
        return jinja_fail(call->run, "\"round\" has the methods common, ceil and floor");
    if (!jinja_is_numeric(call->self))
        return jinja_fail(call->run, "\"round\" of a value of type %s",
                          jinja_type_name(call->self));
    if (!jinja_text_is(method, "common"))
        return round_up_or_down(call, jinja_as_number(call->self), digits, is_up);
    if (call->self.kind == JINJA_NUMBER) return round_number(call, call->self.number, digits);
    if (digits < 0) return jinja_refuse(call->run, "rounding before the point");
    *call->out = jinja_integer(jinja_as_integer(call->self));
    return true;
}

const struct jinja_builtin *jinja_find_filter(const char *name, size_t n_bytes)
{
    static const struct jinja_builtin NUMBER_FILTERS[] = {
        {"int", integer, 0, "default,base", 0},
        {"float", number, 0, "default", 0},
        {"abs", absolute, 0, "/", 0},
        {"round", round_filter, 0, "precision,method", 0},
    };
    const struct {
        const struct jinja_builtin *rows;
        size_t n;
    } tables[] = {{JINJA_TEXT_FILTERS, JINJA_N_TEXT_FILTERS},
                  {JINJA_LIST_FILTERS, JINJA_N_LIST_FILTERS},
                  {JINJA_PICK_FILTERS, JINJA_N_PICK_FILTERS},
                  {NUMBER_FILTERS, sizeof NUMBER_FILTERS / sizeof *NUMBER_FILTERS}};
    const struct jinja_builtin *found = NULL;
    for (size_t i = 0; !found && i < sizeof tables / sizeof *tables; i++)
        found = jinja_find_row(tables[i].rows, tables[i].n, name, n_bytes);
    return found;
}
