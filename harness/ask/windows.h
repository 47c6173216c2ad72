/* windows.h - a job's questions in windows that are computed together, each made ready by a thread
 * of its own while the one before is computed.
 *
 * Knows which items belong together; neither the store nor how answers are graded.
 */
#ifndef PHIBENCH_HARNESS_ASK_WINDOWS_H
#define PHIBENCH_HARNESS_ASK_WINDOWS_H

#include "harness/ask/client.h"
#include "suites/suite.h"

/* Items of a data set, in order. */
struct item_list {
    const struct dataset *dataset;
    const size_t *items; /* [n], ascending */
    size_t n;
    const char *const *answers; /* [n_items] of the data set, of those that others follow */
};

/* Where the window that begins at position `first` of the list ends: where a subset ends, for the
 * questions of one share their examples, or where it would become too large. */
size_t window_end(const struct item_list *list, size_t first);

/* Requests of the items at positions [first, first + n) of a list. */
struct window {
    size_t first, n;
    struct arena *arena;
    struct request *requests; /* [n] */
    struct client_window *prepared;
};
void window_free(struct window *window);

struct windows;

/* Starts the thread. List and client must outlive what is opened here; end with windows_close. */
struct windows *windows_open(const struct item_list *list, const struct client *client,
                             struct err *err) __attribute__((warn_unused_result));
/* Stops the thread after the window that it is making, and frees what nobody took. */
void windows_close(struct windows *windows);

/* The next window, the caller's to free; waits until it is ready. NULL at the end, and also after a
 * failure, once the windows before it are taken: then *failed. */
struct window *windows_next(struct windows *windows, bool *failed, struct err *err)
    __attribute__((warn_unused_result));

#endif
