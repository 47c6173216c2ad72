/* tokenizer_bpe.c - byte-level BPE as GPT-2 has it: words of bytes, merged in the order of a list.
 *
 * Pieces are spelled in an alphabet that has one printable character for each byte: printable
 * Latin-1 stands for itself, the other 68 bytes are U+0100, U+0101... in order, so that a space is
 * U+0120 and a line feed U+010A. Any bytes are encoded and come back, with one exception: the
 * vocabularies of DeepSeek have the bytes that never occur in UTF-8 (C0, C1, F5 to FF) only as
 * user-defined characters, so that such a byte comes back as that character.
 */
#include "engine/tokenizer_internal.h"

#include "base/unicode.h"
#include "base/utf8.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- The alphabet ---- */

enum { ALPHABET_BASE = 0x100, ALPHABET_END = ALPHABET_BASE + 68 };

static bool is_printable(uint32_t code)
{
    return (code >= 0x21 && code <= 0x7e) || (code >= 0xa1 && code <= 0xff && code != 0xad);
}

static uint32_t character_of(unsigned char byte)
{
    if (is_printable(byte)) return byte;
    uint32_t n_before = 0;
    for (uint32_t code = 0; code < byte; code++) n_before += !is_printable(code);
    return ALPHABET_BASE + n_before;
}

/* The byte that a character stands for, -1 if it is not of the alphabet. */
static int byte_of(uint32_t code)
{
    if (is_printable(code)) return (int)code;
    if (code < ALPHABET_BASE || code >= ALPHABET_END) return -1;
    uint32_t n_before = code - ALPHABET_BASE;
    for (int byte = 0; byte < 256; byte++)
        if (!is_printable((uint32_t)byte) && n_before-- == 0) return byte;
    return -1;
}

void bpe_decode(const struct piece *piece, struct buf *out)
{
    for (uint32_t at = 0, code; at < piece->n_bytes;) {
        bool valid;
        size_t n = utf8_decode(piece->text + at, piece->n_bytes - at, &code, &valid);
        int byte = valid ? byte_of(code) : -1;
        if (byte >= 0) buf_char(out, (char)byte);
        else buf_append(out, piece->text + at, n);
        at += (uint32_t)n;
    }
}

void bpe_spell(const char *bytes, size_t n_bytes, struct buf *out)
{
    for (size_t i = 0; i < n_bytes; i++) {
        char text[4];
        buf_append(out, text, utf8_encode(character_of((unsigned char)bytes[i]), text));
    }
}

/* ---- Making one ---- */

void bpe_find_bytes(struct tokenizer *tokenizer)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[4];
        size_t n = utf8_encode(character_of((unsigned char)byte), text);
        tokenizer->byte_ids[byte] = vocabulary_find(&tokenizer->vocabulary, text, n);
    }
}

bool bpe_init(struct tokenizer *tokenizer, const struct metadata *metadata, struct err *err)
{
    const char *name = NULL;
    const struct metadata_string *lines;
    size_t n_lines;
    if (!metadata_read_string(metadata, "tokenizer.ggml.pre", &name, err) ||
        !metadata_read_strings(metadata, "tokenizer.ggml.merges", &lines, &n_lines, err))
        return false;
    if (!name) {
        name = "default";
        buf_text(&tokenizer->vocabulary.notes,
                 "the file does not say its pre-tokenizer (tokenizer.ggml.pre): \"default\" is "
                 "taken, which may cut words otherwise than the model learnt them\n");
    }
    tokenizer->pretokenizer = pretokenizer_new(name, err);
    if (!tokenizer->pretokenizer) return false;
    snprintf(tokenizer->kind, sizeof tokenizer->kind, "bpe:%s", name);
    tokenizer->ignore_merges = pretokenizer_ignores_merges(tokenizer->pretokenizer);
    bpe_find_bytes(tokenizer);
    if (!lines) return err_set(err, ERR_INPUT, "no merges: tokenizer.ggml.merges is absent");
    return merge_list_init(&tokenizer->merges, &tokenizer->vocabulary, lines, n_lines, false, err);
}

void bpe_done(struct tokenizer *tokenizer)
{
    pretokenizer_free(tokenizer->pretokenizer);
}

/* ---- Encoding ---- */

/* What one encode needs from word to word. */
struct bpe_work {
    const struct tokenizer *tokenizer;
    struct merger merger;
    struct word_list words;
    struct buf spelled; /* a word in the alphabet */
    struct tokens *out;
};

/* The piece that a word is as a whole, -1 if it is none. */
static int32_t find_word(struct bpe_work *work, const char *word, size_t n_bytes)
{
    if (n_bytes > work->tokenizer->vocabulary.longest_bytes) return -1;
    buf_clear(&work->spelled);
    bpe_spell(word, n_bytes, &work->spelled);
    if (work->spelled.failed) return -1;
    return vocabulary_find_normal(&work->tokenizer->vocabulary, work->spelled.data,
                                  work->spelled.n_bytes);
}

static bool encode_word(struct bpe_work *work, const char *word, size_t n_bytes, struct err *err)
{
    const struct tokenizer *tokenizer = work->tokenizer;
    struct merger *merger = &work->merger;
    int32_t whole = tokenizer->ignore_merges ? find_word(work, word, n_bytes) : -1;
    if (whole >= 0) return tokens_append(work->out, &whole, 1, err);
    merger->n_symbols = 0;
    for (size_t i = 0; i < n_bytes; i++)
        if (!merger_add(merger, tokenizer->byte_ids[(unsigned char)word[i]], i, 1, err))
            return false;
    if (!merger_run(merger, merge_list_find, &tokenizer->merges, err)) return false;
    for (uint32_t i = 0; i != MERGE_NONE; i = merger->symbols[i].next) {
        const struct merge_symbol *symbol = &merger->symbols[i];
        /* A byte without a token is left out, as Hugging Face's tokenizers does. */
        if (symbol->id >= 0 && !tokens_append(work->out, &symbol->id, 1, err)) return false;
    }
    return true;
}

bool bpe_encode(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                enum fragment_place place, struct tokens *out, struct err *err)
{
    struct bpe_work work = {.tokenizer = tokenizer, .out = out};
    struct buf composed = {.maximum = (size_t)4 * TOKENIZER_MAX_TEXT_BYTES};
    bool ok = true, valid = true;
    if (pretokenizer_composes(tokenizer->pretokenizer) &&
        !unicode_is_surely(UNICODE_NFC, text, n_bytes)) {
        ok = unicode_normalize(UNICODE_NFC, text, n_bytes, &composed, err);
        text = composed.data;
        n_bytes = composed.n_bytes;
    }
    for (size_t at = 0, n; ok && at < n_bytes; at += n) {
        n = utf8_run(text + at, n_bytes - at, &valid);
        if (!valid) {
            ok = encode_word(&work, text + at, n, err);
            continue;
        }
        ok = pretokenizer_split(tokenizer->pretokenizer, text + at, n,
                                at ? FRAGMENT_CONTINUES : place, &work.words, err);
        for (size_t i = 0; ok && i < work.words.n; i++) {
            const struct regex_span *word = &work.words.spans[i];
            ok = encode_word(&work, work.words.text + word->begin, word->end - word->begin, err);
        }
    }
    merger_done(&work.merger);
    word_list_done(&work.words);
    buf_free(&work.spelled);
    buf_free(&composed);
    return ok;
}
