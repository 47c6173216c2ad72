/* interrupt.h - Ctrl-C: the first asks for a stop and gives it a second, the next one ends the
 * process at once.
 *
 * Long work asks interrupt_requested between steps that leave everything consistent. What has not
 * stopped by then is ended where it stands: all that is written survives kill -9, and so survives
 * this. Thread-safe.
 */
#ifndef PHIBENCH_BASE_INTERRUPT_H
#define PHIBENCH_BASE_INTERRUPT_H

#include "base/err.h"

void interrupt_catch(void); /* SIGINT and SIGTERM from now on */
bool interrupt_requested(void);
/* True until then; afterwards false with ERR_INTERRUPTED. */
bool interrupt_check(struct err *err) __attribute__((warn_unused_result));

#endif
