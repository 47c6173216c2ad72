/* source.c - opens what a path or a spec names, and finds tensors by name.
 *
 * Knows which kinds of source there are, and nothing of what is in them.
 */
#include "engine/source.h"

#include "engine/gguf.h"
#include "engine/quantize.h"
#include "engine/synth.h"

#include <stdlib.h>
#include <string.h>

struct source *source_open(const char *path, struct err *err)
{
    if (quantize_is_spec(path)) return quantize_open(path, NULL, err);
    if (strncmp(path, "synth:", strlen("synth:")) != 0) return gguf_open(path, err);
    struct synth_options options;
    char *storage = NULL;
    struct source *source =
        synth_parse(path, &options, &storage, err) ? synth_open(&options, err) : NULL;
    free(storage);
    return source;
}

void source_close(struct source *source)
{
    if (source) source->close(source);
}

const struct tensor_info *source_find(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->n_tensors; i++) {
        if (strcmp(source->tensors[i].name, name) == 0) return &source->tensors[i];
    }
    return NULL;
}
