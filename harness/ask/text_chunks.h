/* text_chunks.h - a text as a data set of chunks of tokens (suites/perplexity.h): it belongs to one
 * tokenizer.
 *
 * Chunks of n tokens follow each other without overlap; what is left at the end is not used. The
 * first token of each is BOS where prompts begin with it. Texts with the same tokens are the same
 * data.
 */
#ifndef PHIBENCH_HARNESS_ASK_TEXT_CHUNKS_H
#define PHIBENCH_HARNESS_ASK_TEXT_CHUNKS_H

#include "engine/engine.h"
#include "suites/suite.h"

struct text_chunks {
    const int32_t *ids;   /* [n_chunks, chunk_tokens] */
    size_t chunk_tokens;  /* of each */
    size_t n_text_tokens; /* of the whole text */
};

struct text_chunks_options {
    const struct suite *suite;
    const char *path;    /* at most 256 MiB */
    size_t chunk_tokens; /* at least 4 */
    size_t limit;        /* chunks at most, 0: all */
    enum bos_policy bos;
};

/* Items "chunk/0", "chunk/1"...; the protocol is "chunks-512-NAME" by length and file. Free with
 * dataset_free. ERR_INPUT with the file if it does not fill one chunk. */
struct dataset *text_chunks_load(const struct text_chunks_options *options,
                                 const struct tokenizer *tokenizer, struct err *err)
    __attribute__((warn_unused_result));

const struct text_chunks *text_chunks_of(const struct dataset *dataset);
/* Tokens of chunk i: [chunk_tokens]. */
const int32_t *text_chunk(const struct dataset *dataset, size_t i);
/* The chunk's number in a key, SIZE_MAX if it is none. */
size_t text_chunk_number(const char *key);

#endif
