/* evidence.h - texts to look answers up in, read as passages of about a hundred words.
 *
 *   FOLDER      every *.txt below it is a document (TriviaQA's evidence folder); its title is its
 *               first line if an empty one follows, else the file's name
 *   FILE.jsonl  every line is a document: {"text" (or "contents"), "title"?}
 *   FILE        every paragraph of a text is a document
 * Documents of 150 words and more are cut. Knows nothing of indexes and questions.
 */
#ifndef PHIBENCH_HARNESS_RUN_EVIDENCE_H
#define PHIBENCH_HARNESS_RUN_EVIDENCE_H

#include "results/passages.h"

#include <stdint.h>

struct evidence;

/* Lists the files. Free with evidence_close. */
struct evidence *evidence_open(const char *path, struct err *err)
    __attribute__((warn_unused_result));
void evidence_close(struct evidence *evidence);
uint64_t evidence_bytes(const struct evidence *evidence);

/* SHA-256 over the names below the path and the contents: what an index is known by. */
bool evidence_hash(const struct evidence *evidence, char hex[PASSAGES_HASH_BYTES], struct err *err)
    __attribute__((warn_unused_result));

/* Where passages go; strings live during the call. n_bytes: of the files read so far. */
struct evidence_sink {
    bool (*add)(void *context, const struct passage *passage, uint64_t n_bytes, struct err *err);
    void *context;
};
/* hex: the hash of what was read, which is evidence_hash's unless files changed in between.
 * ERR_INTERRUPTED after Ctrl-C. */
bool evidence_read(const struct evidence *evidence, const struct evidence_sink *sink,
                   char hex[PASSAGES_HASH_BYTES], struct err *err)
    __attribute__((warn_unused_result));

#endif
