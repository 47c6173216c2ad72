/* safetensors_file.h - files of the safetensors format, built tensor by tensor.
 *
 * Start with `struct safetensors_file file = {0}`. What goes wrong fails the running test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_SAFETENSORS_FILE_H
#define PHIBENCH_TESTS_SUPPORT_SAFETENSORS_FILE_H

#include "base/buf.h"

struct safetensors_file {
    struct buf entries, data;
};

/* Appends a tensor of n_bytes; shape as it stands in the header, "[3,2]". */
void safetensors_file_add(struct safetensors_file *file, const char *name, const char *dtype,
                          const char *shape, const void *bytes, size_t n_bytes);

/* Writes the file and frees what was built. */
void safetensors_file_write(struct safetensors_file *file, const char *path);

#endif
