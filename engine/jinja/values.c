/* values.c - see values.h. Equality and order are Python's: True is 1 and 1.0, a list is no tuple,
 * and integers compare with floats exactly.
 */
#include "engine/jinja/values.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_OF_A_STEP = 32, FIRST_CAPACITY = 4 };

/* ---- errors, memory, bounds */

__attribute__((format(printf, 3, 0))) static bool report(struct jinja_run *run, enum err_code code,
                                                         const char *format, va_list args)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < run->at && i < run->n_bytes; i++) {
        unsigned char byte = (unsigned char)run->text[i];
        if (byte == '\n') {
            line++;
            column = 1;
        } else if ((byte & 0xc0) != 0x80) {
            column++;
        }
    }
    return err_set_at_v(run->err, code, run->name, line, column, format, args);
}

bool jinja_fail(struct jinja_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(run, ERR_INPUT, format, args);
    va_end(args);
    return false;
}

bool jinja_refuse(struct jinja_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(run, ERR_UNSUPPORTED, format, args);
    va_end(args);
    return false;
}

bool jinja_exhaust(struct jinja_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(run, ERR_CAPACITY, format, args);
    va_end(args);
    return false;
}

void *jinja_alloc(struct jinja_run *run, size_t n, size_t size)
{
    void *memory = arena_alloc(run->arena, n, size, NULL);
    if (!memory)
        jinja_exhaust(run, "the template needs more than %zu bytes of memory",
                      run->maximum_memory_bytes);
    return memory;
}

bool jinja_charge(struct jinja_run *run, size_t n_bytes)
{
    uint64_t steps = 1 + n_bytes / BYTES_OF_A_STEP;
    if (steps > run->steps_left) {
        run->steps_left = 0;
        return jinja_exhaust(run, "the template takes too many steps: does it loop for ever?");
    }
    run->steps_left -= steps;
    return true;
}

struct buf jinja_buffer(const struct jinja_run *run)
{
    return (struct buf){.maximum = run->maximum_memory_bytes};
}

/* ---- making values */

struct jinja_value jinja_bool(bool value)
{
    return (struct jinja_value){.kind = JINJA_BOOL, .boolean = value};
}

struct jinja_value jinja_integer(int64_t value)
{
    return (struct jinja_value){.kind = JINJA_INTEGER, .integer = value};
}

struct jinja_value jinja_number(double value)
{
    return (struct jinja_value){.kind = JINJA_NUMBER, .number = value};
}

struct jinja_value jinja_none(void)
{
    return (struct jinja_value){.kind = JINJA_NONE};
}

struct jinja_value jinja_undefined(const char *hint)
{
    return (struct jinja_value){.kind = JINJA_UNDEFINED, .hint = hint};
}

bool jinja_text_of(struct jinja_run *run, const char *bytes, size_t n_bytes,
                   struct jinja_value *out)
{
    struct jinja_text *text = jinja_alloc(run, 1, sizeof *text);
    if (!text || !jinja_charge(run, n_bytes)) return false;
    *text = (struct jinja_text){bytes, n_bytes, utf8_count(bytes, n_bytes)};
    *out = (struct jinja_value){.kind = JINJA_STRING, .text = text};
    return true;
}

bool jinja_text_copy(struct jinja_run *run, const char *bytes, size_t n_bytes,
                     struct jinja_value *out)
{
    char *copy = jinja_alloc(run, n_bytes, 1);
    if (!copy) return false;
    if (n_bytes) memcpy(copy, bytes, n_bytes);
    return jinja_text_of(run, copy, n_bytes, out);
}

bool jinja_text_take(struct jinja_run *run, struct buf *buf, struct jinja_value *out)
{
    bool ok = !buf->failed ? jinja_text_copy(run, buf_string(buf), buf->n_bytes, out)
                           : jinja_exhaust(run, "the template makes a text of more than %zu bytes",
                                           run->maximum_memory_bytes);
    buf_free(buf);
    return ok;
}

