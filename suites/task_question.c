/* task_question.c - see task_question.h: a protocol's templates over the fields of a record.
 *
 * Everything that a request, an example or a check of the data needs is made here, so that the
 * three cannot disagree.
 */
#include "suites/task_question.h"

#include "base/letter_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void choice_name(size_t i_choice, char name[CHOICE_NAME_BYTES])
{
    if (i_choice < 26) snprintf(name, CHOICE_NAME_BYTES, "%c", (char)('A' + i_choice));
    else snprintf(name, CHOICE_NAME_BYTES, "%zu", i_choice + 1);
}

bool choice_is_named(const char *list, size_t i_choice)
{
    char name[CHOICE_NAME_BYTES];
    choice_name(i_choice, name);
    size_t n_name = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strcspn(at, ",") == n_name && !memcmp(at, name, n_name)) return true;
    }
    return false;
}

bool task_value_make(const struct task_value *value, const struct scope *scope, struct arena *arena,
                     struct value *out, struct err *err)
{
    if (!value->is_list) return template_evaluate(value->templates[0], scope, arena, out, err);
    struct value *items = arena_alloc(arena, value->n, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < value->n; i++) {
        const char *text;
        if (!template_text(value->templates[i], scope, arena, &text, err)) return false;
        items[i] = value_text(text);
    }
    *out = (struct value){.kind = VALUE_LIST, .items = items, .n = value->n};
    return true;
}

/* Makes the texts of a list, each with `before` before it. */
static bool make_texts(const struct task_value *value, const char *what, const char *before,
                       const struct scope *scope, struct arena *arena, const char *const **texts,
                       size_t *n, struct err *err)
{
    struct value list;
    if (!task_value_make(value, scope, arena, &list, err)) return err_context(err, "%s", what);
    if (list.kind != VALUE_LIST || !list.n)
        return err_set(err, ERR_INPUT, "%s must be a list, and this is %s", what,
                       list.kind == VALUE_LIST ? "an empty one" : value_kind_name(&list));
    const char **out = arena_alloc(arena, list.n, sizeof *out, err);
    for (size_t i = 0; out && i < list.n; i++) {
        if (!list.items[i].text)
            return err_set(err, ERR_INPUT, "%s: element %zu is %s, and a text is needed", what, i,
                           value_kind_name(&list.items[i]));
        if (!(out[i] = arena_printf(arena, err, "%s%s", before, list.items[i].text))) return false;
    }
    *texts = out;
    *n = list.n;
    return out != NULL;
}

/* ---- Right answers ---- */

static bool add_right(struct task_question *question, size_t i, struct arena *arena,
                      struct err *err)
{
    char name[CHOICE_NAME_BYTES];
    choice_name(i, name);
    if (!question->n_right++) question->i_right = i;
    question->expected = question->expected
                             ? arena_printf(arena, err, "%s,%s", question->expected, name)
                             : arena_string(arena, name, err);
    return question->expected != NULL;
}

