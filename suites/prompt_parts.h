/* prompt_parts.h - a prompt as the parts that it is made of: what is to be done, questions, answers
 * and what stands between them. One list becomes a text, or a conversation in a model's format.
 *
 * Both are those of lm-evaluation-harness (api/task.py, fewshot_context): in a chat the description
 * is the system message; examples are turns of their own, or stand in one turn as in the text.
 */
#ifndef PHIBENCH_SUITES_PROMPT_PARTS_H
#define PHIBENCH_SUITES_PROMPT_PARTS_H

#include "suites/suite.h"

enum prompt_part_kind {
    PART_DESCRIPTION, /* the system message of a chat */
    PART_QUESTION,    /* several in a row are one */
    PART_ANSWER,
    PART_BETWEEN /* in a text, and where all examples are one turn */
};

/* Parts in their order: description, examples, and from the last end of an example on the question.
 * Lives in the arena. */
struct prompt_parts {
    struct arena *arena;
    struct prompt_part {
        enum prompt_part_kind kind;
        const char *text;
    } * parts; /* [n] */
    size_t n, capacity;
    size_t *ends; /* [n_ends] ends[k]: parts up to the end of the k-th example; 0: of none */
    size_t n_ends, ends_capacity;
};

/* The text must live as long as the arena. */
bool prompt_parts_add(struct prompt_parts *parts, enum prompt_part_kind kind, const char *text,
                      struct err *err) __attribute__((warn_unused_result));
/* What was added so far stands before the first example, or ends one. */
bool prompt_parts_end(struct prompt_parts *parts, struct err *err)
    __attribute__((warn_unused_result));

/* Fills in the request's prompts, or its system message and conversations where the chat is asked:
 * n_prompts of them, each with one example fewer than the one before. separator: between the user's
 * system text and the description. */
bool prompt_parts_make(const struct prompt_parts *parts, const struct suite_chat *chat,
                       const char *separator, size_t n_prompts, struct request *request,
                       struct err *err) __attribute__((warn_unused_result));

#endif
