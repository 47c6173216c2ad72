/* fuzz_gguf.c - any bytes either open as GGUF or are refused with a message and the file's name; of
 * what opens, every key prints, every tensor lies inside the bytes and its first and last rows can
 * be read and decoded.
 */
#include "engine/gguf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* A getter either gives what stands there or says why not. */
static void read_every_way(const struct metadata *metadata, const char *key)
{
    struct err errs[6] = {0};
    int64_t integer;
    double number;
    bool truth;
    const char *text;
    const struct metadata_string *strings;
    const struct metadata_value *array;
    size_t n;
    const bool done[] = {
        metadata_read_integer(metadata, key, INT64_MIN, INT64_MAX, &integer, &errs[0]),
        metadata_read_number(metadata, key, &number, &errs[1]),
        metadata_read_bool(metadata, key, &truth, &errs[2]),
        metadata_read_string(metadata, key, &text, &errs[3]),
        metadata_read_strings(metadata, key, &strings, &n, &errs[4]),
        metadata_read_array(metadata, key, &array, &errs[5]),
    };
    for (size_t i = 0; i < sizeof done / sizeof *done; i++)
        if (done[i] != (errs[i].code == ERR_NONE)) abort();
}

static void visit_metadata(const struct metadata *metadata)
{
    struct buf text = {0};
    for (size_t i = 0; i < metadata_count(metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(metadata, i, &key);
        if (metadata_find(metadata, key) != value) abort(); /* keys are distinct */
        buf_clear(&text);
        metadata_print(value, 200, &text);
        if (value->kind == METADATA_STRING && value->string.text[value->string.n_bytes]) abort();
        read_every_way(metadata, key);
    }
    buf_free(&text);
}

static void visit_row(const struct source *source, const struct tensor_info *tensor, size_t row)
{
    void *blocks = malloc(tensor->row_bytes);
    float *values = malloc(tensor->shape[0] * sizeof *values);
    if (!blocks || !values) abort();
    if (!source->read_rows(source, tensor, row, 1, blocks, NULL)) abort();
    if (tensor_type_info(tensor->type)->supported) {
        tensor_decode(tensor->type, blocks, tensor->shape[0], values);
    }
    free(values);
    free(blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    struct source *source = gguf_open_memory(bytes, n_bytes, "input", &err);
    if (!source) {
        if (err.code == ERR_NONE || !err.message[0] || strcmp(err.file, "input") != 0) abort();
        return 0;
    }
    visit_metadata(source->metadata);
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        uint64_t n_tensor_bytes = (uint64_t)tensor->row_bytes * tensor->n_rows;
        if (tensor->offset > n_bytes || n_tensor_bytes > n_bytes - tensor->offset) abort();
        if (source_find(source, tensor->name) != tensor) abort();
        visit_row(source, tensor, 0);
        visit_row(source, tensor, tensor->n_rows - 1);
    }
    source_close(source);
    return 0;
}
