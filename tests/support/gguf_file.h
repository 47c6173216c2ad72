/* gguf_file.h - GGUF files built byte by byte, so that a test can spoil one thing.
 *
 * Written apart from the engine's writer on purpose, so that the two check each other.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_GGUF_FILE_H
#define PHIBENCH_TESTS_SUPPORT_GGUF_FILE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* The low n_bytes of bits, little-endian. */
void put(struct buf *out, uint64_t bits, int n_bytes);
/* A string with its length before it. */
void put_text(struct buf *out, const char *text);
void put_preamble(struct buf *out, uint32_t version, uint64_t n_tensors, uint64_t n_keys);
void put_unsigned_key(struct buf *out, const char *key, uint32_t value);
/* An entry of the tensor table with two dimensions. */
void put_tensor(struct buf *out, const char *name, uint64_t columns, uint64_t rows, uint32_t type,
                uint64_t offset);
/* Pads to the alignment and adds n_bytes of data: 0, 1, 2, ... */
void put_data(struct buf *out, size_t alignment, size_t n_bytes);

/* A whole file: one key of each kind ("key.0" to "key.12": 0x40, true, "text", i16 -1 0 1), tensors
 * "a" (q8_0, 64 x 2) at 0 and "b" (f32, 3 x 5) at 160 of the data. */
void put_good_file(struct buf *out, uint32_t version);

#endif
