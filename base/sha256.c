/* sha256.c - SHA-256 by libcrypto; the only file that knows of libcrypto.
 *
 * Its functions for this one hash are taken, which OpenSSL 3 calls deprecated, not the general
 * interface: that looks for an implementation at its first call, and where it then finds no memory,
 * the process crashes inside the library. These neither allocate nor fail.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

struct sha256 {
    SHA256_CTX context;
};

struct sha256 *sha256_new(struct err *err)
{
    struct sha256 *hash = mem_new(1, sizeof *hash, err);
    if (hash) SHA256_Init(&hash->context);
    return hash;
}

void sha256_free(struct sha256 *hash)
{
    free(hash);
}

void sha256_update(struct sha256 *hash, const void *bytes, size_t n_bytes)
{
    if (n_bytes) SHA256_Update(&hash->context, bytes, n_bytes);
}

void sha256_field(struct sha256 *hash, const char *text)
{
    uint64_t n = text ? strlen(text) : UINT64_MAX;
    unsigned char length[8];
    for (unsigned i = 0; i < sizeof length; i++) length[i] = (unsigned char)(n >> (8 * i));
    sha256_update(hash, length, sizeof length);
    if (text) sha256_update(hash, text, (size_t)n);
}

void sha256_named(struct sha256 *hash, const char *name, const void *bytes, size_t n_bytes)
{
    char size[32];
    snprintf(size, sizeof size, "%zu", n_bytes);
    sha256_field(hash, name);
    sha256_field(hash, size);
    sha256_update(hash, bytes, n_bytes);
}

void sha256_finish(struct sha256 *hash, char hex[SHA256_HEX_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    SHA256_Final(digest, &hash->context);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * SHA256_BYTES] = 0;
}

void sha256_digest(const void *bytes, size_t n_bytes, uint8_t digest[SHA256_BYTES])
{
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, n_bytes);
    SHA256_Final(digest, &context);
}

bool sha256_bytes(const void *bytes, size_t n_bytes, char hex[SHA256_HEX_BYTES], struct err *err)
{
    struct sha256 *hash = sha256_new(err);
    if (!hash) return false;
    sha256_update(hash, bytes, n_bytes);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

bool sha256_text(const char *text, char hex[SHA256_HEX_BYTES], struct err *err)
{
    return sha256_bytes(text, strlen(text), hex, err);
}

bool sha256_file(const char *path, char hex[SHA256_HEX_BYTES], struct err *err)
{
    bool ok = false;
    struct sha256 *hash = NULL;
    unsigned char *piece = NULL;
    int file = file_open(path, err);
    if (file < 0) return false;
    hash = sha256_new(err);
    piece = hash ? mem_new(PIECE_BYTES, 1, err) : NULL;
    if (!piece) goto out;
    for (ssize_t n = 1; n;) {
        if (!interrupt_check(err)) goto out;
        n = read(file, piece, PIECE_BYTES);
        if (n > 0) sha256_update(hash, piece, (size_t)n);
        if (n >= 0 || errno == EINTR) continue;
        err_set_errno(err, "cannot read");
        err_place(err, path, 0, 0);
        goto out;
    }
    sha256_finish(hash, hex);
    ok = true;
out:
    close(file);
    free(piece);
    sha256_free(hash);
    return ok;
}
