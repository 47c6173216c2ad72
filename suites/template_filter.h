/* template_filter.h - the filters of templates: what may stand after a | in {field | filter('x')}.
 *
 * Internal to suites/template*.c.
 */
#ifndef PHIBENCH_SUITES_TEMPLATE_FILTER_H
#define PHIBENCH_SUITES_TEMPLATE_FILTER_H

#include "base/regex.h"
#include "suites/value.h"

enum { FILTER_MAX_ARGUMENTS = 2 };

struct filter_input {
    const struct value *value;
    const struct value *arguments; /* [n_arguments of the filter] */
    const struct regex *regex;     /* the first argument, where the filter takes one */
    struct arena *arena;
};

struct filter {
    const char *name;
    size_t n_arguments;
    bool each;        /* a filter of texts, which takes every element of a list; NONE stays NONE */
    bool takes_regex; /* its first argument, a literal, is a regular expression */
    bool (*apply)(const struct filter_input *input, struct value *out, struct err *err);
};

/* The filter of that name, NULL if there is none. */
const struct filter *filter_find(const char *name);
/* The names of all filters, as in "strip, lower", for messages. */
void filter_list(struct buf *out);

/* Applies the filter, to each text of a list where it is a filter of texts. */
bool filter_apply(const struct filter *filter, const struct filter_input *input, struct value *out,
                  struct err *err) __attribute__((warn_unused_result));

#endif