/* Room for one item more in an array that the arena holds: the old copy stays behind in it. */
static void *grow(struct jinja_run *run, const void *items, size_t n, size_t *capacity, size_t size)
{
    size_t wanted;
    if (!mem_multiply(*capacity, 2, &wanted)) wanted = SIZE_MAX;
    if (wanted < FIRST_CAPACITY) wanted = FIRST_CAPACITY;
    void *larger = jinja_alloc(run, wanted, size);
    if (!larger) return NULL;
    if (n) memcpy(larger, items, n * size);
    *capacity = wanted;
    return larger;
}

bool jinja_list_new(struct jinja_run *run, enum jinja_kind kind, size_t capacity,
                    struct jinja_value *out)
{
    struct jinja_list *list = jinja_alloc(run, 1, sizeof *list);
    if (!list) return false;
    if (capacity && !(list->items = jinja_alloc(run, capacity, sizeof *list->items))) return false;
    list->capacity = capacity;
    *out = (struct jinja_value){.kind = kind, .list = list};
    return true;
}

bool jinja_list_push(struct jinja_run *run, struct jinja_list *list, struct jinja_value value)
{
    if (!jinja_charge(run, 0)) return false;
    if (list->n == list->capacity) {
        void *larger = grow(run, list->items, list->n, &list->capacity, sizeof *list->items);
        if (!larger) return false;
        list->items = larger;
    }
    list->items[list->n++] = value;
    return true;
}

bool jinja_pair_of(struct jinja_run *run, struct jinja_value first, struct jinja_value second,
                   struct jinja_value *out)
{
    return jinja_list_new(run, JINJA_TUPLE, 2, out) && jinja_list_push(run, out->list, first) &&
           jinja_list_push(run, out->list, second);
}

bool jinja_dict_new(struct jinja_run *run, struct jinja_value *out)
{
    struct jinja_dict *dict = jinja_alloc(run, 1, sizeof *dict);
    *out = (struct jinja_value){.kind = JINJA_DICT, .dict = dict};
    return dict;
}

static bool find_pair(struct jinja_run *run, const struct jinja_dict *dict, struct jinja_value key,
                      struct jinja_pair **found)
{
    *found = NULL;
    if (!jinja_is_hashable(key))
        return jinja_fail(run, "a key cannot be a value of type %s", jinja_type_name(key));
    if (!jinja_charge(run, 8 * dict->n)) return false;
    for (size_t i = 0; i < dict->n; i++) {
        bool equal;
        if (!jinja_equal(run, dict->pairs[i].key, key, &equal)) return false;
        if (equal) {
            *found = &dict->pairs[i];
            return true;
        }
    }
    return true;
}

bool jinja_dict_set(struct jinja_run *run, struct jinja_dict *dict, struct jinja_value key,
                    struct jinja_value value)
{
    struct jinja_pair *found;
    if (!find_pair(run, dict, key, &found)) return false;
    if (found) {
        found->value = value;
        return true;
    }
    if (dict->n == dict->capacity) {
        void *larger = grow(run, dict->pairs, dict->n, &dict->capacity, sizeof *dict->pairs);
        if (!larger) return false;
        dict->pairs = larger;
    }
    dict->pairs[dict->n++] = (struct jinja_pair){key, value};
    return true;
}

bool jinja_dict_find(struct jinja_run *run, const struct jinja_dict *dict, struct jinja_value key,
                     const struct jinja_value **found)
{
    struct jinja_pair *pair;
    if (!find_pair(run, dict, key, &pair)) return false;
    *found = pair ? &pair->value : NULL;
    return true;
}

const struct jinja_value *jinja_dict_find_text(const struct jinja_dict *dict, const char *bytes,
                                               size_t n_bytes)
{
    for (size_t i = 0; dict && i < dict->n; i++) {
        const struct jinja_value *key = &dict->pairs[i].key;
        if (key->kind == JINJA_STRING && key->text->n_bytes == n_bytes &&
            memcmp(key->text->bytes, bytes, n_bytes) == 0)
            return &dict->pairs[i].value;
    }
    return NULL;
}

/* ---- looking at values */

bool jinja_is_string(struct jinja_value value)
{
    return value.kind == JINJA_STRING;
}

