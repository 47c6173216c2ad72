/* open_source.c - see open_source.h. A text is taken apart here, and each kind of source opens
 * itself.
 */
#include "engine/open_source.h"

#include "engine/gguf.h"
#include "engine/quantize.h"
#include "engine/synth.h"

#include <stdlib.h>
#include <string.h>

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

static struct source *open_origin(const char *text, struct err *err)
{
    if (!begins_with(text, synth_prefix)) return gguf_open(text, err);
    struct synth_options options;
    char *storage = NULL;
    struct source *source =
        synth_parse(text, &options, &storage, err) ? synth_open(&options, err) : NULL;
    free(storage);
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

struct source *source_open_weighted(const char *text, const struct importance *importance,
                                    struct err *err)
{
    if (!begins_with(text, quantize_prefix)) return open_origin(text, err);
    struct mixture mixture;
    const char *origin = NULL;
    if (!parse_quantize(text, &mixture, &origin, err)) return NULL;
    struct source *from = open_origin(origin, err);
    return from ? quantize_open(from, &mixture, text, importance, err) : NULL;
}

struct source *source_open(const char *text, struct err *err)
{
    return source_open_weighted(text, NULL, err);
}
