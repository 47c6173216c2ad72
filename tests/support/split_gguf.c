/* split_gguf.c - see split_gguf.h.
 *
 * A shard is a file of its own: its tensors' offsets count from its own data.
 */
#include "tests/support/split_gguf.h"

#include "base/file.h"
#include "tests/support/gguf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

enum { ALIGNMENT = 32, N_SPLIT_KEYS = 3 };

static void put_bytes(struct buf *out, const struct metadata_string *string)
{
    put(out, string->n_bytes, 8);
    buf_append(out, string->text, string->n_bytes);
}

static void put_array(struct buf *out, const struct metadata_value *array)
{
    const struct metadata_string *strings = array->items;
    put(out, array->element, 4);
    put(out, array->n, 8);
    if (array->element != METADATA_STRING)
        buf_append(out, array->items, array->n * metadata_kind_bytes(array->element));
    else
        for (size_t i = 0; i < array->n; i++) put_bytes(out, &strings[i]);
}

static void put_metadata(struct buf *out, const struct metadata *metadata)
{
    for (size_t i = 0; i < metadata_count(metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(metadata, i, &key);
        put_text(out, key);
        put(out, value->kind, 4);
        if (value->kind == METADATA_STRING) put_bytes(out, &value->string);
        else if (value->kind == METADATA_ARRAY) put_array(out, value);
        else put(out, metadata_to_bits(value), (int)metadata_kind_bytes(value->kind));
    }
}

/* The widths that gguf-split gives them. */
static void put_place(struct buf *out, const struct test_shard *shard)
{
    put_text(out, "split.no");
    put(out, METADATA_U16, 4);
    put(out, shard->i_shard, 2);
    put_text(out, "split.count");
    put(out, METADATA_U16, 4);
    put(out, shard->n_shards, 2);
    put_text(out, "split.tensors.count");
    put(out, METADATA_I32, 4);
    put(out, shard->n_tensors, 4);
}

static void pad(struct buf *out)
{
    while (out->n_bytes % ALIGNMENT) buf_char(out, 0);
}

static void put_rows(struct buf *out, const struct source *source, const struct tensor_info *tensor)
{
    size_t n_bytes = tensor->n_rows * tensor->row_bytes;
    char *rows = malloc(n_bytes);
    assert_non_null(rows);
    assert_true(source->read_rows(source, tensor, 0, tensor->n_rows, rows, NULL));
    pad(out);
    buf_append(out, rows, n_bytes);
    free(rows);
}

void test_write_shard(const char *path, const struct source *source, const struct test_shard *shard)
{
    const struct metadata *metadata = shard->i_shard == 0 ? source->metadata : NULL;
    struct buf out = {.maximum = SIZE_MAX};
    uint64_t offset = 0;
    put_preamble(&out, 3, shard->i_end - shard->i_first,
                 N_SPLIT_KEYS + (metadata ? metadata_count(metadata) : 0));
    if (metadata) put_metadata(&out, metadata);
    put_place(&out, shard);
    for (size_t i = shard->i_first; i < shard->i_end; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        put_text(&out, tensor->name);
        put(&out, tensor->n_dimensions, 4);
        for (size_t k = 0; k < tensor->n_dimensions; k++) put(&out, tensor->shape[k], 8);
        put(&out, tensor->type, 4);
        put(&out, offset, 8);
        offset += (tensor->n_rows * tensor->row_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    pad(&out);
    for (size_t i = shard->i_first; i < shard->i_end; i++)
        put_rows(&out, source, &source->tensors[i]);
    assert_true(buf_check(&out, NULL));
    assert_true(file_write(path, out.data, out.n_bytes, NULL));
    buf_free(&out);
}

char *test_shard_path(const char *name, size_t i_shard, size_t n_shards)
{
    struct buf path = {0};
    buf_printf(&path, "%s-%05zu-of-%05zu.gguf", name, i_shard + 1, n_shards);
    char *text = buf_take(&path, NULL);
    assert_non_null(text);
    return text;
}

void test_split(const char *name, const struct source *source, size_t n_shards, bool is_first_small)
{
    size_t n_small = is_first_small, n_full = n_shards - n_small, n = source->n_tensors;
    for (size_t i = 0; i < n_shards; i++) {
        size_t i_part = i < n_small ? 0 : i - n_small;
        struct test_shard shard = {.i_shard = i,
                                   .n_shards = n_shards,
                                   .n_tensors = n,
                                   .i_first = n * i_part / n_full,
                                   .i_end = i < n_small ? 0 : n * (i_part + 1) / n_full};
        char *path = test_shard_path(name, i, n_shards);
        test_write_shard(path, source, &shard);
        free(path);
    }
}
