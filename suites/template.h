/* template.h - the language in which task files say what a prompt is: text with {fields}, list
 * indexing and a few filters. docs/tasks.md describes it.
 *
 *   Question: {question | strip}\nAnswer:      {choices[0].text}      {{ is a brace
 *
 * A template that is one {...} and nothing else has the value of that, be it a list or a map.
 */
#ifndef PHIBENCH_SUITES_TEMPLATE_H
#define PHIBENCH_SUITES_TEMPLATE_H

#include "suites/value.h"

/* Owns parsed templates and their regular expressions; one thread at a time while it grows. */
struct templates;
struct templates *templates_new(struct err *err) __attribute__((warn_unused_result));
void templates_free(struct templates *owner);

/* Const after parsing, to be evaluated by many threads. */
struct template;

/* Parses a template; ERR_INPUT says at which character of the text the fault is. */
const struct template *template_parse(struct templates *owner, const char *text, struct err *err)
    __attribute__((warn_unused_result));

/* What names mean: maps that are looked through in order. */
struct scope {
    const struct value *const *maps; /* [n_maps] */
    size_t n_maps;
};

/* Evaluates the template; ERR_INPUT names the expression and what is wrong: no such field, a list
 * where a text is needed. What a filter did not find is NONE, which is a value for a template of
 * one expression and an error elsewhere. */
bool template_evaluate(const struct template *template, const struct scope *scope,
                       struct arena *arena, struct value *value, struct err *err)
    __attribute__((warn_unused_result));
/* Evaluates a template whose value must be one text; a number and a truth value are texts, too. */
bool template_text(const struct template *template, const struct scope *scope, struct arena *arena,
                   const char **text, struct err *err) __attribute__((warn_unused_result));

#endif
