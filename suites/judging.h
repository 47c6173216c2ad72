/* judging.h - what a judge of MT-bench is asked and how its reply is read, by FastChat's rules; and
 * a rule that needs no judge.
 *
 * Pure: who asks a judge is the harness. Source: lm-sys/FastChat, fastchat/llm_judge/common.py and
 * gen_model_answer.py; Zheng et al. 2023, "Judging LLM-as-a-judge with MT-bench and Chatbot Arena".
 * Thread-safe.
 */
#ifndef PHIBENCH_SUITES_JUDGING_H
#define PHIBENCH_SUITES_JUDGING_H

#include "suites/fastchat.h"
#include "suites/request.h"

enum { JUDGING_TURNS = 2, JUDGING_MAX_TOKENS = 2048 /* of a judge's reply */ };

/* The temperature that answers of a category are drawn with; 0.7 for one that FastChat does not
 * know. */
double judging_temperature(const char *category);
/* Whether the judge is shown a reference answer: math, reasoning and coding. */
bool judging_has_reference(const char *category);
/* The name of the prompt for a category and turn (1 or 2), such as "pair-math-v1-multi-turn". */
const char *judging_prompt_name(bool is_pair, const char *category, int turn);

/* What the fields of a prompt stand for. */
struct judging_case {
    const char *questions[JUDGING_TURNS];
    const char *references[JUDGING_TURNS]; /* NULL: none */
    const char *answers[2][JUDGING_TURNS]; /* [0] the answer, or that of assistant A; [1] of B */
};
/* Appends the template with its fields replaced, as Python's str.format does. ERR_INPUT for a field
 * that is unknown or that the case lacks. */
bool judging_render(const struct fastchat_prompt *prompt, const struct judging_case *judged,
                    struct buf *out, struct err *err) __attribute__((warn_unused_result));
/* What a judge is asked with that prompt, in the arena; max_new_tokens is left to the caller. */
bool judging_request(const struct fastchat_prompt *prompt, const struct judging_case *judged,
                     struct arena *arena, struct request *request, struct err *err)
    __attribute__((warn_unused_result));

/* What a judge says to itself before its opinion (reasoning.h) is nowhere read. */

/* The number in the first "[[8]]", else in the first "[8]"; FASTCHAT_MISSING without one and where
 * it is not on the scale. *is_whole (may be NULL): it was written without a point. */
double judging_read_score(const char *reply, bool *is_whole);
/* 'A', 'B', 'C' (a tie), or 0 if the reply has none of "[[A]]", "[[B]]" and "[[C]]". */
char judging_read_winner(const char *reply);

/* What one of two answers gets for its game: 1 if it is the winner, 0.5, 0, or FASTCHAT_MISSING;
 * is_b: it is assistant B's. */
double judging_read_win(const char *reply, bool is_b);
/* Reads score or winners of a judgment from a file again where its text holds reasoning: whoever
 * wrote the file may have found them there. */
void judging_correct(struct fastchat_judgment *judgment);
/* Whether a prompt of that name compares two answers. */
bool judging_is_pair(const char *prompt_name);

/* The points of a rule that needs no judge, for demonstrations: 1 + 9 F1 to the nearest hundredth,
 * where F1 compares the words of answer and reference, whatever their case, punctuation and order.
 * That is 10 for the same words, 1 for none in common or where memory is short. */
double judging_match_reference(const char *answer, const char *reference);

#endif
