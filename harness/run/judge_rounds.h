/* judge_rounds.h - asks a judge, in windows of calls, and asks again where a reply holds no score.
 *
 * Owns what a reply is worth and how often a judge is asked. Knows neither what is judged nor where
 * replies are kept: judge.c puts them into the store, phibench mt-bench into FastChat's files.
 */
#ifndef PHIBENCH_HARNESS_RUN_JUDGE_ROUNDS_H
#define PHIBENCH_HARNESS_RUN_JUDGE_ROUNDS_H

#include "harness/run/mt_speaker.h"

/* How often a server is asked until its reply holds a score. */
enum { JUDGE_MOST_REPLIES = 2 };

/* What a judge is to be asked once: its opinion of an answer, or a game of two answers. */
struct judge_call {
    struct request request;
    const char *prompt_name; /* judging_is_pair says whether it is a game */
    const char *key;         /* judge_call_key; NULL: nobody is asked */
    bool is_b;               /* of a game: the answer that gets the score is assistant B's */
    bool is_judged;          /* there is a score: it is not asked */
    double score;            /* in the reply: 1 to 10; of a game 1, 0.5 or 0; or FASTCHAT_MISSING */
    bool score_is_whole;
};

/* Where replies go: in the order of the calls, with their scores read; "" where the request did not
 * fit the judge's context. is_last: the call is not asked again. The sink may set is_judged of this
 * call, and of those before it in its window, as it likes. */
typedef bool judge_reply_fn(void *context, size_t i_call, const struct response *response,
                            bool is_last, struct err *err);

/* SHA-256, in the arena, of what a request sends and where to: its messages, how a reply is drawn,
 * and the base_url and model of the options, in which a model of this machine is known by the hash
 * of its weights. server: server_describe of the judge behind one; NULL: a model of this machine.
 */
const char *judge_call_key(const struct api_options *judge, const char *server,
                           const struct request *request, struct arena *arena, struct err *err);

/* Whether a call is not judged. */
bool judge_rounds_are_open(const struct judge_call *calls, size_t n);

/* Asks every call that is not judged; a server up to JUDGE_MOST_REPLIES times, a model of this
 * machine, which would say the same again, once. Calls that stand two by two in `calls`, open both
 * or neither, share a window. */
bool judge_rounds_ask(const struct mt_speaker *judge, struct judge_call *calls, size_t n,
                      judge_reply_fn *reply, void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
