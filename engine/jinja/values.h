/* values.h - what a template computes with: values as Python has them, and the state of one run.
 *
 * Values are small and copied; what they point to lives in the run's arena and is never changed
 * once another value may see it, but for namespaces, iterators, loops, cyclers and joiners. Every
 * function that takes a run and gives a bool fails with an error at the run's place.
 */
#ifndef PHIBENCH_ENGINE_JINJA_VALUES_H
#define PHIBENCH_ENGINE_JINJA_VALUES_H

#include "base/arena.h"
#include "engine/jinja/jinja.h"

enum jinja_kind {
    JINJA_MISSING, /* no value: a name not set yet, an argument not given */
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INTEGER,
    JINJA_NUMBER,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,
    JINJA_VIEW, /* what dict.keys(), values() and items() give */
    JINJA_RANGE,
    JINJA_ITERATOR, /* Python's generators: once through, then empty */
    JINJA_NAMESPACE,
    JINJA_MACRO,
    JINJA_FUNCTION,
    JINJA_METHOD,
    JINJA_LOOP,
    JINJA_CYCLER,
    JINJA_JOINER,
};
enum jinja_view { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };

struct jinja_text {
    const char *bytes; /* no zero at the end */
    size_t n_bytes, n_chars;
};

struct jinja_range {
    int64_t start, stop, step;
    size_t n;
};

struct jinja_value {
    enum jinja_kind kind;
    bool is_markup;       /* a string that is HTML already: str + markup escapes */
    bool is_group;        /* a tuple that groupby made: (grouper, list) */
    enum jinja_view view; /* of a JINJA_VIEW */
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *hint; /* of what is undefined: why */
        const struct jinja_text *text;
        struct jinja_list *list; /* of lists, tuples and views */
        struct jinja_dict *dict; /* of dicts and namespaces */
        struct jinja_range *range;
        struct jinja_iterator *iterator;
        struct jinja_macro *macro;
        const struct jinja_builtin *function;
        struct jinja_method *method;
        struct jinja_loop *loop;
        struct jinja_cycler *cycler;
        struct jinja_joiner *joiner;
    };
};

struct jinja_list {
    struct jinja_value *items;
    size_t n, capacity;
};

struct jinja_pair {
    struct jinja_value key, value;
};

/* In the order of insertion, as Python's. Keys are few: they are looked for one by one. */
struct jinja_dict {
    struct jinja_pair *pairs;
    size_t n, capacity;
};

struct jinja_cycler {
    struct jinja_list items;
    size_t position;
};

struct jinja_joiner {
    struct jinja_value separator;
    bool is_used;
};

/* The state of compiling or rendering: memory, bounds, and the place that errors name. */
struct jinja_run {
    struct arena *arena;
    struct err *err;
    const char *name; /* of the template */
    const char *text;
    size_t n_bytes;
    uint32_t at; /* the byte of the template that is compiled or rendered now */
    uint64_t steps_left;
    size_t maximum_memory_bytes;
    int depth;
    const struct jinja_dict *variables;
    const struct tm *now;
};

/* How deep brackets and blocks nest, how high an expression's tree is (a + b + c has one of 3), and
 * how deep nodes, calls and values nest when rendered. */
enum { JINJA_NODE_DEPTH = 100, JINJA_NODE_HEIGHT = 500, JINJA_CALL_DEPTH = 2000 };

/* ---- errors, memory, bounds: all false or NULL on failure */
bool jinja_fail(struct jinja_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool jinja_refuse(struct jinja_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool jinja_exhaust(struct jinja_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void *jinja_alloc(struct jinja_run *run, size_t n, size_t size);
/* Counts a step and the handling of n bytes; false once the bound is passed. */
bool jinja_charge(struct jinja_run *run, size_t n_bytes);
/* A buffer that cannot outgrow the run's memory. */
struct buf jinja_buffer(const struct jinja_run *run);

/* ---- making values */
struct jinja_value jinja_bool(bool value);
struct jinja_value jinja_integer(int64_t value);
struct jinja_value jinja_number(double value);
struct jinja_value jinja_none(void);
struct jinja_value jinja_undefined(const char *hint); /* the hint is not copied */
/* The bytes are not copied. */
bool jinja_text_of(struct jinja_run *run, const char *bytes, size_t n_bytes,
                   struct jinja_value *out);
bool jinja_text_copy(struct jinja_run *run, const char *bytes, size_t n_bytes,
                     struct jinja_value *out);
/* The string that the buffer holds, which is freed either way. */
bool jinja_text_take(struct jinja_run *run, struct buf *buf, struct jinja_value *out);
bool jinja_list_new(struct jinja_run *run, enum jinja_kind kind, size_t capacity,
                    struct jinja_value *out);
bool jinja_list_push(struct jinja_run *run, struct jinja_list *list, struct jinja_value value);
bool jinja_pair_of(struct jinja_run *run, struct jinja_value first, struct jinja_value second,
                   struct jinja_value *out);
bool jinja_dict_new(struct jinja_run *run, struct jinja_value *out);
bool jinja_dict_set(struct jinja_run *run, struct jinja_dict *dict, struct jinja_value key,
                    struct jinja_value value);
/* Finds by Python's equality; *found is NULL where there is none. An unhashable key fails. */
bool jinja_dict_find(struct jinja_run *run, const struct jinja_dict *dict, struct jinja_value key,
                     const struct jinja_value **found);
const struct jinja_value *jinja_dict_find_text(const struct jinja_dict *dict, const char *bytes,
                                               size_t n_bytes);

/* ---- looking at values */
bool jinja_is_string(struct jinja_value value);
bool jinja_is_integral(struct jinja_value value); /* integers and booleans, as in Python */
bool jinja_is_numeric(struct jinja_value value);
int64_t jinja_as_integer(struct jinja_value value); /* of what is integral */
double jinja_as_number(struct jinja_value value);   /* of what is numeric */
bool jinja_is_hashable(struct jinja_value value);
bool jinja_text_is(const struct jinja_text *text, const char *expected);
const char *jinja_type_name(struct jinja_value value);
bool jinja_truth(struct jinja_value value);
/* Whether Python's len() takes it, and what that gives. */
bool jinja_length(struct jinja_value value, size_t *n);
bool jinja_equal(struct jinja_run *run, struct jinja_value a, struct jinja_value b, bool *equal);
/* *order is below, at or above 0; fails where Python cannot order. */
bool jinja_compare(struct jinja_run *run, struct jinja_value a, struct jinja_value b, int *order);
/* Where the character begins that has this index; n_bytes for the end. */
size_t jinja_text_offset(const struct jinja_text *text, size_t i_char);

/* ---- text of values */
bool jinja_append_str(struct jinja_run *run, struct buf *out, struct jinja_value value);
bool jinja_append_repr(struct jinja_run *run, struct buf *out, struct jinja_value value);
/* The string that str() gives; strings stay what they are. */
bool jinja_to_string(struct jinja_run *run, struct jinja_value value, struct jinja_value *out);
void jinja_append_number(struct buf *out, double value); /* as Python's repr of a float */

#endif
