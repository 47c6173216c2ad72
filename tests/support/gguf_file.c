/* gguf_file.c - see gguf_file.h.
 *
 * Written apart from the engine's writer on purpose, so that the two check each other.
 */
#include "tests/support/gguf_file.h"

#include "engine/metadata.h"
#include "engine/tensor_type.h"

#include <stdio.h>
#include <string.h>

void put(struct buf *out, uint64_t bits, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) buf_char(out, (char)(bits >> (8 * i) & 255));
}

void put_text(struct buf *out, const char *text)
{
    put(out, strlen(text), 8);
    buf_text(out, text);
}

void put_preamble(struct buf *out, uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    buf_text(out, "GGUF");
    put(out, version, 4);
    put(out, n_tensors, 8);
    put(out, n_keys, 8);
}

void put_unsigned_key(struct buf *out, const char *key, uint32_t value)
{
    put_text(out, key);
    put(out, METADATA_U32, 4);
    put(out, value, 4);
}

void put_tensor(struct buf *out, const char *name, uint64_t columns, uint64_t rows, uint32_t type,
                uint64_t offset)
{
    put_text(out, name);
    put(out, 2, 4);
    put(out, columns, 8);
    put(out, rows, 8);
    put(out, type, 4);
    put(out, offset, 8);
}

void put_data(struct buf *out, size_t alignment, size_t n_bytes)
{
    while (out->n_bytes % alignment) buf_char(out, 0);
    for (size_t i = 0; i < n_bytes; i++) buf_char(out, (char)i);
}

void put_good_file(struct buf *out, uint32_t version)
{
    put_preamble(out, version, 2, 13);
    for (uint32_t kind = METADATA_U8; kind <= METADATA_F64; kind++) {
        char key[16];
        snprintf(key, sizeof key, "key.%u", (unsigned)kind);
        put_text(out, key);
        put(out, kind, 4);
        if (kind == METADATA_STRING) {
            put_text(out, "text");
        } else if (kind == METADATA_ARRAY) {
            put(out, METADATA_I16, 4);
            put(out, 3, 8);
            for (int i = -1; i < 2; i++) put(out, (uint64_t)i, 2);
        } else {
            put(out, kind == METADATA_BOOL ? 1 : 0x40,
                (int)metadata_kind_bytes((enum metadata_kind)kind));
        }
    }
    put_tensor(out, "a", 64, 2, TENSOR_Q8_0, 0);
    put_tensor(out, "b", 3, 5, TENSOR_F32, 160);
    put_data(out, 32, 160 + 60);
}
