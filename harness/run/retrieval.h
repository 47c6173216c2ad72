/* retrieval.h - open book: finds passages for a question and cuts them to what a prompt may hold.
 *
 * Owns where an index lies: at `index`, or in the cache under the hash of what it was built from.
 * Knows nothing of suites but what they read.
 */
#ifndef PHIBENCH_HARNESS_RUN_RETRIEVAL_H
#define PHIBENCH_HARNESS_RUN_RETRIEVAL_H

#include "harness/config/config.h"
#include "harness/run/progress.h"

struct retrieval;

/* Opens the index; builds it first, with progress on the console (NULL: none), where `build_from`
 * is given and there is none of just that. cache: the folder of indexes without a name. Free with
 * retrieval_close. */
struct retrieval *retrieval_open(const struct retrieval_options *options, const char *cache,
                                 const struct console *console, struct err *err)
    __attribute__((warn_unused_result));
void retrieval_close(struct retrieval *retrieval);

/* The name of a protocol that reads from it: as it is for the default of 3 passages and 512 tokens,
 * "NAME-1x512" for others, so that no two ways to read have one name. In the arena. */
const char *retrieval_name_protocol(const struct retrieval *retrieval, const char *name,
                                    struct arena *arena, struct err *err);

/* Writes what of the retrieval determines a prompt, as members of a JSON object. */
void retrieval_describe(const struct retrieval *retrieval, struct json_writer *json);

/* What a model reads: the first passages, joined by empty lines, each with its title as its first
 * line, and cut at the end of a word so that they are no more than max_tokens of its tokens. One
 * thread at a time for all readers of an index. */
struct reader_of_model {
    struct retrieval *retrieval;
    const struct tokenizer *tokenizer;
};
/* The function of a `struct reading` whose context is a reader_of_model. */
bool retrieval_read(void *reader, const char *question, struct arena *arena, const char **text,
                    struct err *err);

#endif
