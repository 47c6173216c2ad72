/* steps_decoder.c - see steps_decoder.h. Of all that the library's decoders can do, the few steps
 * are read that tokenizers of language models have; together they come to four facts.
 */
#include "engine/steps_decoder.h"

#include "base/mem.h"

#include <string.h>

static const char MARK[] = "\xe2\x96\x81"; /* U+2581 */

/* What was seen of a sequence so far: the strip of a text comes after its pieces are one. */
struct reading {
    struct steps_decoder *decoder;
    bool is_fused;
};

static bool read_replace(struct reading *reading, const struct json *json, struct err *err)
{
    const char *pattern = json_as_string(json_get(json_get(json, "pattern"), "String"), "");
    const char *content = json_as_string(json_get(json, "content"), "");
    if (strcmp(pattern, MARK) != 0 || strcmp(content, " ") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: the decoder Replace of \"%.64s\" by \"%.64s\"", pattern,
                       content);
    reading->decoder->marks_spaces = true;
    return true;
}

static bool read_strip(struct reading *reading, const struct json *json, struct err *err)
{
    int64_t start = json_as_integer(json_get(json, "start"), -1);
    int64_t stop = json_as_integer(json_get(json, "stop"), -1);
    bool is_space = strcmp(json_as_string(json_get(json, "content"), ""), " ") == 0;
    if (!is_space || start < 0 || start > INT32_MAX || stop != 0 || !reading->is_fused)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: a decoder Strip of anything but the spaces that a text "
                       "begins with");
    reading->decoder->n_strip = (size_t)start;
    return true;
}

static bool read_metaspace(struct reading *reading, const struct json *json, struct err *err)
{
    const char *mark = json_as_string(json_get(json, "replacement"), "");
    const char *scheme = json_as_string(json_get(json, "prepend_scheme"), "always");
    bool prepends = json_as_bool(json_get(json, "add_prefix_space"), true);
    if (strcmp(mark, MARK) != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "not supported yet: a decoder Metaspace with the mark \"%.64s\"", mark);
    reading->decoder->marks_spaces = true;
    reading->decoder->strips_first_marks = prepends && strcmp(scheme, "never") != 0;
    return true;
}

static bool read_byte_level(struct reading *reading, const struct json *json, struct err *err)
{
    (void)json;
    (void)err;
    reading->decoder->is_byte_level = true;
    return true;
}

static bool read_fuse(struct reading *reading, const struct json *json, struct err *err)
{
    (void)json;
    (void)err;
    reading->is_fused = true;
    return true;
}

static bool read_byte_fallback(struct reading *reading, const struct json *json, struct err *err)
{
    (void)json;
    (void)err;
    reading->decoder->joins_bytes = true;
    return true;
}

static const struct {
    const char *type;
    bool (*read)(struct reading *reading, const struct json *json, struct err *err);
} KINDS[] = {
    {"Replace", read_replace}, {"ByteFallback", read_byte_fallback}, {"Fuse", read_fuse},
    {"Strip", read_strip},     {"Metaspace", read_metaspace},        {"ByteLevel", read_byte_level},
};

static bool read_steps(struct reading *reading, const struct json *json, int depth, struct err *err)
{
    enum { MAX_DEPTH = 8 };
    const char *type = json_require_string(json, "type", err);
    if (!type) return false;
    if (strcmp(type, "Sequence") == 0 && depth < MAX_DEPTH) {
        const struct json *parts = json_get(json, "decoders");
        if (json_kind(parts) != JSON_KIND_ARRAY)
            return err_set(err, ERR_INPUT, "a Sequence without \"decoders\"");
        for (size_t i = 0; i < json_length(parts); i++)
            if (!read_steps(reading, json_at(parts, i), depth + 1, err)) return false;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (strcmp(type, KINDS[i].type) == 0) return KINDS[i].read(reading, json, err);
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: the decoder \"%.64s\"", type);
}

bool steps_decoder_read(struct steps_decoder *decoder, const struct json *json, struct err *err)
{
    struct reading reading = {.decoder = decoder};
    *decoder = (struct steps_decoder){0};
    if (json_kind(json) == JSON_KIND_NULL)
        return err_set(err, ERR_UNSUPPORTED, "not supported yet: a tokenizer without a decoder");
    return read_steps(&reading, json, 0, err) || err_context(err, "reading the decoder");
}

/* Appends the piece with spaces, or with nothing, for its marks. */
static void append_marked(const struct piece *piece, bool drops_marks, struct buf *out)
{
    size_t n_mark = strlen(MARK);
    for (size_t i = 0; i < piece->n_bytes;) {
        bool is_mark = piece->n_bytes - i >= n_mark && memcmp(piece->text + i, MARK, n_mark) == 0;
        if (!is_mark) buf_char(out, piece->text[i]);
        else if (!drops_marks) buf_char(out, ' ');
        i += is_mark ? n_mark : 1;
    }
}

void steps_decoder_append(const struct steps_decoder *decoder, const struct piece *piece,
                          bool is_first, struct buf *out)
{
    if (decoder->is_byte_level && piece->kind == TOKEN_NORMAL) bpe_decode(piece, out);
    else if (decoder->joins_bytes && piece->kind == TOKEN_BYTE) spm_decode(piece, false, out);
    else if (decoder->marks_spaces)
        append_marked(piece, is_first && decoder->strips_first_marks, out);
    else buf_append(out, piece->text, piece->n_bytes);
}

void steps_decoder_strip(const struct steps_decoder *decoder, size_t begin, struct buf *out)
{
    size_t n = 0, n_bytes = out->n_bytes - begin;
    while (n < decoder->n_strip && n < n_bytes && out->data[begin + n] == ' ') n++;
    if (!n) return;
    memmove(out->data + begin, out->data + begin + n, n_bytes - n + 1);
    out->n_bytes -= n;
}
