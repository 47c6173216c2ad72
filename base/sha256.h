/* sha256.h - SHA-256 (FIPS 180-4), on libcrypto: fingerprints of jobs, weights and data files.
 *
 * One thread at a time on one hash. Only memory for a hash can fail.
 */
#ifndef PHIBENCH_BASE_SHA256_H
#define PHIBENCH_BASE_SHA256_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sha256;
enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 65 };

struct sha256 *sha256_new(struct err *err);
void sha256_free(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *bytes, size_t n_bytes);
/* A field with its length before it, so that ("ab","c") and ("a","bc") differ. NULL counts as its
 * own value. */
void sha256_field(struct sha256 *hash, const char *text);
/* A file: a name that it is known by, its size and its content. */
void sha256_named(struct sha256 *hash, const char *name, const void *bytes, size_t n_bytes);
/* Lower-case hex and a zero. The hash may not be updated after. */
void sha256_finish(struct sha256 *hash, char hex[SHA256_HEX_BYTES]);

/* The 32 bytes themselves, of what lies in memory at once. Thread-safe. */
void sha256_digest(const void *bytes, size_t n_bytes, uint8_t digest[SHA256_BYTES]);
bool sha256_bytes(const void *bytes, size_t n_bytes, char hex[SHA256_HEX_BYTES], struct err *err);
bool sha256_text(const char *text, char hex[SHA256_HEX_BYTES], struct err *err);
/* Hash of a file's content, read in pieces. */
bool sha256_file(const char *path, char hex[SHA256_HEX_BYTES], struct err *err);

#endif
