/* arithmetic.c - operators on values, as Python has them.
 *
 * Integers have 64 bits here and any number there: what overflows is an error that says so.
 * Division and remainder round towards minus infinity; booleans count as 0 and 1. A string added to
 * markup is escaped, whichever comes first.
 */
#include "engine/jinja/render.h"

#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char *const SYMBOLS[] = {
    [OPERATOR_ADD] = "+",    [OPERATOR_SUBTRACT] = "-",      [OPERATOR_MULTIPLY] = "*",
    [OPERATOR_DIVIDE] = "/", [OPERATOR_FLOOR_DIVIDE] = "//", [OPERATOR_MODULO] = "%",
    [OPERATOR_POWER] = "**",
};

static bool overflow(struct jinja_run *run)
{
    return jinja_refuse(run, "an integer past 64 bits");
}

/* ---- numbers */

static bool power_integers(struct jinja_run *run, int64_t base, int64_t exponent,
                           struct jinja_value *out)
{
    if (exponent < 0) {
        if (base == 0) return jinja_fail(run, "0 to a negative power");
        *out = jinja_number(pow((double)base, (double)exponent));
        return true;
    }
    int64_t result = 1;
    while (exponent) {
        if (exponent & 1 && __builtin_mul_overflow(result, base, &result)) return overflow(run);
        exponent >>= 1;
        if (exponent && __builtin_mul_overflow(base, base, &base)) return overflow(run);
    }
    *out = jinja_integer(result);
    return true;
}

static bool divide_integers(struct jinja_run *run, enum jinja_operator op, int64_t a, int64_t b,
                            struct jinja_value *out)
{
    if (b == 0) return jinja_fail(run, "division by zero");
    if (op == OPERATOR_DIVIDE) {
        const int64_t exact = INT64_C(1) << DBL_MANT_DIG;
        bool are_exact = a >= -exact && a <= exact && b >= -exact && b <= exact;
        *out = jinja_number(are_exact ? (double)a / (double)b
                                      : (double)((long double)a / (long double)b));
        return true;
    }
    if (b == -1) {
        int64_t negated;
        if (op == OPERATOR_FLOOR_DIVIDE && __builtin_sub_overflow((int64_t)0, a, &negated))
            return overflow(run);
        *out = jinja_integer(op == OPERATOR_MODULO ? 0 : -a);
        return true;
    }
    int64_t quotient = a / b, remainder = a % b;
    if (remainder && (remainder < 0) != (b < 0)) {
        quotient--;
        remainder += b;
    }
    *out = jinja_integer(op == OPERATOR_MODULO ? remainder : quotient);
    return true;
}

static bool operate_integers(struct jinja_run *run, enum jinja_operator op, int64_t a, int64_t b,
                             struct jinja_value *out)
{
    int64_t result;
    bool overflows;
    switch (op) {
    case OPERATOR_ADD: overflows = __builtin_add_overflow(a, b, &result); break;
    case OPERATOR_SUBTRACT: overflows = __builtin_sub_overflow(a, b, &result); break;
    case OPERATOR_MULTIPLY: overflows = __builtin_mul_overflow(a, b, &result); break;
    case OPERATOR_POWER: return power_integers(run, a, b, out);
    default: return divide_integers(run, op, a, b, out);
    }
    if (overflows) return overflow(run);
    *out = jinja_integer(result);
    return true;
}

/* Python's remainder has the sign of the divisor, and its quotient goes with it. */
static void floor_divide(double a, double b, double *quotient, double *remainder)
{
    double rest = fmod(a, b), whole = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
        rest += b;
        whole -= 1;
    } else if (rest == 0) {
        rest = copysign(0.0, b);
    }
    double floored = whole != 0 ? floor(whole) : copysign(0.0, a / b);
    if (whole != 0 && whole - floored > 0.5) floored += 1;
    *quotient = floored;
    *remainder = rest;
}

