/* reference.h - logits of a text kept in a file, to compare others with, token by token.
 *
 * They are kept as they are, float32, because a comparison of equal bits must come out as exactly
 * 0: half the bits would leave a noise of about 5e-4 nats. That takes vocabulary x 4 bytes for each
 * scored token: 33 MB for a chunk of 512 tokens of Phi-3. A chunk counts when all its rows are
 * there; a file can be filled in several sittings. Rows may be read and written by several threads
 * at once.
 */
#ifndef PHIBENCH_HARNESS_ASK_REFERENCE_H
#define PHIBENCH_HARNESS_ASK_REFERENCE_H

#include "base/err.h"
#include "base/sha256.h"

#include <stddef.h>

struct reference;

struct reference_key {
    const char *data_hash; /* of the text's chunks (text_chunks.h) */
    size_t n_chunks, n_scored,
        n_vocab;        /* chunks of the whole text; rows of a chunk; their length */
    const char *origin; /* whose logits: "phi-3-mini f16"; for people */
};

/* Opens a file to be filled: a new one, or the one that is there, if its key and origin are the
 * same. Of a file that ends inside its table, the chunks past its end are not there. ERR_USAGE for
 * a file that is something else. Close both with reference_close. */
struct reference *reference_create(const char *path, const struct reference_key *key,
                                   struct err *err) __attribute__((warn_unused_result));
/* Forgets all chunks of a file that is being filled. */
bool reference_forget(struct reference *reference, struct err *err)
    __attribute__((warn_unused_result));
/* Reads all chunks of a file that is being filled, and forgets those that are not what was written:
 * their number is *n_forgotten. ERR_INTERRUPTED after Ctrl-C. */
bool reference_repair(struct reference *reference, size_t *n_forgotten, struct err *err)
    __attribute__((warn_unused_result));
/* Opens a file to compare with. ERR_INPUT unless it is of the key's text and vocabulary, whatever
 * its origin. */
struct reference *reference_open(const char *path, const struct reference_key *key, struct err *err)
    __attribute__((warn_unused_result));
void reference_close(struct reference *reference);

/* Whether all rows of a chunk are there. */
bool reference_has(const struct reference *reference, size_t i_chunk);

/* Row i of a chunk: [n_vocab]. */
bool reference_put_row(struct reference *reference, size_t i_chunk, size_t i, const float *logits,
                       struct err *err) __attribute__((warn_unused_result));
bool reference_get_row(const struct reference *reference, size_t i_chunk, size_t i, float *logits,
                       struct err *err) __attribute__((warn_unused_result));

/* Ends a chunk that was written, or checks one that was read: hash is SHA-256 over the SHA-256 of
 * its rows. ERR_INPUT if other rows were read than written. */
bool reference_put_chunk(struct reference *reference, size_t i_chunk,
                         const uint8_t hash[SHA256_BYTES], struct err *err)
    __attribute__((warn_unused_result));
bool reference_check_chunk(const struct reference *reference, size_t i_chunk,
                           const uint8_t hash[SHA256_BYTES], struct err *err)
    __attribute__((warn_unused_result));

/* SHA-256 of what the file holds, from the hashes of its chunks. */
bool reference_hash(const char *path, char hex[SHA256_HEX_BYTES], struct err *err)
    __attribute__((warn_unused_result));

#endif
