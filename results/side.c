/* side.c - see side.h. A text names a file if there is one of that name, or of what stands before
 * its last colon; everything else is for the database at hand.
 */
#include "results/side.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* The length of the file's name at the text's beginning; 0: it names none. */
static size_t file_length(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    char path[4096];
    if (file_exists(text)) return strlen(text);
    if (!n || n >= sizeof path) return 0;
    memcpy(path, text, n);
    path[n] = 0;
    return file_exists(path) ? n : 0;
}

static struct store *open_store(const char *text, size_t n, bool is_trusted, struct err *err)
{
    const struct store_options options = {.mode = STORE_READ, .is_trusted = is_trusted};
    char *path = strndup(text, n);
    if (!path) {
        err_set(err, ERR_MEMORY, "out of memory for a path");
        return NULL;
    }
    struct store *store = store_open_as(path, &options, err);
    free(path);
    return store;
}

bool side_open(struct side *side, const char *text, const char *path, struct store **at_hand,
               bool is_trusted, struct err *err)
{
    size_t n_file = file_length(text);
    *side = (struct side){0};
    if (n_file) {
        side->store = open_store(text, n_file, is_trusted, err);
        side->owns_store = true;
        text = text[n_file] ? text + n_file + 1 : NULL;
    } else {
        if (!*at_hand) *at_hand = open_store(path, strlen(path), is_trusted, err);
        side->store = *at_hand;
    }
    if (side->store && labels_resolve(side->store, text, &side->run, err)) return true;
    side_close(side);
    return false;
}

void side_close(struct side *side)
{
    if (side->owns_store) store_close(side->store);
    *side = (struct side){0};
}