static bool operate_numbers(struct jinja_run *run, enum jinja_operator op, double a, double b,
                            struct jinja_value *out)
{
    double quotient, remainder;
    if (b == 0 && (op == OPERATOR_DIVIDE || op == OPERATOR_FLOOR_DIVIDE || op == OPERATOR_MODULO))
        return jinja_fail(run, "division by zero");
    switch (op) {
    case OPERATOR_ADD: *out = jinja_number(a + b); return true;
    case OPERATOR_SUBTRACT: *out = jinja_number(a - b); return true;
    case OPERATOR_MULTIPLY: *out = jinja_number(a * b); return true;
    case OPERATOR_DIVIDE: *out = jinja_number(a / b); return true;
    case OPERATOR_POWER:
        if (a == 0 && b < 0) return jinja_fail(run, "0 to a negative power");
        if (a < 0 && isfinite(b) && floor(b) != b)
            return jinja_refuse(run, "a root of a negative number");
        *out = jinja_number(pow(a, b));
        return !isinf(out->number) || isinf(a) || isinf(b) ||
               jinja_fail(run, "a power is too large for a float");
    default:
        floor_divide(a, b, &quotient, &remainder);
        *out = jinja_number(op == OPERATOR_MODULO ? remainder : quotient);
        return true;
    }
}

/* ---- strings and lists */

static bool add_strings(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                        struct jinja_value *out)
{
    bool is_markup = a.is_markup || b.is_markup;
    if (is_markup && (!jinja_escape(run, a, &a) || !jinja_escape(run, b, &b))) return false;
    size_t n = a.text->n_bytes + b.text->n_bytes;
    char *bytes = jinja_alloc(run, n, 1);
    if (!bytes) return false;
    if (a.text->n_bytes) memcpy(bytes, a.text->bytes, a.text->n_bytes);
    if (b.text->n_bytes) memcpy(bytes + a.text->n_bytes, b.text->bytes, b.text->n_bytes);
    if (!jinja_text_of(run, bytes, n, out)) return false;
    out->is_markup = is_markup;
    return true;
}

static bool add_lists(struct jinja_run *run, struct jinja_value a, struct jinja_value b,
                      struct jinja_value *out)
{
    if (!jinja_list_new(run, a.kind, a.list->n + b.list->n, out)) return false;
    for (size_t i = 0; i < a.list->n; i++)
        if (!jinja_list_push(run, out->list, a.list->items[i])) return false;
    for (size_t i = 0; i < b.list->n; i++)
        if (!jinja_list_push(run, out->list, b.list->items[i])) return false;
    return true;
}

static bool repeat_string(struct jinja_run *run, struct jinja_value text, size_t n_times,
                          struct jinja_value *out)
{
    size_t n = text.text->n_bytes, total;
    if (!mem_multiply(n, n_times, &total)) total = SIZE_MAX / 2;
    char *bytes = jinja_alloc(run, total, 1);
    if (!bytes) return false;
    for (size_t i = 0; n && i < n_times; i++) memcpy(bytes + i * n, text.text->bytes, n);
    if (!jinja_text_of(run, bytes, total, out)) return false;
    out->is_markup = text.is_markup;
    return true;
}

static bool repeat(struct jinja_run *run, struct jinja_value value, int64_t count,
                   struct jinja_value *out)
{
    size_t n_times = count > 0 ? (size_t)count : 0;
    if (value.kind == JINJA_STRING) return repeat_string(run, value, n_times, out);
    if (!value.list->n) n_times = 0;
    if (!jinja_list_new(run, value.kind, 0, out)) return false;
    for (size_t i = 0; i < n_times; i++)
        for (size_t j = 0; j < value.list->n; j++)
            if (!jinja_list_push(run, out->list, value.list->items[j])) return false;
    return true;
}

static bool is_repeatable(struct jinja_value value)
{
    return value.kind == JINJA_STRING || value.kind == JINJA_LIST || value.kind == JINJA_TUPLE;
}

/* ---- operators */

static bool fail_types(struct jinja_run *run, const char *symbol, struct jinja_value a,
                       struct jinja_value b)
{
    if (a.kind == JINJA_UNDEFINED) return jinja_fail(run, "%s", a.hint);
    if (b.kind == JINJA_UNDEFINED) return jinja_fail(run, "%s", b.hint);
    return jinja_fail(run, "%s cannot be applied to %s and %s", symbol, jinja_type_name(a),
                      jinja_type_name(b));
}