/* Reads which choices are right from a list of 0 and 1, one for each choice. */
static bool read_flags(const struct value *flags, struct arena *arena,
                       struct task_question *question, struct err *err)
{
    if (flags->n != question->n_choices)
        return err_set(err, ERR_INPUT, "the answer has %zu marks for %zu choices", flags->n,
                       question->n_choices);
    for (size_t i = 0; i < flags->n; i++) {
        const char *text = flags->items[i].text ? flags->items[i].text : "";
        bool is_right = !strcmp(text, "1") || !strcmp(text, "true");
        if (!is_right && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
            return err_set(err, ERR_INPUT, "the answer's mark %zu is neither 0 nor 1", i);
        if (is_right && !add_right(question, i, arena, err)) return false;
    }
    return question->expected || err_set(err, ERR_INPUT, "the answer marks no choice as right");
}

static bool read_right_choice(const struct value *answer, struct arena *arena,
                              struct task_question *question, struct err *err)
{
    if (answer->kind == VALUE_LIST) return read_flags(answer, arena, question, err);
    if (!answer->text)
        return err_set(err, ERR_INPUT, "the answer is %s, not the position of a choice",
                       value_kind_name(answer));
    char *end;
    double position = answer->kind == VALUE_BOOL ? answer->number : strtod(answer->text, &end);
    if (answer->kind != VALUE_BOOL && (end == answer->text || *end)) position = -1;
    if (!(position >= 0 && position < (double)question->n_choices && position == floor(position)))
        return err_set(err, ERR_INPUT,
                       "the answer is \"%.80s\", not the position of one of %zu choices (the first "
                       "is 0)",
                       answer->text, question->n_choices);
    return add_right(question, (size_t)position, arena, err);
}

static bool read_right_texts(const struct value *answer, struct arena *arena,
                             struct task_question *question, struct err *err)
{
    const struct value *items = answer->kind == VALUE_LIST ? answer->items : answer;
    size_t n = answer->kind == VALUE_LIST ? answer->n : 1;
    for (size_t i = 0; i < n; i++) {
        const char *text = items[i].text;
        if (!text || strchr(text, '\n'))
            return err_set(err, ERR_INPUT, "the answer is %s, and a text of one line is needed",
                           text ? "a text of several lines" : value_kind_name(&items[i]));
        question->expected = question->expected
                                 ? arena_printf(arena, err, "%s\n%s", question->expected, text)
                                 : arena_string(arena, text, err);
        if (!question->expected) return false;
    }
    return question->expected || err_set(err, ERR_INPUT, "there is no answer");
}

/* ---- The question ---- */

static bool make_choices(const struct task_protocol *protocol, const struct scope *scope,
                         struct arena *arena, struct task_question *question, struct err *err)
{
    size_t n_stems;
    struct value answer;
    if (!make_texts(&protocol->choices, "choices", protocol->delimiter, scope, arena,
                    &question->choices, &question->n_choices, err) ||
        !template_evaluate(protocol->answer, scope, arena, &answer, err) ||
        !read_right_choice(&answer, arena, question, err))
        return false;
    question->target = question->choices[question->i_right];
    if (!protocol->stems.n) return true;
    if (!make_texts(&protocol->stems, "stems", "", scope, arena, &question->stems, &n_stems, err))
        return false;
    return n_stems == question->n_choices ||
           err_set(err, ERR_INPUT, "%zu stems for %zu choices", n_stems, question->n_choices);
}

static bool make_continuation(const struct task_protocol *protocol, const struct scope *scope,
                              struct arena *arena, struct task_question *question, struct err *err)
{
    const char **choice = arena_alloc(arena, 1, sizeof *choice, err);
    const char *text;
    if (!choice || !template_text(protocol->continuation, scope, arena, &text, err)) return false;
    choice[0] = arena_printf(arena, err, "%s%s", protocol->delimiter, text);
    question->choices = choice;
    question->n_choices = 1;
    question->expected = text;
    question->target = choice[0];
    return choice[0] != NULL;
}

static bool make_generation(const struct task_protocol *protocol, const struct scope *scope,
                            struct arena *arena, struct task_question *question, struct err *err)
{
    struct value answer;
    const char *target;
    if (!template_evaluate(protocol->answer, scope, arena, &answer, err) ||
        !read_right_texts(&answer, arena, question, err) ||
        !template_text(protocol->target ? protocol->target : protocol->answer, scope, arena,
                       &target, err))
        return false;
    question->target = arena_printf(arena, err, "%s%s", protocol->delimiter, target);
    return question->target != NULL;
}

bool task_question_make(const struct task_protocol *protocol, const struct scope *scope,
                        struct arena *arena, struct task_question *question, struct err *err)
{
    *question = (struct task_question){0};
    if (!template_text(protocol->prompt, scope, arena, &question->prompt, err)) return false;
    switch (protocol->kind) {
    case TASK_CHOICES: return make_choices(protocol, scope, arena, question, err);
    case TASK_CONTINUATION: return make_continuation(protocol, scope, arena, question, err);
    case TASK_GENERATE: return make_generation(protocol, scope, arena, question, err);
    }
    return false;
}

bool task_question_check(const struct task_question *question, struct err *err)
{
    for (size_t i = 0; i < question->n_choices; i++)
        if (!*question->choices[i])
            return err_set(err, ERR_INPUT,
                           "choices: element %zu is empty, and the delimiter before it, too: there "
                           "is nothing to score",
                           i);
    return true;
}

bool task_question_is_example(const struct task_question *question,
                              const struct task_question *example)
{
    size_t n_stems = question->stems ? question->n_choices : 0, i = 0;
    if (!letter_same_words(question->prompt, example->prompt)) return false;
    if (n_stems && example->n_choices != n_stems) return false;
    for (size_t k = 0; k < n_stems; k++)
        if (!letter_same_words(question->stems[k], example->stems[k])) return false;
    while (i < question->n_choices && !letter_same_words(question->choices[i], example->target))
        i++;
    return i < question->n_choices || !question->n_choices;
}

const struct task_protocol *task_find_protocol(const struct task *task, const char *name)
{
    for (size_t i = 0; i < task->n_protocols; i++)
        if (protocol_is(name, task->task_protocols[i].name)) return &task->task_protocols[i];
    return NULL;
}
