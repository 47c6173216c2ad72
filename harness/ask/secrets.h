/* secrets.h - what is sent to a server and must be told nobody: keys, which servers repeat in their
 * messages, whole or in part, as they are or encoded.
 *
 * Owns copies of the secrets, and the one function that takes them out of a text. Const and
 * thread-safe once all are added.
 */
#ifndef PHIBENCH_HARNESS_ASK_SECRETS_H
#define PHIBENCH_HARNESS_ASK_SECRETS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRET_SHOWN_AS "(key)"

struct secrets;
struct secrets *secrets_new(struct err *err) __attribute__((warn_unused_result));
void secrets_free(struct secrets *secrets);

/* Adds a secret. One that gives nothing away is passed over, because it would be found in what is
 * no secret: NULL, less than 5 characters, and words of less than 8 letters and nothing else, which
 * servers of one's own are given ("EMPTY", "ollama"). */
bool secrets_add(struct secrets *secrets, const char *secret, struct err *err)
    __attribute__((warn_unused_result));

/* Appends text[0..n_bytes) with SECRET_SHOWN_AS in place of every secret: in either case; as it is,
 * or percent-encoded, escaped as in JSON, C or HTML, once or several times; in hexadecimal; in
 * base64 of either alphabet, alone or inside of something else; and parts of it, its beginning,
 * "sk-abc...xyz", "***xyz". What is JSON stays JSON. */
void secrets_redact(const struct secrets *secrets, const char *text, size_t n_bytes,
                    struct buf *out);

#endif
