/* mt_commands.h - the three things that phibench mt-bench does, and the options that they take.
 *
 * Internal to cmd_mt_bench.c, which parses, and mt_*.c, which do it.
 */
#ifndef PHIBENCH_HARNESS_CLI_MT_COMMANDS_H
#define PHIBENCH_HARNESS_CLI_MT_COMMANDS_H

#include "harness/cli/model_options.h"
#include "harness/run/mt_speaker.h"
#include "suites/fastchat.h"

struct mt_options {
    struct model_arguments common; /* the model that answers or judges */
    struct text_list judgments, answers, api_settings;
    const char *api, *api_model, *key_env; /* or a server that does */
    int64_t n_concurrent, n_retries;
    double timeout_s;
    const char *data; /* a folder that has what no other option names */
    const char *questions, *references, *prompts, *baseline, *against, *rule, *id, *out;
    int64_t limit, n_choices, n_new, repeat;
    bool json;
};

/* Reads judgments, and says what they come to. */
bool mt_show_summary(const struct invocation *invocation, const struct mt_options *options,
                     struct err *err) __attribute__((warn_unused_result));
/* Answer the questions, or judge answers, into the file --out: what stands there already is not
 * done again. */
bool mt_answer(const struct invocation *invocation, const struct mt_options *options,
               struct err *err) __attribute__((warn_unused_result));
bool mt_judge(const struct invocation *invocation, const struct mt_options *options,
              struct err *err) __attribute__((warn_unused_result));

/* What FastChat's files call the model of the options: --id, or the file's name;
 * NULL with ERR_USAGE if no model is named. */
const char *mt_speaker_name(const struct mt_options *options, struct err *err);
/* Opens the model or the server that the options name. */
bool mt_speaker_open(const struct invocation *invocation, const struct mt_options *options,
                     struct mt_speaker *speaker, struct err *err)
    __attribute__((warn_unused_result));

/* Warns of what was borne with in a list's files. */
void mt_say_damage(const struct fastchat_damage *damage, const struct log *log);

#endif
