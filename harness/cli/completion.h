/* completion.h - what a shell needs to complete phibench's commands and options, made from the
 * command table.
 *
 * Prints only; `make install` puts the scripts where the shells look for them.
 */
#ifndef PHIBENCH_HARNESS_CLI_COMPLETION_H
#define PHIBENCH_HARNESS_CLI_COMPLETION_H

#include "base/err.h"

#include <stdio.h>

/* The script for "bash", "zsh" or "fish"; ERR_USAGE for other shells, or none (NULL). */
bool completion_print(const char *shell, FILE *out, struct err *err)
    __attribute__((warn_unused_result));

#endif
