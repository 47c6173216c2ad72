/* interrupt.c - one counter, the only mutable state that a signal handler can reach.
 *
 * The handler only counts and sets an alarm; whoever works in a loop asks between batches, in any
 * thread, so that the counter is atomic. A wait for a lock, a disk or a batch that takes minutes
 * asks nobody: the alarm ends it. No function called from a handler is unsafe in a signal.
 */
#include "base/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

enum { STATUS_INTERRUPTED = 130, GRACE_US = 900000 };

static atomic_int n_interrupts;

static void on_alarm(int signal_number)
{
    static const char MESSAGE[] = "phibench: interrupted; the same command goes on\n";
    (void)signal_number;
    if (write(STDERR_FILENO, MESSAGE, sizeof MESSAGE - 1) < 0) _exit(STATUS_INTERRUPTED);
    _exit(STATUS_INTERRUPTED);
}

static void on_signal(int signal_number)
{
    static const struct itimerval SOON = {.it_value = {.tv_usec = GRACE_US}};
    if (atomic_fetch_add(&n_interrupts, 1)) _exit(128 + signal_number);
    setitimer(ITIMER_REAL, &SOON, NULL);
}

static void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

void interrupt_catch(void)
{
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL); /* whoever started this may have blocked it */
    handle(SIGALRM, on_alarm);
    handle(SIGINT, on_signal);
    handle(SIGTERM, on_signal);
}

bool interrupt_requested(void)
{
    return atomic_load(&n_interrupts) > 0;
}

bool interrupt_check(struct err *err)
{
    return !interrupt_requested() || err_set(err, ERR_INTERRUPTED, "interrupted");
}