bool jinja_is_integral(struct jinja_value value)
{
    return value.kind == JINJA_INTEGER || value.kind == JINJA_BOOL;
}

bool jinja_is_numeric(struct jinja_value value)
{
    return jinja_is_integral(value) || value.kind == JINJA_NUMBER;
}

int64_t jinja_as_integer(struct jinja_value value)
{
    return value.kind == JINJA_BOOL ? value.boolean : value.integer;
}

double jinja_as_number(struct jinja_value value)
{
    return value.kind == JINJA_NUMBER ? value.number : (double)jinja_as_integer(value);
}

bool jinja_is_hashable(struct jinja_value value)
{
    if (value.kind == JINJA_LIST || value.kind == JINJA_DICT || value.kind == JINJA_VIEW)
        return false;
    bool hashable = true;
    /* A tuple holds only what was there before it, so that this ends. */
    for (size_t i = 0; value.kind == JINJA_TUPLE && hashable && i < value.list->n; i++)
        hashable = jinja_is_hashable(value.list->items[i]);
    return hashable;
}

bool jinja_text_is(const struct jinja_text *text, const char *expected)
{
    return text->n_bytes == strlen(expected) && memcmp(text->bytes, expected, text->n_bytes) == 0;
}

const char *jinja_type_name(struct jinja_value value)
{
    static const char *const NAMES[] = {
        [JINJA_MISSING] = "nothing",    [JINJA_UNDEFINED] = "undefined", [JINJA_NONE] = "none",
        [JINJA_BOOL] = "bool",          [JINJA_INTEGER] = "int",         [JINJA_NUMBER] = "float",
        [JINJA_STRING] = "str",         [JINJA_LIST] = "list",           [JINJA_TUPLE] = "tuple",
        [JINJA_DICT] = "dict",          [JINJA_VIEW] = "dict view",      [JINJA_RANGE] = "range",
        [JINJA_ITERATOR] = "generator", [JINJA_NAMESPACE] = "namespace", [JINJA_MACRO] = "macro",
        [JINJA_FUNCTION] = "function",  [JINJA_METHOD] = "method",       [JINJA_LOOP] = "loop",
        [JINJA_CYCLER] = "cycler",      [JINJA_JOINER] = "joiner",
    };
    return NAMES[value.kind];
}

bool jinja_length(struct jinja_value value, size_t *n)
{
    switch (value.kind) {
    case JINJA_UNDEFINED: *n = 0; return true;
    case JINJA_STRING: *n = value.text->n_chars; return true;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_VIEW: *n = value.list->n; return true;
    case JINJA_DICT: *n = value.dict->n; return true;
    case JINJA_RANGE: *n = value.range->n; return true;
    default: return false;
    }
}

bool jinja_truth(struct jinja_value value)
{
    size_t n;
    if (jinja_length(value, &n)) return n > 0;
    switch (value.kind) {
    case JINJA_MISSING:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return value.boolean;
    case JINJA_INTEGER: return value.integer != 0;
    case JINJA_NUMBER: return value.number != 0;
    default: return true;
    }
}

size_t jinja_text_offset(const struct jinja_text *text, size_t i_char)
{
    if (text->n_chars == text->n_bytes) return i_char < text->n_bytes ? i_char : text->n_bytes;
    size_t at = 0;
    uint32_t code;
    for (size_t i = 0; i < i_char && at < text->n_bytes; i++)
        at += utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
    return at;
}

static int compare_texts(const struct jinja_text *a, const struct jinja_text *b)
{
    /* UTF-8 sorts as its code points do. */
    size_t n = a->n_bytes < b->n_bytes ? a->n_bytes : b->n_bytes;
    int order = n ? memcmp(a->bytes, b->bytes, n) : 0;
    return order ? order : (a->n_bytes > b->n_bytes) - (a->n_bytes < b->n_bytes);
}

/* Exact, for a long double holds every int64_t. False where one is no number. */
static bool compare_numbers(struct jinja_value a, struct jinja_value b, int *order)
{
    long double x = a.kind == JINJA_NUMBER ? a.number : (long double)jinja_as_integer(a);
    long double y = b.kind == JINJA_NUMBER ? b.number : (long double)jinja_as_integer(b);
    *order = (x > y) - (x < y);
    return !isnan(x) && !isnan(y);
}

