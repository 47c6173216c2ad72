/* joined.h - a source made of sources, one for each file of a model: nothing else needs to know of
 * them.
 *
 * Its table is theirs, one after the other, and its hash the SHA-256 of all their bytes in order,
 * as if `cat` had joined them. Const after opening.
 */
#ifndef PHIBENCH_ENGINE_JOINED_H
#define PHIBENCH_ENGINE_JOINED_H

#include "engine/seal.h"

/* What a kind of file does beside what every source does. */
struct part_kind {
    /* What seal_hash_files needs of it. */
    struct seal_file (*to_seal)(const struct source *part);
    /* From here on the file must hold what was sealed; ERR_INPUT if its header does not. */
    bool (*hold_to)(struct source *part, const struct model_seal *seal, struct err *err);
};

struct joined_part {
    struct source *source; /* of one file; may have no tensors */
    const struct part_kind *kind;
};

/* parts: [n_parts], whose sources are taken over, also on failure. path: what the whole is called;
 * it and the metadata outlive the result. ERR_INPUT if two parts have a tensor of the same name.
 * Close with source_close. */
struct source *joined_open(const struct joined_part *parts, size_t n_parts, const char *path,
                           const struct metadata *metadata, struct err *err)
    __attribute__((warn_unused_result));

/* NULL if no part has a tensor of this name. Faster than source_find where there are thousands. */
const struct tensor_info *joined_find(const struct source *joined, const char *name);

/* From here on all files must hold what was sealed, which outlives the source. */
bool joined_hold_to(struct source *joined, const struct model_seal *seal, struct err *err)
    __attribute__((warn_unused_result));

#endif
