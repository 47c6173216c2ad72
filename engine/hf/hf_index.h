/* hf_index.h - model.safetensors.index.json: which files a sharded model's weights lie in.
 *
 * Const after reading.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_INDEX_H
#define PHIBENCH_ENGINE_HF_HF_INDEX_H

#include "engine/source.h"

#define HF_INDEX_NAME "model.safetensors.index.json"

struct hf_index;

/* ERR_INPUT for what is no index, or names files elsewhere. Free with hf_index_free. */
struct hf_index *hf_index_read(const char *path, struct err *err)
    __attribute__((warn_unused_result));
void hf_index_free(struct hf_index *index);

/* Whether the file of this name holds weights of the model. */
bool hf_index_has_shard(const struct hf_index *index, const char *name);
/* The first of the index's files that is none of `names` [n], which are sorted; NULL: all are. */
const char *hf_index_missing(const struct hf_index *index, char *const *names, size_t n);

/* Whether each tensor of the index is in its file, of those that were joined. */
bool hf_index_check(const struct hf_index *index, const struct source *joined, struct err *err)
    __attribute__((warn_unused_result));

#endif
