/* commands.c - the list of commands.
 *
 * Their order is that of the help and the man page.
 * Owns the names that are designed but not built yet, so that they get an honest answer.
 */
#include "harness/cli/commands.h"

#include "base/mem.h"
#include "base/nearest.h"

#include <string.h>

static const struct command *const COMMANDS[] = {
    &COMMAND_RUN,
    &COMMAND_AUDIT,
    &COMMAND_PLAN,
    &COMMAND_REPORT,
    &COMMAND_COMPARE,
    &COMMAND_LABEL,
    &COMMAND_GATE,
    &COMMAND_BENCH,
    &COMMAND_AB,
    &COMMAND_HISTORY,
    &COMMAND_BISECT,
    &COMMAND_PERPLEXITY,
    &COMMAND_GENERATE,
    &COMMAND_SCORE,
    &COMMAND_LOGITS,
    &COMMAND_TOKENIZE,
    &COMMAND_DETOKENIZE,
    &COMMAND_INSPECT,
    &COMMAND_SYNTH,
    &COMMAND_QUANTIZE,
    &COMMAND_CONVERT,
    &COMMAND_MT_BENCH,
    &COMMAND_TASKS,
    &COMMAND_SCORE_PREDICTIONS,
    &COMMAND_RUNS,
    &COMMAND_SHOW,
    &COMMAND_EXPORT,
    &COMMAND_REGRADE,
    &COMMAND_DB,
    &COMMAND_DOCTOR,
    NULL,
};

static const char *const PLANNED[] = {"merge"};

const struct command *const *command_list(void)
{
    return COMMANDS;
}

const struct command *command_find(const char *name, struct err *err)
{
    const char *names[COUNT_OF(COMMANDS)];
    size_t n = 0;
    for (; COMMANDS[n]; n++) {
        if (!strcmp(COMMANDS[n]->name, name)) return COMMANDS[n];
        names[n] = COMMANDS[n]->name;
    }
    for (size_t i = 0; i < COUNT_OF(PLANNED); i++)
        if (!strcmp(PLANNED[i], name)) {
            err_set(err, ERR_UNSUPPORTED, "not supported yet: the command %s", name);
            return NULL;
        }
    const char *near = nearest_name(name, names, n);
    if (near) err_set(err, ERR_USAGE, "unknown command \"%s\": did you mean %s?", name, near);
    else err_set(err, ERR_USAGE, "unknown command \"%s\"; see 'phibench --help'", name);
    return NULL;
}
