/* fastchat.h - FastChat's files of MT-bench, read and written as they are: one JSON object a line,
 * as Python's json.dumps writes them.
 *
 * What was read is written back byte for byte: members in FastChat's order, and those that it does
 * not have itself after them. Only a score that a judge's reasoning holds is read as if it were not
 * there (judging_correct). Everything read lives in the arena. Faults are ERR_INPUT with file
 * and line. Source: lm-sys/FastChat, fastchat/llm_judge. Thread-safe on arenas of one's own.
 */
#ifndef PHIBENCH_SUITES_FASTCHAT_H
#define PHIBENCH_SUITES_FASTCHAT_H

#include "base/arena.h"
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* A question's id, a number or a text: written back as it was read. 11 and "11" are the same. */
struct fastchat_id {
    const char *text;
    bool is_text; /* it stands in quotes */
};
bool fastchat_same_id(struct fastchat_id a, struct fastchat_id b);

struct fastchat_texts {
    const char *const *items;
    size_t n;
};

/* A line of question.jsonl. */
struct fastchat_question {
    struct fastchat_id id;
    const char *category;
    struct fastchat_texts turns, references; /* references: answers that the file itself gives */
    const char *rest; /* members that are not FastChat's, as they stand in the line; "" */
    int line;         /* 1-based */
};

/* A line of model_answer/MODEL.jsonl or reference_answer/JUDGE.jsonl. */
struct fastchat_choice {
    int64_t index;
    struct fastchat_texts turns;
    /* Ours: for each turn why there is no answer to it, "" where there is; none: all are answers.
     * FastChat, which passes over the member, reads an empty turn. */
    struct fastchat_texts failures;
};
struct fastchat_answer {
    struct fastchat_id question;
    const char *id, *model;
    const struct fastchat_choice *choices; /* [n_choices] */
    size_t n_choices;
    double unix_s;
    const char *rest;
    int line;
};

/* A line of judge_prompts.jsonl. */
struct fastchat_prompt {
    const char *name, *type, *system, *template, *description, *category, *output_format;
    const char *rest;
    int line;
};

/* A line of model_judgment/JUDGE_single.jsonl, or of JUDGE_pair.jsonl, which is two games, the
 * second with the answers in the other order. */
enum {
    FASTCHAT_MISSING = -1, /* the score of a judgment in which none was found */
    FASTCHAT_LEAST = 1,    /* the scale of scores, fractions allowed */
    FASTCHAT_MOST = 10
};
struct fastchat_judgment {
    struct fastchat_id question;
    bool is_pair;
    const char *models[2]; /* [1]: of a pair only */
    const char *judge, *prompt_name;
    const char *user_prompts[2], *judgments[2]; /* by game */
    const char *winners[2]; /* of a pair: "model_1", "model_2", "tie", "error" */
    double score;           /* of a single one, as it stands in the file */
    bool score_is_whole;    /* written 8, not 8.0 */
    int64_t turn;           /* 1 or 2 */
    double unix_s;
    const char *rest;
    int line;
};

/* Whether the number lies on the scale. */
bool fastchat_is_score(double number);
/* Whether the judgment has a score on the scale, or a winner in both of its games. */
bool fastchat_has_score(const struct fastchat_judgment *judgment);
/* Whether both are of the same answer, or pair of answers, whoever judged. */
bool fastchat_is_same_answer(const struct fastchat_judgment *a, const struct fastchat_judgment *b);

/* Why the choice has no answer to the turn, from 0; NULL if it has one. */
const char *fastchat_failure(const struct fastchat_choice *choice, size_t i_turn);

/* What was borne with in a list's files; whoever read them tells. */
struct fastchat_damage {
    size_t n_repaired; /* lines with what no text has, halves of surrogate pairs, now U+FFFD */
    const char *repaired_file;
    int repaired_line; /* the first such line */
    size_t n_torn;     /* last lines that a killed program left: passed over */
    const char *torn_file;
    int torn_line;
};
struct fastchat_questions {
    struct fastchat_question *items;
    size_t n;
    struct fastchat_damage damage;
};
struct fastchat_answers {
    struct fastchat_answer *items;
    size_t n;
    struct fastchat_damage damage;
};
struct fastchat_prompts {
    struct fastchat_prompt *items;
    size_t n;
    struct fastchat_damage damage;
};
struct fastchat_judgments {
    struct fastchat_judgment *items;
    size_t n;
    struct fastchat_damage damage;
};
/* False, with an error at its place, if a line was torn: for who cannot tell of it. */
bool fastchat_check_whole(const struct fastchat_damage *damage, struct err *err)
    __attribute__((warn_unused_result));

/* These read a whole file and append its items to the list, so that several files make one. What
 * Python's json writes and no text has is repaired. A torn last line is passed over in answers and
 * judgments, which grow line by line, and an error in the others. */
bool fastchat_read_questions(const char *path, struct arena *arena, struct fastchat_questions *list,
                             struct err *err) __attribute__((warn_unused_result));
bool fastchat_read_answers(const char *path, struct arena *arena, struct fastchat_answers *list,
                           struct err *err) __attribute__((warn_unused_result));
bool fastchat_read_prompts(const char *path, struct arena *arena, struct fastchat_prompts *list,
                           struct err *err) __attribute__((warn_unused_result));
/* Single and pairwise judgments are told apart line by line. */
bool fastchat_read_judgments(const char *path, struct arena *arena, struct fastchat_judgments *list,
                             struct err *err) __attribute__((warn_unused_result));
/* These read a text in memory alike; path is the name for messages, copied. */
bool fastchat_parse_questions(const char *path, const char *text, size_t n_bytes,
                              struct arena *arena, struct fastchat_questions *list, struct err *err)
    __attribute__((warn_unused_result));
bool fastchat_parse_answers(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                            struct fastchat_answers *list, struct err *err)
    __attribute__((warn_unused_result));
bool fastchat_parse_prompts(const char *path, const char *text, size_t n_bytes, struct arena *arena,
                            struct fastchat_prompts *list, struct err *err)
    __attribute__((warn_unused_result));
bool fastchat_parse_judgments(const char *path, const char *text, size_t n_bytes,
                              struct arena *arena, struct fastchat_judgments *list, struct err *err)
    __attribute__((warn_unused_result));

/* Takes judgments from the list that stand in it before, word for word and of the same time, as
 * where files overlap; gives their number. */
size_t fastchat_drop_duplicates(struct fastchat_judgments *list);

/* These append one line with its '\n'; a rest of NULL adds no members. */
void fastchat_write_question(const struct fastchat_question *question, struct buf *out);
void fastchat_write_answer(const struct fastchat_answer *answer, struct buf *out);
void fastchat_write_prompt(const struct fastchat_prompt *prompt, struct buf *out);
void fastchat_write_judgment(const struct fastchat_judgment *judgment, struct buf *out);

/* These give the item of the list, NULL if there is none. */
const struct fastchat_question *fastchat_find_question(const struct fastchat_questions *list,
                                                       struct fastchat_id id);
const struct fastchat_answer *fastchat_find_answer(const struct fastchat_answers *list,
                                                   struct fastchat_id id);
const struct fastchat_prompt *fastchat_find_prompt(const struct fastchat_prompts *list,
                                                   const char *name);

#endif
