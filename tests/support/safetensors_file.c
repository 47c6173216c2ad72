/* safetensors_file.c - see safetensors_file.h.
 *
 * The header is one line, without the spaces that writers pad it with.
 */
#include "tests/support/safetensors_file.h"

#include "base/file.h"
#include "tests/support/gguf_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

void safetensors_file_add(struct safetensors_file *file, const char *name, const char *dtype,
                          const char *shape, const void *bytes, size_t n_bytes)
{
    size_t begin = file->data.n_bytes;
    buf_printf(&file->entries,
               "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
               file->entries.n_bytes ? "," : "", name, dtype, shape, begin, begin + n_bytes);
    buf_append(&file->data, bytes, n_bytes);
}

void safetensors_file_write(struct safetensors_file *file, const char *path)
{
    struct buf out = {0};
    put(&out, file->entries.n_bytes + 2, 8);
    buf_printf(&out, "{%s}", buf_string(&file->entries));
    buf_append(&out, file->data.data, file->data.n_bytes);
    assert_true(buf_check(&out, NULL));
    assert_true(file_write(path, out.data, out.n_bytes, NULL));
    buf_free(&out);
    buf_free(&file->entries);
    buf_free(&file->data);
}
