/* open_source.c - see open_source.h. A text is taken apart here, and each kind of source opens
 * itself; what rows of every kind must be is checked here too.
 */
#include "engine/open_source.h"

#include "base/mem.h"
#include "engine/gguf.h"
#include "engine/hf/hf_source.h"
#include "engine/quantize.h"
#include "engine/seal.h"
#include "engine/synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BLOCK_VALUES = 256 };
static const char quantize_prefix[] = "quantize:", synth_prefix[] = "synth:";

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *source_origin(const char *text)
{
    const char *end =
        begins_with(text, quantize_prefix) ? strchr(text + strlen(quantize_prefix), ':') : NULL;
    return end ? end + 1 : text;
}

/* A folder with a configuration is Hugging Face's. */
static struct source *open_path(const char *path, const struct model_seal *seal, struct err *err)
{
    struct err own = {0};
    char *folder = hf_source_folder(path, &own);
    if (own.code != ERR_NONE) {
        if (err) *err = own;
        return NULL;
    }
    struct source *source =
        folder ? hf_source_open(folder, seal, err) : gguf_open_sealed(path, seal, err);
    free(folder);
    return source;
}

static struct source *open_origin(const char *text, const struct model_seal *seal, struct err *err)
{
    if (!begins_with(text, synth_prefix)) return open_path(text, seal, err);
    struct synth_options options;
    char *storage = NULL;
    struct source *source =
        synth_parse(text, &options, &storage, err) ? synth_open(&options, err) : NULL;
    free(storage);
    if (source && seal && !seal_check_recipe(seal, source, err)) {
        source_close(source);
        source = NULL;
    }
    return source;
}

/* The mixture and the origin of a text that begins "quantize:". */
static bool parse_quantize(const char *text, struct mixture *mixture, const char **origin,
                           struct err *err)
{
    char type[32];
    const char *name = text + strlen(quantize_prefix);
    size_t n = strcspn(name, ":");
    *origin = source_origin(text);
    if (*origin == text || !**origin || n >= sizeof type)
        return err_set(err, ERR_USAGE, "reading '%.200s': expected quantize:TYPE:MODEL", text);
    memcpy(type, name, n);
    type[n] = 0;
    if (begins_with(*origin, quantize_prefix))
        return err_set(err, ERR_USAGE, "a quantized model cannot be quantized once more: '%.200s'",
                       text);
    return mixture_parse(type, mixture, err);
}

struct source *source_open_with(const char *text, const struct source_options *options,
                                struct err *err)
{
    if (!begins_with(text, quantize_prefix)) return open_origin(text, options->seal, err);
    struct mixture mixture;
    const char *origin = NULL;
    if (!parse_quantize(text, &mixture, &origin, err)) return NULL;
    struct source *from = open_origin(origin, options->seal, err);
    return from ? quantize_open(from, &mixture, text, options->importance, err) : NULL;
}

struct source *source_open(const char *text, struct err *err)
{
    const struct source_options none = {0};
    return source_open_with(text, &none, err);
}

/* The value of a row, which is a number nowhere in its block if it is none. */
static float value_at(const struct tensor_info *tensor, const uint8_t *row, size_t column)
{
    const struct tensor_type_info *type = tensor_type_info(tensor->type);
    float values[MOST_BLOCK_VALUES];
    size_t i_block = column / type->block_values;
    tensor_decode(tensor->type, row + i_block * type->block_bytes, type->block_values, values);
    return values[column % type->block_values];
}

bool source_check_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                       size_t n_rows, const void *rows, struct err *err)
{
    const uint8_t *bytes = rows;
    size_t column;
    for (size_t i = 0; i < n_rows; i++, bytes += tensor->row_bytes) {
        if (tensor_is_finite(tensor->type, bytes, tensor->shape[0], &column)) continue;
        float value = value_at(tensor, bytes, column);
        return err_set_at(err, ERR_INPUT, source_file_of(source, tensor), 0, 0,
                          "tensor %s has the value %s in row %zu, column %zu: a weight must be a "
                          "number",
                          tensor->name,
                          isnan(value) ? "nan"
                          : value > 0  ? "inf"
                                       : "-inf",
                          row + i, column);
    }
    return true;
}

float *source_read_vector(const struct source *source, const struct tensor_info *tensor,
                          struct err *err)
{
    size_t n_rows = tensor->n_rows, n_cols = tensor->shape[0];
    uint8_t *rows = mem_new(n_rows, tensor->row_bytes, err);
    float *values = mem_new(n_rows, n_cols * sizeof *values, err);
    bool ok = rows && values && source->read_rows(source, tensor, 0, n_rows, rows, err) &&
              source_check_rows(source, tensor, 0, n_rows, rows, err);
    for (size_t i = 0; ok && i < n_rows; i++)
        tensor_decode(tensor->type, rows + i * tensor->row_bytes, n_cols, values + i * n_cols);
    free(rows);
    if (ok) return values;
    free(values);
    return NULL;
}
