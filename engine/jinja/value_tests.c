/* value_tests.c - what may stand after `is`: tests of a value, each a row of a table.
 *
 * A variant says what a function tests: a set of kinds, an operator, a remainder.
 */
#include "engine/jinja/render.h"
#include "engine/jinja/strings.h"

#include <string.h>

static bool give(struct jinja_invocation *call, bool holds)
{
    *call->out = jinja_bool(holds);
    return true;
}

/* ---- kinds: the variant is a set of kinds */

#define KIND(kind) (1 << (kind))

static bool is_of_kind(struct jinja_invocation *call)
{
    return give(call, call->builtin->variant & KIND(call->self.kind));
}

static bool is_defined(struct jinja_invocation *call)
{
    return give(call, call->self.kind != JINJA_UNDEFINED);
}

/* true and, by the variant, false: the values themselves, not what counts as one. */
static bool is_boolean_value(struct jinja_invocation *call)
{
    return give(call, call->self.kind == JINJA_BOOL &&
                          call->self.boolean == (bool)call->builtin->variant);
}

static bool is_iterable(struct jinja_invocation *call)
{
    return give(call, jinja_is_iterable(call->self));
}

static bool is_escaped(struct jinja_invocation *call)
{
    return give(call, call->self.is_markup);
}

static bool is_same_as(struct jinja_invocation *call)
{
    enum { FIRST_SHARED = -5, LAST_SHARED = 256 }; /* integers that Python keeps one object of */
    struct jinja_value a = call->self, b = call->bound[0];
    if (a.kind != b.kind) return give(call, false);
    switch (a.kind) {
    case JINJA_NONE: return give(call, true);
    case JINJA_BOOL: return give(call, a.boolean == b.boolean);
    case JINJA_INTEGER:
        return give(call, a.integer == b.integer && a.integer >= FIRST_SHARED &&
                              a.integer <= LAST_SHARED);
    case JINJA_NUMBER:
    case JINJA_STRING:
    case JINJA_UNDEFINED: return jinja_refuse(call->run, "whether two texts are the same object");
    default: return give(call, a.list == b.list);
    }
}

/* ---- numbers */

/* The remainder by the variant is that; of the argument, where the variant is negative, 0. */
static bool has_remainder(struct jinja_invocation *call)
{
    struct jinja_value divisor = jinja_integer(2), remainder, wanted = jinja_integer(0);
    bool by_argument = call->builtin->variant < 0, equal;
    if (by_argument) divisor = call->bound[0];
    else wanted = jinja_integer(call->builtin->variant);
    if (!jinja_operate(call->run, OPERATOR_MODULO, call->self, divisor, &remainder) ||
        !jinja_equal(call->run, remainder, wanted, &equal))
        return false;
    return give(call, equal);
}

/* ---- comparisons: the variant is the operator */

static bool compares(struct jinja_invocation *call)
{
    return jinja_operate(call->run, (enum jinja_operator)call->builtin->variant, call->self,
                         call->bound[0], call->out);
}

/* ---- texts and names */

static bool has_case(struct jinja_invocation *call)
{
    struct jinja_invocation of_text = *call;
    return jinja_to_string(call->run, call->self, &of_text.self) && jinja_is_cased(&of_text);
}

static bool names_builtin(struct jinja_invocation *call)
{
    const struct jinja_text *name = call->self.text;
    if (!jinja_is_hashable(call->self))
        return jinja_fail(call->run, "a value of type %s is no name", jinja_type_name(call->self));
    if (call->self.kind != JINJA_STRING) return give(call, false);
    return give(call, call->builtin->variant ? jinja_find_test(name->bytes, name->n_bytes)
                                             : jinja_find_filter(name->bytes, name->n_bytes));
}

const struct jinja_builtin *jinja_find_test(const char *name, size_t n_bytes)
{
    enum { NUMBERS = KIND(JINJA_BOOL) | KIND(JINJA_INTEGER) | KIND(JINJA_NUMBER) };
    static const struct jinja_builtin TESTS[] = {
        {"defined", is_defined, 0, "", 0},
        {"undefined", is_of_kind, 0, "", KIND(JINJA_UNDEFINED)},
        {"none", is_of_kind, 0, "", KIND(JINJA_NONE)},
        {"boolean", is_of_kind, 0, "", KIND(JINJA_BOOL)},
        {"integer", is_of_kind, 0, "", KIND(JINJA_INTEGER)},
        {"float", is_of_kind, 0, "", KIND(JINJA_NUMBER)},
        {"number", is_of_kind, 0, "", NUMBERS},
        {"string", is_of_kind, 0, "", KIND(JINJA_STRING)},
        {"mapping", is_of_kind, 0, "", KIND(JINJA_DICT)},
        {"sequence", is_of_kind, 0, "",
         KIND(JINJA_STRING) | KIND(JINJA_LIST) | KIND(JINJA_TUPLE) | KIND(JINJA_DICT) |
             KIND(JINJA_RANGE) | KIND(JINJA_UNDEFINED)},
        {"callable", is_of_kind, 0, "/",
         KIND(JINJA_MACRO) | KIND(JINJA_FUNCTION) | KIND(JINJA_METHOD) | KIND(JINJA_LOOP) |
             KIND(JINJA_JOINER) | KIND(JINJA_UNDEFINED)},
        {"iterable", is_iterable, 0, "", 0},
        {"escaped", is_escaped, 0, "", 0},
        {"true", is_boolean_value, 0, "", true},
        {"false", is_boolean_value, 0, "", false},
        {"sameas", is_same_as, 1, "other", 0},
        {"odd", has_remainder, 0, "", 1},
        {"even", has_remainder, 0, "", 0},
        {"divisibleby", has_remainder, 1, "num", -1},
        {"lower", has_case, 0, "", false},
        {"upper", has_case, 0, "", true},
        {"filter", names_builtin, 0, "", 0},
        {"test", names_builtin, 0, "", 1},
        {"in", compares, 1, "seq", OPERATOR_IN},
        {"==", compares, 1, "/other", OPERATOR_EQUAL},
        {"eq", compares, 1, "/other", OPERATOR_EQUAL},
        {"equalto", compares, 1, "/other", OPERATOR_EQUAL},
        {"!=", compares, 1, "/other", OPERATOR_UNEQUAL},
        {"ne", compares, 1, "/other", OPERATOR_UNEQUAL},
        {">", compares, 1, "/other", OPERATOR_GREATER},
        {"gt", compares, 1, "/other", OPERATOR_GREATER},
        {"greaterthan", compares, 1, "/other", OPERATOR_GREATER},
        {">=", compares, 1, "/other", OPERATOR_GREATER_OR_EQUAL},
        {"ge", compares, 1, "/other", OPERATOR_GREATER_OR_EQUAL},
        {"<", compares, 1, "/other", OPERATOR_LESS},
        {"lt", compares, 1, "/other", OPERATOR_LESS},
        {"lessthan", compares, 1, "/other", OPERATOR_LESS},
        {"<=", compares, 1, "/other", OPERATOR_LESS_OR_EQUAL},
        {"le", compares, 1, "/other", OPERATOR_LESS_OR_EQUAL},
    };
    return jinja_find_row(TESTS, sizeof TESTS / sizeof *TESTS, name, n_bytes);
}
