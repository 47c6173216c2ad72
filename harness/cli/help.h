/* help.h - help and man page, both made from the command table.
 *
 * One source for both, so that they cannot disagree.
 * Prints only; docs/phibench.1 is kept equal by a test.
 */
#ifndef PHIBENCH_HARNESS_CLI_HELP_H
#define PHIBENCH_HARNESS_CLI_HELP_H

#include "harness/cli/command.h"

#include <stdio.h>

void help_print_overview(FILE *out);
void help_print_command(const struct command *command, FILE *out);

/* The whole manual as man(7) source, section 1. */
void help_print_man(FILE *out);

#endif
