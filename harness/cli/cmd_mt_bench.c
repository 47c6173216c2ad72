/* cmd_mt_bench.c - phibench mt-bench: answers, judgments and summaries of MT-bench in FastChat's
 * files.
 *
 * Owns the options; what is done with them stands in mt_*.c.
 */
#include "base/arena.h"
#include "base/file.h"
#include "harness/cli/commands.h"
#include "harness/cli/mt_commands.h"
#include "suites/mt_bench.h"

#include <string.h>

#define OPTION_FILE(name, help, field)                                                             \
    {                                                                                              \
        name, 0, OPTION_TEXT, "FILE", help, offsetof(struct mt_options, field), 0, 0, 0            \
    }

static const struct option_spec OPTIONS[] = {
    {"data", 'd', OPTION_TEXT, "FOLDER",
     "folder with question.jsonl, judge_prompts.jsonl and reference_answer/",
     offsetof(struct mt_options, data), 0, 0, 0},
    OPTION_FILE("questions", "question.jsonl", questions),
    {"answers", 'a', OPTION_LIST, "FILE", "judge: answers to be judged",
     offsetof(struct mt_options, answers), 0, 0, 0},
    OPTION_FILE("references", "judge: reference answers", references),
    OPTION_FILE("prompts", "judge: judge_prompts.jsonl", prompts),
    OPTION_FILE("baseline", "judge: compare in pairs, in both orders, with these answers",
                baseline),
    {"rule", 0, OPTION_TEXT, "NAME", "judge: by a rule and no judge: reference-match",
     offsetof(struct mt_options, rule), 0, 0, 0},
    {"repeat", 0, OPTION_INTEGER, "K", "judge: judge each answer K times",
     offsetof(struct mt_options, repeat), 1, 1000, 1},
    {"judgments", 0, OPTION_LIST, "FILE", "summarize: judgments, single or pairwise",
     offsetof(struct mt_options, judgments), 0, 0, 0},
    OPTION_FILE("against", "summarize: how far these judgments agree", against),
    {"out", 'o', OPTION_TEXT, "FILE", "answer, judge: file to append to",
     offsetof(struct mt_options, out), 0, 0, 0},
    {"id", 0, OPTION_TEXT, "NAME", "answer, judge: what the files call the model",
     offsetof(struct mt_options, id), 0, 0, 0},
    {"choices", 0, OPTION_INTEGER, "N", "answer: answers to each question",
     offsetof(struct mt_options, n_choices), 1, 1000, 1},
    {NULL, 'n', OPTION_INTEGER, "N", "new tokens at most; default 1024, of a judge 2048",
     offsetof(struct mt_options, n_new), 0, 1 << 20, 0},
    {"limit", 0, OPTION_INTEGER, "N", "answer, judge: only the first N questions; 0: all",
     offsetof(struct mt_options, limit), 0, INT32_MAX, 0},
    MODEL_OPTIONS(struct mt_options),
    OPTION_RSTRIP(struct mt_options, common.rstrip),
    OPTION_CHAT_FORMAT(struct mt_options, common.chat_format),
    {"api", 0, OPTION_TEXT, "URL", "answer, judge: an OpenAI-compatible server in place of -m",
     offsetof(struct mt_options, api), 0, 0, 0},
    {"api-model", 0, OPTION_TEXT, "NAME", "what that server calls the model",
     offsetof(struct mt_options, api_model), 0, 0, 0},
    {"key-env", 0, OPTION_TEXT, "VARIABLE", "environment variable that holds the server's key",
     offsetof(struct mt_options, key_env), 0, 0, 0},
    {"api-set", 0, OPTION_LIST, "KEY=VALUE",
     "a setting of that server, as in a configuration's api",
     offsetof(struct mt_options, api_settings), 0, 0, 0},
    {"concurrency", 0, OPTION_INTEGER, "N", "calls to the server at a time",
     offsetof(struct mt_options, n_concurrent), 1, API_MAX_CONCURRENCY, API_CONCURRENCY},
    {"timeout", 0, OPTION_NUMBER, "S", "seconds until a call is given up and repeated",
     offsetof(struct mt_options, timeout_s), 0.001, 86400, API_TIMEOUT_S},
    {"retries", 0, OPTION_INTEGER, "N", "attempts after the first of a call",
     offsetof(struct mt_options, n_retries), 0, 100, API_RETRIES},
    OPTION_JSON(struct mt_options, json),
};