static bool compute(struct jinja_run *run, enum jinja_operator op, struct jinja_value a,
                    struct jinja_value b, struct jinja_value *out)
{
    if (jinja_is_integral(a) && jinja_is_integral(b))
        return operate_integers(run, op, jinja_as_integer(a), jinja_as_integer(b), out);
    if (jinja_is_numeric(a) && jinja_is_numeric(b))
        return operate_numbers(run, op, jinja_as_number(a), jinja_as_number(b), out);
    if (op == OPERATOR_MODULO && a.kind == JINJA_STRING) return jinja_percent(run, a, b, out);
    if (op == OPERATOR_ADD && a.kind == b.kind) {
        if (a.kind == JINJA_STRING) return add_strings(run, a, b, out);
        if (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE) return add_lists(run, a, b, out);
    }
    if (op == OPERATOR_MULTIPLY && is_repeatable(a) && jinja_is_integral(b))
        return repeat(run, a, jinja_as_integer(b), out);
    if (op == OPERATOR_MULTIPLY && jinja_is_integral(a) && is_repeatable(b))
        return repeat(run, b, jinja_as_integer(a), out);
    return fail_types(run, SYMBOLS[op], a, b);
}

static bool order(struct jinja_run *run, enum jinja_operator op, struct jinja_value a,
                  struct jinja_value b, struct jinja_value *out)
{
    int order;
    if (a.kind == JINJA_UNDEFINED || b.kind == JINJA_UNDEFINED)
        return fail_types(run, "comparison", a, b);
    if (!jinja_compare(run, a, b, &order)) return false;
    *out = jinja_bool(op == OPERATOR_LESS            ? order < 0
                      : op == OPERATOR_LESS_OR_EQUAL ? order <= 0
                      : op == OPERATOR_GREATER       ? order > 0
                                                     : order >= 0);
    return true;
}

bool jinja_operate(struct jinja_run *run, enum jinja_operator op, struct jinja_value a,
                   struct jinja_value b, struct jinja_value *out)
{
    bool found;
    switch (op) {
    case OPERATOR_EQUAL:
    case OPERATOR_UNEQUAL:
        if (!jinja_equal(run, a, b, &found)) return false;
        *out = jinja_bool(found == (op == OPERATOR_EQUAL));
        return true;
    case OPERATOR_LESS:
    case OPERATOR_LESS_OR_EQUAL:
    case OPERATOR_GREATER:
    case OPERATOR_GREATER_OR_EQUAL: return order(run, op, a, b, out);
    case OPERATOR_IN:
    case OPERATOR_NOT_IN:
        if (!jinja_contains(run, b, a, &found)) return false;
        *out = jinja_bool(found == (op == OPERATOR_IN));
        return true;
    default: return compute(run, op, a, b, out);
    }
}

bool jinja_negate(struct jinja_run *run, struct jinja_value value, bool is_negative,
                  struct jinja_value *out)
{
    if (value.kind == JINJA_UNDEFINED) return jinja_fail(run, "%s", value.hint);
    if (!jinja_is_numeric(value))
        return jinja_fail(run, "a sign before a value of type %s", jinja_type_name(value));
    if (value.kind == JINJA_NUMBER) {
        *out = jinja_number(is_negative ? -value.number : value.number);
        return true;
    }
    int64_t integer = jinja_as_integer(value);
    if (is_negative && integer == INT64_MIN) return overflow(run);
    *out = jinja_integer(is_negative ? -integer : integer);
    return true;
}

bool jinja_contains(struct jinja_run *run, struct jinja_value container, struct jinja_value item,
                    bool *found)
{
    *found = false;
    if (container.kind == JINJA_STRING) {
        if (item.kind != JINJA_STRING)
            return jinja_fail(run, "a string cannot contain a value of type %s",
                              jinja_type_name(item));
        *found = memmem(container.text->bytes, container.text->n_bytes, item.text->bytes,
                        item.text->n_bytes) != NULL;
        return jinja_charge(run, container.text->n_bytes);
    }
    if (container.kind == JINJA_DICT) {
        const struct jinja_value *value;
        if (!jinja_dict_find(run, container.dict, item, &value)) return false;
        *found = value;
        return true;
    }
    struct jinja_iterator *iterator;
    if (!jinja_iterate(run, container, &iterator)) return false;
    for (;;) {
        struct jinja_value other;
        bool done = false;
        if (!jinja_next_item(run, iterator, &other, &done)) return false;
        if (done) return true;
        if (!jinja_equal(run, other, item, found)) return false;
        if (*found) return true;
    }
}
