/* windows.c - see windows.h. The queue holds one window: with the one that is computed and the one
 * that is being made there are three at most, which bounds the memory.
 *
 * A failure ends the thread; whoever takes windows learns of it when the good ones are used up.
 */
#include "harness/ask/windows.h"

#include "base/mem.h"
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* From LEAST_ITEMS on a window ends with its subset. Every window costs a tail of batches that are
 * not full, and the prefixes that it shares with the one before: at these sizes 1 or 2%. */
enum { LEAST_ITEMS = 256, MOST_ITEMS = 512, MAX_WINDOW_BYTES = 1 << 30 };

struct windows {
    const struct item_list *list;
    const struct client *client;
    struct queue *queue;
    pthread_t thread;
    bool failed; /* with its error: written by the thread before it closes the queue */
    struct err failure;
};

size_t window_end(const struct item_list *list, size_t first)
{
    const struct item *items = list->dataset->items;
    size_t most = list->n - first < MOST_ITEMS ? list->n : first + MOST_ITEMS;
    for (size_t end = first + LEAST_ITEMS; end < most; end++)
        if (strcmp(items[list->items[end - 1]].subset, items[list->items[end]].subset) != 0)
            return end;
    return most;
}

void window_free(struct window *window)
{
    if (!window) return;
    client_window_free(window->prepared);
    arena_free(window->arena);
    free(window);
}

static bool make_request(const struct windows *windows, struct window *window, size_t i,
                         struct err *err)
{
    const struct item_list *list = windows->list;
    const struct dataset *dataset = list->dataset;
    size_t i_item = list->items[window->first + i];
    const struct item *follows = dataset->items[i_item].follows;
    struct request *request = &window->requests[i];
    return dataset->suite->request(dataset, i_item, window->arena, request, err) &&
           (!follows || request_set_answer(request, window->arena,
                                           list->answers[follows - dataset->items], err));
}

static struct window *make_window(const struct windows *windows, size_t first, struct err *err)
{
    const struct item_list *list = windows->list;
    struct window *window = mem_new(1, sizeof *window, err);
    if (!window) return NULL;
    window->first = first;
    window->n = window_end(list, first) - first;
    window->arena = arena_new(MAX_WINDOW_BYTES, err);
    if (window->arena)
        window->requests = arena_alloc(window->arena, window->n, sizeof *window->requests, err);
    bool ok = window->requests != NULL;
    for (size_t i = 0; ok && i < window->n; i++) ok = make_request(windows, window, i, err);
    if (ok) window->prepared = client_prepare(windows->client, window->requests, window->n, err);
    if (window->prepared) return window;
    window_free(window);
    return NULL;
}

static void *make_windows(void *context)
{
    struct windows *windows = context;
    for (size_t first = 0; first < windows->list->n;) {
        struct window *window = make_window(windows, first, &windows->failure);
        windows->failed = !window;
        if (!window) break;
        first += window->n;
        if (!queue_push(windows->queue, window)) { /* nobody wants it any more */
            window_free(window);
            break;
        }
    }
    queue_close(windows->queue);
    return NULL;
}

struct windows *windows_open(const struct item_list *list, const struct client *client,
                             struct err *err)
{
    struct windows *windows = mem_new(1, sizeof *windows, err);
    if (!windows) return NULL;
    windows->list = list;
    windows->client = client;
    windows->queue = queue_new(1, err);
    if (windows->queue && pthread_create(&windows->thread, NULL, make_windows, windows) == 0)
        return windows;
    if (windows->queue) err_set(err, ERR_MEMORY, "cannot start the thread that prepares questions");
    queue_free(windows->queue);
    free(windows);
    return NULL;
}

void windows_close(struct windows *windows)
{
    if (!windows) return;
    queue_close(windows->queue);
    pthread_join(windows->thread, NULL);
    for (struct window *window; (window = queue_pop(windows->queue));) window_free(window);
    queue_free(windows->queue);
    free(windows);
}

struct window *windows_next(struct windows *windows, bool *failed, struct err *err)
{
    struct window *window = queue_pop(windows->queue);
    *failed = !window && windows->failed;
    if (*failed && err) *err = windows->failure;
    return window;
}
