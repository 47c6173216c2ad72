/* side.h - what one side of a comparison names: a run of a database.
 *
 *   7, last, main, 3f2a91c    a run, a label or a revision of the database at hand
 *   FILE, FILE:main           the newest run of another database, or one that it names likewise
 */
#ifndef PHIBENCH_RESULTS_SIDE_H
#define PHIBENCH_RESULTS_SIDE_H

#include "results/labels.h"

struct side {
    struct store *store;
    bool owns_store;
    int64_t run;
};

/* Opens what `text` names. `path` is the database at hand, which is opened when it is first needed
 * and kept in *at_hand, for the caller to close; the side must be closed before. ERR_USAGE and
 * ERR_IO as labels_resolve and store_open have them. */
bool side_open(struct side *side, const char *text, const char *path, struct store **at_hand,
               bool is_trusted, struct err *err) __attribute__((warn_unused_result));
void side_close(struct side *side);

#endif