static bool is_sequence_pair(struct jinja_value a, struct jinja_value b)
{
    return a.kind == b.kind && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE);
}

static bool enter(struct jinja_run *run)
{
    if (run->depth >= JINJA_CALL_DEPTH)
        return jinja_exhaust(run, "values are nested more than %d levels deep", JINJA_CALL_DEPTH);
    run->depth++;
    return true;
}

static bool equal_lists(struct jinja_run *run, const struct jinja_list *a,
                        const struct jinja_list *b, bool *equal)
{
    *equal = a->n == b->n;
    for (size_t i = 0; *equal && i < a->n; i++)
        if (!jinja_equal(run, a->items[i], b->items[i], equal)) return false;
    return true;
}

static bool equal_dicts(struct jinja_run *run, const struct jinja_dict *a,
                        const struct jinja_dict *b, bool *equal)
{
    *equal = a->n == b->n;
    for (size_t i = 0; *equal && i < a->n; i++) {
        const struct jinja_value *other;
        if (!jinja_dict_find(run, b, a->pairs[i].key, &other)) return false;
        if (!other) *equal = false;
        else if (!jinja_equal(run, a->pairs[i].value, *other, equal)) return false;
    }
    return true;
}

static bool equal_ranges(const struct jinja_range *a, const struct jinja_range *b)
{
    return a->n == b->n &&
           (a->n == 0 || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

bool jinja_equal(struct jinja_run *run, struct jinja_value a, struct jinja_value b, bool *equal)
{
    int order;
    if (!jinja_charge(run, 0)) return false;
    if (jinja_is_numeric(a) && jinja_is_numeric(b)) {
        *equal = compare_numbers(a, b, &order) && order == 0;
        return true;
    }
    *equal = false;
    if (a.kind != b.kind) return true;
    bool ok = true;
    switch (a.kind) {
    case JINJA_UNDEFINED:
    case JINJA_NONE: *equal = true; break;
    case JINJA_STRING:
        ok = jinja_charge(run, a.text->n_bytes);
        *equal = compare_texts(a.text, b.text) == 0;
        break;
    case JINJA_VIEW:
        if (a.view != b.view || a.view == VIEW_VALUES) break;
        return jinja_refuse(run, "comparing views of dicts is not supported");
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (!enter(run)) return false;
        ok = equal_lists(run, a.list, b.list, equal);
        run->depth--;
        break;
    case JINJA_DICT:
        if (!enter(run)) return false;
        ok = equal_dicts(run, a.dict, b.dict, equal);
        run->depth--;
        break;
    case JINJA_RANGE: *equal = equal_ranges(a.range, b.range); break;
    default: *equal = a.list == b.list; /* the same object */
    }
    return ok;
}

static bool compare_lists(struct jinja_run *run, const struct jinja_list *a,
                          const struct jinja_list *b, int *order)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        bool equal;
        if (!jinja_equal(run, a->items[i], b->items[i], &equal)) return false;
        if (!equal) return jinja_compare(run, a->items[i], b->items[i], order);
    }
    *order = (a->n > b->n) - (a->n < b->n);
    return true;
}

bool jinja_compare(struct jinja_run *run, struct jinja_value a, struct jinja_value b, int *order)
{
    if (!jinja_charge(run, 0)) return false;
    if (jinja_is_numeric(a) && jinja_is_numeric(b))
        return compare_numbers(a, b, order) || jinja_refuse(run, "nan has no order");
    if (jinja_is_string(a) && jinja_is_string(b)) {
        *order = compare_texts(a.text, b.text);
        return jinja_charge(run, a.text->n_bytes);
    }
    if (is_sequence_pair(a, b)) {
        if (!enter(run)) return false;
        bool ok = compare_lists(run, a.list, b.list, order);
        run->depth--;
        return ok;
    }
    return jinja_fail(run, "values of types %s and %s have no order", jinja_type_name(a),
                      jinja_type_name(b));
}
