/* read_input.h - all of standard input, with a limit.
 *
 * For commands that take a text or ids from a pipe.
 * The limit is stated in the error.
 */
#ifndef PHIBENCH_HARNESS_CLI_READ_INPUT_H
#define PHIBENCH_HARNESS_CLI_READ_INPUT_H

#include "base/buf.h"

/* Appends everything up to 256 MiB; more is ERR_INPUT. */
bool read_input(struct buf *out, struct err *err) __attribute__((warn_unused_result));

#endif
