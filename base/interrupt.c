/* interrupt.c - one counter, the only mutable state that a signal handler can reach.
 *
 * The handler only counts; whoever works in a loop asks between batches, in any thread, so that the
 * counter is atomic. No function called from the handler is unsafe in a signal.
 */
#include "base/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int n_interrupts;

static void on_signal(int signal_number)
{
    if (atomic_fetch_add(&n_interrupts, 1)) _exit(128 + signal_number);
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupt_requested(void)
{
    return atomic_load(&n_interrupts) > 0;
}

bool interrupt_check(struct err *err)
{
    return !interrupt_requested() || err_set(err, ERR_INTERRUPTED, "interrupted");
}
