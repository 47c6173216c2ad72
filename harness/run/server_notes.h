/* server_notes.h - what a run says of the servers that it asks: what they say of themselves, and
 * which stored answers are theirs no longer.
 *
 * Internal to runner.c, items.c and judge.c.
 */
#ifndef PHIBENCH_HARNESS_RUN_SERVER_NOTES_H
#define PHIBENCH_HARNESS_RUN_SERVER_NOTES_H

#include "harness/run/plan.h"
#include "results/store.h"

/* Stores what is known of a server as a note of a job whose model or judge stands behind it. */
bool server_notes_put(struct store *store, int64_t job, const char *kind,
                      const struct plan_server *server, struct err *err)
    __attribute__((warn_unused_result));

/* Says, for each model, how many answers in the store are asked anew because the program that
 * stored them knew too little of what gave them; nothing once they were. */
bool server_notes_say_weak(const struct plan *plan, struct store *store, const struct log *log,
                           struct err *err) __attribute__((warn_unused_result));

#endif
