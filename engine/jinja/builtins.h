/* builtins.h - filters, tests, methods and global functions: how they are described and called.
 *
 * Each is a row of a table: its name, its parameters as Python's signature has them, and a function
 * that finds the arguments bound to the parameters. A row without a function is known to Jinja2 and
 * refused by name.
 */
#ifndef PHIBENCH_ENGINE_JINJA_BUILTINS_H
#define PHIBENCH_ENGINE_JINJA_BUILTINS_H

#include "engine/jinja/values.h"

enum { JINJA_PARAMETERS = 6 };

struct jinja_arguments {
    struct jinja_list positional;
    struct jinja_dict named;
};

struct jinja_invocation {
    struct jinja_run *run;
    const struct jinja_builtin *builtin;
    struct jinja_value self;                    /* what is filtered, tested or has the method */
    struct jinja_value bound[JINJA_PARAMETERS]; /* JINJA_MISSING where none was given */
    const struct jinja_arguments *arguments;    /* as they were given */
    struct jinja_value *out;
};
typedef bool jinja_builtin_fn(struct jinja_invocation *call);

struct jinja_builtin {
    const char *name;
    jinja_builtin_fn *function;
    int n_required;
    /* "a,b": by position or name; "/a,b": by position only; "*": the function looks itself. */
    const char *parameters;
    int variant; /* for functions that several rows share */
};

struct jinja_method {
    struct jinja_value self;
    const struct jinja_builtin *builtin;
};

/* Rows by name; NULL where Jinja2 has none either. */
const struct jinja_builtin *jinja_find_filter(const char *name, size_t n_bytes);
const struct jinja_builtin *jinja_find_test(const char *name, size_t n_bytes);
const struct jinja_builtin *jinja_find_global(const char *name, size_t n_bytes);
const struct jinja_builtin *jinja_find_method(struct jinja_value self, const char *name,
                                              size_t n_bytes);
const struct jinja_builtin *jinja_find_row(const struct jinja_builtin *rows, size_t n,
                                           const char *name, size_t n_bytes);

extern const struct jinja_builtin JINJA_TEXT_FILTERS[], JINJA_LIST_FILTERS[], JINJA_PICK_FILTERS[],
    JINJA_STRING_METHODS[];
extern const size_t JINJA_N_TEXT_FILTERS, JINJA_N_LIST_FILTERS, JINJA_N_PICK_FILTERS,
    JINJA_N_STRING_METHODS;

/* Binds the arguments and calls. */
bool jinja_invoke(struct jinja_run *run, const struct jinja_builtin *builtin,
                  struct jinja_value self, const struct jinja_arguments *arguments,
                  struct jinja_value *out);

/* Arguments of an invocation as C has them; the default where none, or where none of the value none
 * counts as missing, was given. Fail where Python would: wrong type. */
bool jinja_integer_argument(struct jinja_invocation *call, int i, int64_t otherwise, int64_t *out);
bool jinja_truth_argument(struct jinja_invocation *call, int i, bool otherwise);
/* A string, which other types are not. */
bool jinja_string_argument(struct jinja_invocation *call, int i, const struct jinja_text **out);
bool jinja_is_given(const struct jinja_invocation *call, int i); /* and not none */

/* ---- callables with a state */
struct jinja_node;
struct jinja_frame;

struct jinja_macro {
    const struct jinja_text *name; /* NULL: the body of a call block */
    const struct jinja_node *node;
    struct jinja_frame *frame; /* the one it was defined in */
};

#endif
