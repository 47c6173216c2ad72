/* task_question.h - what a task's protocol makes of the fields of one record. Internal to
 * suites/task*.c.
 */
#ifndef PHIBENCH_SUITES_TASK_QUESTION_H
#define PHIBENCH_SUITES_TASK_QUESTION_H

#include "suites/task.h"

/* Strings live in the arena that they were made in. */
struct task_question {
    const char *prompt;
    const char *const *choices; /* [n_choices] with the delimiter before them */
    const char *const *stems;   /* [n_choices], NULL: none */
    size_t n_choices;
    size_t i_right;     /* the first right choice */
    size_t n_right;     /* right choices; 0 where there are none to choose among */
    const char *target; /* what follows the prompt and its stem where the question is an example */
    const char *expected; /* "C"; "A,B" of several right choices; a text, or one a line */
};

/* Makes the question of a record's fields; ERR_INPUT without a place says what they lack. */
bool task_question_make(const struct task_protocol *protocol, const struct scope *scope,
                        struct arena *arena, struct task_question *question, struct err *err)
    __attribute__((warn_unused_result));

/* What is scored must be something: after nothing, a model's next word is that of the prompt.
 * ERR_INPUT without a place. */
bool task_question_check(const struct task_question *question, struct err *err)
    __attribute__((warn_unused_result));

/* Whether the example reads like the question, white space aside, and answers it: what it gives for
 * an answer is among the question's choices, where there are such. */
bool task_question_is_example(const struct task_question *question,
                              const struct task_question *example);

/* Makes the value in a scope: a list of texts where it is a list of templates. */
bool task_value_make(const struct task_value *value, const struct scope *scope, struct arena *arena,
                     struct value *out, struct err *err) __attribute__((warn_unused_result));

/* Choices are named A to Z, and 27, 28 ... beyond. */
enum { CHOICE_NAME_BYTES = 24 };
void choice_name(size_t i_choice, char name[CHOICE_NAME_BYTES]);
/* Whether the list "A,C" has the choice. */
bool choice_is_named(const char *list, size_t i_choice);

/* suite->grade of every task. */
bool task_grade(const struct suite *suite, const char *protocol, const struct item *item,
                const struct response *response, struct verdict *verdict, struct err *err);
/* suite->load of every task. */
struct dataset *task_load(const struct suite *suite, const struct suite_options *options,
                          struct err *err);

/* What a data set of a task keeps. */
struct task_state {
    const struct task_protocol *protocol;
    const struct value *const *fields;   /* [n_items] maps: what the layout made of a record */
    const struct value *const *common;   /* [n_items] maps: what the item's subset adds */
    const struct value *const *examples; /* maps as fields */
    const uint32_t *draws;               /* [n_items][shots] positions in examples */
};
/* In draws: there is no further example for the item. */
#define TASK_NO_EXAMPLE UINT32_MAX

/* What an item's examples are drawn from: examples[first..first + n). */
struct task_pool {
    size_t first, n;
    size_t n_items;    /* consecutive items that draw from it */
    bool has_the_item; /* the pool is the data: an item is no example of itself */
};

/* What came of questions that were drawn as their own examples. */
struct task_own {
    struct own_examples counts;
    bool by_text; /* one was left out that lm-evaluation-harness would have shown */
};

/* Fills draws: [n_items of all pools][shots], and marks the items that were their own examples.
 * lm-evaluation-harness draws anew for each subset. */
bool task_draw(const struct task_state *state, const struct task_pool *pools, size_t n_pools,
               size_t shots, uint32_t *draws, struct item *items, struct task_own *own,
               struct err *err) __attribute__((warn_unused_result));

/* suite->request of every task. */
bool task_request(const struct dataset *dataset, size_t i_item, struct arena *arena,
                  struct request *request, struct err *err);

#endif
