/* fuzz_safetensors.c - any bytes either open as safetensors or are refused with a message and the
 * file's name; of what opens, tensors fill the bytes behind the header and can be read, and the
 * hash is that of the bytes.
 */
#include "engine/hf/safetensors.h"

#include "base/sha256.h"
#include "engine/tools.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void visit_row(const struct source *source, const struct tensor_info *tensor, size_t row)
{
    void *values = malloc(tensor->row_bytes);
    if (!values || !source->read_rows(source, tensor, row, 1, values, NULL)) abort();
    free(values);
}

static void check_hash(const struct source *source, const uint8_t *bytes, size_t n_bytes)
{
    char hex[65], wanted[65];
    struct model_seal *seal = NULL;
    struct sha256 *sum = sha256_new(NULL);
    if (!sum || !source->hash(source, hex, &seal, NULL)) abort();
    sha256_update(sum, bytes, n_bytes);
    sha256_finish(sum, wanted);
    if (strcmp(hex, wanted) != 0) abort();
    sha256_free(sum);
    model_seal_free(seal);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct err err = {0};
    uint64_t n_data = 0;
    struct source *source = safetensors_open_memory(bytes, n_bytes, "input", &err);
    if (!source) {
        if (err.code == ERR_NONE || !err.message[0] || strcmp(err.file, "input") != 0) abort();
        return 0;
    }
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        uint64_t n_tensor_bytes = (uint64_t)tensor->row_bytes * tensor->n_rows;
        if (tensor->offset > n_bytes || n_tensor_bytes > n_bytes - tensor->offset) abort();
        if (!safetensors_dtype(tensor->type)) abort();
        n_data += n_tensor_bytes;
        visit_row(source, tensor, 0);
        visit_row(source, tensor, tensor->n_rows - 1);
    }
    if (n_data != source->n_bytes || n_data > n_bytes) abort();
    check_hash(source, bytes, n_bytes);
    source_close(source);
    return 0;
}
