/* interrupt.c - one flag, the only mutable state that a signal handler can reach.
 *
 * The handler only counts; whoever works in a loop asks between batches.
 * No function called from the handler is unsafe in a signal.
 */
#include "harness/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t n_interrupts;

static void on_signal(int signal_number)
{
    if (n_interrupts++) _exit(128 + signal_number);
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
    return n_interrupts > 0;
}