/* NAME in the folder --data, if it is there and nothing else was given. */
static bool find_file(struct arena *arena, const char *folder, const char *name, const char **path,
                      struct err *err)
{
    if (*path) return true;
    const char *joined = arena_printf(arena, err, "%s/%s", folder, name);
    if (joined && file_exists(joined)) *path = joined;
    return joined != NULL;
}

static bool find_files(struct arena *arena, struct mt_options *options, struct err *err)
{
    return !options->data ||
           (find_file(arena, options->data, "question.jsonl", &options->questions, err) &&
            find_file(arena, options->data, "judge_prompts.jsonl", &options->prompts, err) &&
            (options->references ||
             mt_bench_find_references(arena, options->data, &options->references, err)));
}

static bool run(const struct invocation *invocation, struct err *err)
{
    const char *action = invocation->arguments[0];
    struct mt_options options = *(const struct mt_options *)invocation->options;
    struct arena *arena = arena_new(0, err);
    bool ok = arena && find_files(arena, &options, err);
    if (!ok) goto out;
    if (!strcmp(action, "answer")) ok = mt_answer(invocation, &options, err);
    else if (!strcmp(action, "judge")) ok = mt_judge(invocation, &options, err);
    else if (!strcmp(action, "summarize")) ok = mt_show_summary(invocation, &options, err);
    else
        ok = err_set(err, ERR_USAGE, "mt-bench takes answer, judge or summarize, not \"%s\"",
                     action);
    if (!ok && err->code == ERR_INTERRUPTED)
        err_set(err, ERR_INTERRUPTED, "interrupted; the same command goes on");
out:
    arena_free(arena);
    return ok;
}

static const char *const EXAMPLES[] = {
    "phibench mt-bench answer -d models/world/mt_bench -m synth:tiny:q8_0 -n 8 -o out/a.jsonl",
    "phibench mt-bench judge -d models/world/mt_bench -a out/a.jsonl --rule reference-match "
    "-o out/j",
    "phibench mt-bench summarize -d models/world/mt_bench --judgments out/j",
    NULL,
};

const struct command COMMAND_MT_BENCH = {
    .name = "mt-bench",
    .summary = "answer, judge and summarize MT-bench in FastChat's files",
    .arguments = "answer|judge|summarize",
    .n_min = 1,
    .n_max = 1,
    COMMAND_OPTIONS(OPTIONS, struct mt_options),
    .details =
        "answer writes a model's answers to both turns of each question, in the model's chat "
        "format, at the temperature of the question's category. judge asks a model for its "
        "opinion of answers, or applies a rule. Both append to --out and leave alone what stands "
        "there, so that the same command goes on after any end; a judgment in which no score was "
        "found is asked again. All files are FastChat's, in both directions.\n\n"
        "Whoever answers or judges is a model of this machine, or one behind an "
        "OpenAI-compatible server. Calls to a server run several at a time; one that fails "
        "because the server is busy, late or broken is repeated after a pause that grows, and is "
        "as long as Retry-After says, up to ten minutes. The server's key comes from an "
        "environment variable and is "
        "neither stored nor shown, also where the server repeats it. --api-set takes the further "
        "settings of a configuration's api: reasoning_tokens=4096, temperature=omit, "
        "max_completion_tokens=true, 'headers={X-Key: \"${NAME}\"}', body.top_p=0.9. What a model "
        "says to itself before it answers (<think> ... </think>) is no part of an answer, and a "
        "score in a judge's reasoning is none.\n\n"
        "summarize prints the mean of each turn and of all judgments, with a 95% interval "
        "clustered by question; with --questions also by category, and how many turns nobody "
        "judged. A judgment without a score is counted as missing and is in no mean. Item noise "
        "is the standard error of the mean over questions; judge noise what the judge alone adds "
        "to it, known where answers were judged more than once. A pair is won where both orders "
        "say so. The rule reference-match gives 1 to 10 points for the words that an answer "
        "shares with the reference: it is for demonstrations.",
    .examples = EXAMPLES,
    .run = run,
};
