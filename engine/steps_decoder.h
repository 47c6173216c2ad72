/* steps_decoder.h - what a tokenizer.json's "decoder" makes of pieces: the text that they stand
 * for.
 *
 * As the library `tokenizers` defines it, but that bytes which are no UTF-8 come back as they are.
 * Only the files of the tokenizer include this header.
 */
#ifndef PHIBENCH_ENGINE_STEPS_DECODER_H
#define PHIBENCH_ENGINE_STEPS_DECODER_H

#include "base/json.h"
#include "engine/tokenizer_internal.h"

struct steps_decoder {
    bool is_byte_level;      /* pieces are spelled in the alphabet of bytes */
    bool marks_spaces;       /* U+2581 stands for a space */
    bool joins_bytes;        /* byte tokens stand for their bytes, not for what they are called */
    bool strips_first_marks; /* and for nothing in the first piece of a text */
    size_t n_strip;          /* spaces that are taken from the beginning of a text */
};

/* ERR_UNSUPPORTED names a step that is not in. */
bool steps_decoder_read(struct steps_decoder *decoder, const struct json *json, struct err *err)
    __attribute__((warn_unused_result));

/* Appends the text of a piece, which is spelled as *piece says. */
void steps_decoder_append(const struct steps_decoder *decoder, const struct piece *piece,
                          bool is_first, struct buf *out);
/* Strips the text that begins at out->data + begin. */
void steps_decoder_strip(const struct steps_decoder *decoder, size_t begin, struct buf *out);

#endif
