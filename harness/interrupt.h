/* interrupt.h - Ctrl-C: the first asks for a stop after the batch, the second ends the process at
 * once.
 *
 * Long work asks interrupt_requested between steps that leave everything consistent.
 * Thread-safe.
 */
#ifndef PHIBENCH_HARNESS_INTERRUPT_H
#define PHIBENCH_HARNESS_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void); /* SIGINT and SIGTERM from now on */
bool interrupt_requested(void);

#endif
