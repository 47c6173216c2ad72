/* line_encoder.c - see line_encoder.h. A line is known by its bytes and by whether it begins a
 * text, where BOS and SentencePiece's space prefix belong to it.
 *
 * What is known is forgotten all at once when it has become too much: the next texts bring back
 * what is still of use.
 */
#include "harness/ask/line_encoder.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT_BYTES = 8 << 20, MIN_SLOTS = 1024 };

struct encoded_line {
    uint64_t hash;
    size_t begin, n_bytes;  /* in encoder.text */
    size_t first_id, n_ids; /* in encoder.ids */
    bool begins_text;
};

void line_encoder_init(struct line_encoder *encoder, const struct tokenizer *tokenizer,
                       enum bos_policy bos)
{
    *encoder =
        (struct line_encoder){.tokenizer = tokenizer, .bos = bos, .max_text_bytes = MAX_TEXT_BYTES};
}

static void forget_lines(struct line_encoder *encoder)
{
    buf_free(&encoder->text);
    tokens_free(&encoder->ids);
    free(encoder->lines);
    free(encoder->slots);
    encoder->lines = NULL;
    encoder->slots = NULL;
    encoder->n_lines = encoder->capacity = encoder->n_slots = 0;
}

void line_encoder_done(struct line_encoder *encoder)
{
    forget_lines(encoder);
}

/* The slot of the line, or the empty one where it belongs. */
static int32_t *find_slot(const struct line_encoder *encoder, const char *text, size_t n_bytes,
                          bool begins_text, uint64_t hash)
{
    size_t i = (size_t)hash & (encoder->n_slots - 1);
    for (; encoder->slots[i] >= 0; i = (i + 1) & (encoder->n_slots - 1)) {
        const struct encoded_line *line = &encoder->lines[encoder->slots[i]];
        if (line->hash == hash && line->n_bytes == n_bytes && line->begins_text == begins_text &&
            !memcmp(encoder->text.data + line->begin, text, n_bytes))
            break;
    }
    return &encoder->slots[i];
}

/* At most half of the slots are taken. */
static bool grow_slots(struct line_encoder *encoder, struct err *err)
{
    if (encoder->slots && 2 * (encoder->n_lines + 1) <= encoder->n_slots) return true;
    size_t n = encoder->slots ? 2 * encoder->n_slots : MIN_SLOTS;
    int32_t *slots = mem_new(n, sizeof *slots, err);
    if (!slots) return false;
    memset(slots, 0xff, n * sizeof *slots);
    for (size_t k = 0; k < encoder->n_lines; k++) {
        size_t i = (size_t)encoder->lines[k].hash & (n - 1);
        while (slots[i] >= 0) i = (i + 1) & (n - 1);
        slots[i] = (int32_t)k;
    }
    free(encoder->slots);
    encoder->slots = slots;
    encoder->n_slots = n;
    return true;
}

/* Encodes a line and keeps it. */
static bool add_line(struct line_encoder *encoder, const char *text, size_t n_bytes,
                     bool begins_text, uint64_t hash, int32_t *slot, struct err *err)
{
    const struct encode_options options = {.bos = begins_text ? encoder->bos : BOS_NEVER,
                                           .continues = !begins_text};
    struct encoded_line line = {.hash = hash,
                                .begin = encoder->text.n_bytes,
                                .n_bytes = n_bytes,
                                .first_id = encoder->ids.n,
                                .begins_text = begins_text};
    if (!mem_grow((void **)&encoder->lines, &encoder->capacity, encoder->n_lines + 1, sizeof line,
                  INT32_MAX, err) ||
        !tokenizer_encode(encoder->tokenizer, text, n_bytes, &options, &encoder->ids, err))
        return false;
    buf_append(&encoder->text, text, n_bytes);
    if (!buf_check(&encoder->text, err)) return false;
    line.n_ids = encoder->ids.n - line.first_id;
    *slot = (int32_t)encoder->n_lines;
    encoder->lines[encoder->n_lines++] = line;
    return true;
}

static bool encode_line(struct line_encoder *encoder, const char *text, size_t n_bytes,
                        bool begins_text, struct tokens *out, struct err *err)
{
    uint64_t hash = hash_text(text, n_bytes) + begins_text;
    if (encoder->text.n_bytes > encoder->max_text_bytes) forget_lines(encoder);
    if (!grow_slots(encoder, err)) return false;
    int32_t *slot = find_slot(encoder, text, n_bytes, begins_text, hash);
    if (*slot < 0 && !add_line(encoder, text, n_bytes, begins_text, hash, slot, err)) return false;
    const struct encoded_line *line = &encoder->lines[*slot];
    return tokens_append(out, encoder->ids.ids + line->first_id, line->n_ids, err);
}

bool line_encode(struct line_encoder *encoder, const char *text, size_t n_bytes, struct tokens *out,
                 struct err *err)
{
    const struct encode_options options = {.bos = encoder->bos};
    size_t n_before = out->n;
    if (!n_bytes || !tokenizer_lines_are_apart(encoder->tokenizer))
        return tokenizer_encode(encoder->tokenizer, text, n_bytes, &options, out, err);
    for (size_t at = 0, n; at < n_bytes; at += n) {
        const char *end = memchr(text + at, '\n', n_bytes - at);
        n = end ? (size_t)(end - text) + 1 - at : n_bytes - at;
        if (encode_line(encoder, text + at, n, at == 0, out, err)) continue;
        out->n = n_before;
        return false;
    }
    return true;
}
