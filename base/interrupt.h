/* interrupt.h - Ctrl-C: the first asks for a stop after the batch, the second ends the process at
 * once.
 *
 * Long work asks interrupt_requested between steps that leave everything consistent.
 * Thread-safe.
 */
#ifndef PHIBENCH_BASE_INTERRUPT_H
#define PHIBENCH_BASE_INTERRUPT_H

#include "base/err.h"

void interrupt_catch(void); /* SIGINT and SIGTERM from now on */
bool interrupt_requested(void);
/* True until then; afterwards false with ERR_INTERRUPTED. */
bool interrupt_check(struct err *err) __attribute__((warn_unused_result));

#endif
