/* commands.h - the commands, one file each (cmd_NAME.c).
 *
 * Each is a const table with its function; commands.c lists them.
 * Main looks a command up here and nowhere else.
 */
#ifndef PHIBENCH_HARNESS_CLI_COMMANDS_H
#define PHIBENCH_HARNESS_CLI_COMMANDS_H

#include "harness/cli/command.h"

extern const struct command COMMAND_RUN, COMMAND_AUDIT, COMMAND_PLAN, COMMAND_REPORT, COMMAND_BENCH,
    COMMAND_PERPLEXITY, COMMAND_GENERATE, COMMAND_SCORE, COMMAND_LOGITS, COMMAND_TOKENIZE,
    COMMAND_DETOKENIZE, COMMAND_INSPECT, COMMAND_SYNTH, COMMAND_QUANTIZE, COMMAND_CONVERT,
    COMMAND_COMPARE, COMMAND_LABEL, COMMAND_GATE, COMMAND_AB, COMMAND_MT_BENCH, COMMAND_TASKS,
    COMMAND_SCORE_PREDICTIONS, COMMAND_RUNS, COMMAND_SHOW, COMMAND_EXPORT, COMMAND_REGRADE,
    COMMAND_DB, COMMAND_DOCTOR, COMMAND_HISTORY, COMMAND_BISECT;

/* Every command, NULL-ended. */
const struct command *const *command_list(void);

/* The command of that name, NULL with ERR_USAGE (nearest name) or ERR_UNSUPPORTED (designed, not
 * built yet). */
const struct command *command_find(const char *name, struct err *err);

#endif
