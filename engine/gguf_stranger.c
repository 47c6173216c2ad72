/* gguf_stranger.c - what a file is that was given as a model and is none, by its first bytes.
 *
 * Downloads go wrong in few ways, and a message that names the way says what to do.
 */
#include "engine/gguf.h"

#include <ctype.h>
#include <string.h>

/* What else is found in the place of a model, by its first bytes. */
static const struct stranger {
    const char *begin;
    size_t n_bytes;
    const char *what;
} STRANGERS[] = {
#define BEGINS(TEXT, WHAT)                                                                         \
    {                                                                                              \
        TEXT, sizeof TEXT - 1, WHAT                                                                \
    }
    BEGINS("version https://git-lfs",
           " but a Git LFS pointer: fetch the model with \"git lfs pull\""),
    BEGINS("version https://hawser",
           " but a Git LFS pointer: fetch the model with \"git lfs pull\""),
    BEGINS("# xet version", " but a Xet pointer: download the model itself"),
    BEGINS("/annex/objects/", " but a git-annex pointer: fetch the model with \"git annex get\""),
    BEGINS("<!doctype html", " but an HTML page: download the model itself"),
    BEGINS("<html", " but an HTML page: download the model itself"),
    BEGINS("<?xml", " but an XML document: a server's error, or a page; download the model itself"),
    BEGINS("{", " but JSON: a server's error, or a configuration; download the model itself"),
    BEGINS("PK\3\4", " but a ZIP archive (PyTorch's checkpoints are such): convert it to GGUF"),
    BEGINS("\x1f\x8b", " but compressed by gzip: unpack it first"),
    BEGINS("\x28\xb5\x2f\xfd", " but compressed by zstd: unpack it first"),
    BEGINS("\xfd"
           "7zXZ",
           " but compressed by xz: unpack it first"),
    BEGINS("lmgg", " but a GGML file from before GGUF: convert the model again"),
    BEGINS("fmgg", " but a GGML file from before GGUF: convert the model again"),
    BEGINS("tjgg", " but a GGML file from before GGUF: convert the model again"),
    BEGINS("\0\0\0\0", " but zeros: an unfinished download?"),
#undef BEGINS
};

const char *gguf_describe_stranger(const void *first, size_t n)
{
    const char *bytes = first;
    size_t at = 0;
    if (!n) return " but an empty one";
    if (n > 10 && bytes[8] == '{' && bytes[9] == '"')
        return " but safetensors: name the folder that it is in, with its config.json";
    if (n > 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) at = 3;
    while (at < n && strchr(" \t\r\n", bytes[at]) && bytes[at]) at++;
    for (size_t i = 0; i < sizeof STRANGERS / sizeof *STRANGERS; i++) {
        const struct stranger *stranger = &STRANGERS[i];
        size_t k = 0;
        while (k < stranger->n_bytes && at + k < n &&
               tolower((unsigned char)bytes[at + k]) == tolower((unsigned char)stranger->begin[k]))
            k++;
        if (k == stranger->n_bytes) return stranger->what;
    }
    return NULL;
}
