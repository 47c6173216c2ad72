/* split_gguf.h - shards of a GGUF model, so that a test can spoil one of them.
 *
 * Written apart from the engine's writer, by the rules of llama.cpp's gguf-split.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_SPLIT_GGUF_H
#define PHIBENCH_TESTS_SUPPORT_SPLIT_GGUF_H

#include "engine/source.h"

/* What a shard says of itself, and which of the source's tensors it has. */
struct test_shard {
    size_t i_shard, n_shards, n_tensors; /* as in split.no, split.count, split.tensors.count */
    size_t i_first, i_end;
};

/* Writes one shard to the path; the metadata of the source come with i_shard 0. */
void test_write_shard(const char *path, const struct source *source,
                      const struct test_shard *shard);

/* NAME-0000I-of-0000N.gguf for I from 1 to n_shards: the tensors in equal parts, none in the first
 * file if it is to be small. */
void test_split(const char *name, const struct source *source, size_t n_shards,
                bool is_first_small);

/* "NAME-00002-of-00003.gguf" for i_shard 1; free() it. */
char *test_shard_path(const char *name, size_t i_shard, size_t n_shards);

#endif
