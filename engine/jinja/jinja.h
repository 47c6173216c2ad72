/* jinja.h - chat templates: the part of Jinja2 that they use, rendered as `transformers` would.
 *
 * A template is compiled once; it is const from then on and may be rendered by many threads. What
 * it sees are the variables that its caller gives, and what it gives is text: it reaches no file,
 * clock or memory else, and steps, depth, memory and output are bounded. docs/jinja.md lists what
 * is run, what is refused by name, and where the result differs from Jinja2's.
 */
#ifndef PHIBENCH_ENGINE_JINJA_JINJA_H
#define PHIBENCH_ENGINE_JINJA_JINJA_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct jinja;

/* Compiles n bytes of UTF-8; `name` stands in messages where a file would. Errors have line and
 * column in the template: ERR_INPUT where Jinja2 sees a fault too, ERR_UNSUPPORTED for what it
 * knows and this interpreter does not. NULL on failure; freed with jinja_free. */
struct jinja *jinja_compile(const char *text, size_t n_bytes, const char *name, struct err *err)
    __attribute__((warn_unused_result));
void jinja_free(struct jinja *jinja);

/* The variables that a template sees. Values belong to the variables that made them and die with
 * them. A call that fails, or gets a NULL from one that failed, remembers the first error, which
 * jinja_render returns: a long sequence needs no checks. Const while it is rendered, so that
 * threads may share it.
 *     struct jinja_variables *variables = jinja_variables_new(&err);
 *     struct jinja_value *messages = jinja_new_list(variables);
 *     struct jinja_value *message = jinja_new_map(variables);
 *     jinja_put(variables, message, "role", jinja_new_string(variables, "user", 4));
 *     jinja_push(variables, messages, message);
 *     jinja_set(variables, "messages", messages);
 *
 * `transformers` sets messages, add_generation_prompt and the special tokens (bos_token, ...),
 * and both tools and documents, as none where there are none; any other name is undefined. */
struct jinja_variables;
struct jinja_value;
struct jinja_variables *jinja_variables_new(struct err *err) __attribute__((warn_unused_result));
void jinja_variables_free(struct jinja_variables *variables);
void jinja_set(struct jinja_variables *variables, const char *name,
               const struct jinja_value *value);

struct jinja_value *jinja_new_none(struct jinja_variables *variables);
struct jinja_value *jinja_new_bool(struct jinja_variables *variables, bool value);
struct jinja_value *jinja_new_integer(struct jinja_variables *variables, int64_t value);
struct jinja_value *jinja_new_number(struct jinja_variables *variables, double value);
/* A copy of n bytes of UTF-8. */
struct jinja_value *jinja_new_string(struct jinja_variables *variables, const char *text,
                                     size_t n_bytes);
struct jinja_value *jinja_new_list(struct jinja_variables *variables);
struct jinja_value *jinja_new_map(struct jinja_variables *variables);
/* The container holds the value as it is now: fill it before you put it somewhere. A key that is
 * there already gets the new value. */
void jinja_push(struct jinja_variables *variables, struct jinja_value *list,
                const struct jinja_value *value);
void jinja_put(struct jinja_variables *variables, struct jinja_value *map, const char *key,
               const struct jinja_value *value);

/* Bounds of one rendering; 0 stands for the default. */
struct jinja_options {
    const struct tm *now;   /* what strftime_now prints; NULL: a template that asks is refused */
    uint64_t maximum_steps; /* 20 million: nodes evaluated and bytes handled, by 32 */
    size_t maximum_memory_bytes; /* 512 MiB */
    size_t maximum_output_bytes; /* 64 MiB */
};

/* Appends what the template gives to out; options may be NULL. Errors have line and column in the
 * template: ERR_INPUT where Jinja2 would raise one, raise_exception's among them, ERR_UNSUPPORTED
 * for what is not run, ERR_CAPACITY past a bound. On failure out holds what it held before. */
bool jinja_render(const struct jinja *jinja, const struct jinja_variables *variables,
                  const struct jinja_options *options, struct buf *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
