/* passages.h - a full-text index of passages: a SQLite file of its own beside the store, made once
 * and then searched by BM25 (Robertson and Zaragoza 2009, "The probabilistic relevance framework:
 * BM25 and beyond").
 *
 * Words are stemmed (Porter) and without accents. A file is whole or not there, and never changes:
 * it ends with a line that has the SHA-256 of what is before it, which SQLite does not look at.
 * One thread at a time on one index.
 */
#ifndef PHIBENCH_RESULTS_PASSAGES_H
#define PHIBENCH_RESULTS_PASSAGES_H

#include "base/arena.h"

#include <stdint.h>

/* What a file made by this program holds; part of a job's fingerprint. */
enum { PASSAGES_VERSION = 1, PASSAGES_HASH_BYTES = 65 };

struct passage {
    const char *title, *text; /* title: "" for none */
    int64_t id;               /* of a passage that was found */
};

/* ---- Making ---- */

struct passages_writer;

/* A new index under a temporary name beside `path`, with its folder. End with passages_finish or
 * passages_abandon. */
struct passages_writer *passages_create(const char *path, struct err *err)
    __attribute__((warn_unused_result));
bool passages_add(struct passages_writer *writer, const struct passage *passage, struct err *err)
    __attribute__((warn_unused_result));
/* Marks it as made of what has this hash (64 digits), and gives it its name. Frees the writer. */
bool passages_finish(struct passages_writer *writer, const char *hash, struct err *err)
    __attribute__((warn_unused_result));
void passages_abandon(struct passages_writer *writer); /* NULL is fine */

/* ---- Searching ---- */

struct passages;

/* ERR_INPUT for a file that is no index of this version, damaged or cut: it is read through. */
struct passages *passages_open(const char *path, struct err *err)
    __attribute__((warn_unused_result));
void passages_close(struct passages *passages);
/* The hash of what the index was made of. */
const char *passages_hash(const struct passages *passages);

/* The at most `most` passages that match the question best, the best first, in the arena. Function
 * words count only where the question has no others; passages of equal rank come in the order in
 * which they were added. */
bool passages_find(struct passages *passages, const char *question, size_t most,
                   struct arena *arena, struct passage **found, size_t *n_found, struct err *err)
    __attribute__((warn_unused_result));
/* The passage that was found under this id, in the arena. */
bool passages_get(struct passages *passages, int64_t id, struct arena *arena,
                  struct passage *passage, struct err *err) __attribute__((warn_unused_result));

#endif
