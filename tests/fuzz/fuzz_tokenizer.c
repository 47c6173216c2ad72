/* fuzz_tokenizer.c - any bytes are encoded by a small SentencePiece and a small byte-level BPE
 * vocabulary and come back from decoding.
 *
 * The first byte chooses the vocabulary and whether special tokens are parsed, the rest is text.
 * Three things do not come back, by design: U+2581 in SentencePiece, which is a space, the white
 * space that rstrip drops, which no token here has, and what qwen2 brings to NFC.
 */
#include "engine/tokenizer_internal.h"

#include "base/mem.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "engine/pre_types.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MAX_TOKENS = 320 };

struct vocabulary_builder {
    struct metadata_string tokens[MAX_TOKENS];
    char texts[MAX_TOKENS][16];
    float scores[MAX_TOKENS];
    int32_t kinds[MAX_TOKENS];
    size_t n;
};

static void put(struct vocabulary_builder *builder, const char *text, enum token_kind kind)
{
    size_t i = builder->n++;
    if (i >= MAX_TOKENS) abort();
    snprintf(builder->texts[i], sizeof builder->texts[i], "%s", text);
    builder->tokens[i] = (struct metadata_string){builder->texts[i], strlen(builder->texts[i])};
    builder->scores[i] = -(float)(i % 7);
    builder->kinds[i] = (int32_t)kind;
}

static void put_bytes(struct vocabulary_builder *builder, bool spm)
{
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[16] = {0};
        bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
        if (spm) snprintf(text, sizeof text, "<0x%02X>", byte);
        else utf8_encode(printable ? byte : next++, text);
        put(builder, text, spm ? TOKEN_BYTE : TOKEN_NORMAL);
    }
}

static void set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                      const void *items, size_t n)
{
    struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = element, .n = n, .items = items};
    if (!metadata_set(metadata, key, &value, NULL)) abort();
}

static struct tokenizer *make_tokenizer(const struct vocabulary_builder *builder, const char *model,
                                        const char *pre)
{
    static const struct metadata_string MERGES[] = {
        {"a b", 3}, {"b a", 3}, {"ab a", 4}, {"a a", 3}, {"aa aa", 5}};
    struct metadata *metadata = metadata_new(NULL);
    struct err err = {0};
    if (!metadata || !metadata_set_string(metadata, "tokenizer.ggml.model", model, NULL) ||
        !metadata_set_string(metadata, "tokenizer.ggml.pre", pre, NULL))
        abort();
    set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, builder->tokens, builder->n);
    set_array(metadata, "tokenizer.ggml.scores", METADATA_F32, builder->scores, builder->n);
    set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, builder->kinds, builder->n);
    set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, MERGES, 5);
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    metadata_free(metadata);
    return tokenizer;
}

static struct tokenizer *make_spm(void)
{
    static const char *const PIECES[] = {
        "\xe2\x96\x81", "\xe2\x96\x81\xe2\x96\x81", "a",        "b",  "ab", "aa",
        "aaaa",         "\xe2\x96\x81\x61",         "\xc3\xa9", "<s", "s>"};
    struct vocabulary_builder builder = {.n = 0};
    put(&builder, "<unk>", TOKEN_UNKNOWN);
    put(&builder, "<s>", TOKEN_CONTROL);
    put(&builder, "</s>", TOKEN_USER_DEFINED);
    put_bytes(&builder, true);
    for (size_t i = 0; i < COUNT_OF(PIECES); i++) put(&builder, PIECES[i], TOKEN_NORMAL);
    return make_tokenizer(&builder, "llama", "default");
}

static struct tokenizer *make_bpe(const char *pre)
{
    static const char *const PIECES[] = {"ab", "ba", "aba", "aa", "aaaa"};
    struct vocabulary_builder builder = {.n = 0};
    put_bytes(&builder, false);
    for (size_t i = 0; i < COUNT_OF(PIECES); i++) put(&builder, PIECES[i], TOKEN_NORMAL);
    put(&builder, "<s>", TOKEN_CONTROL);
    put(&builder, "  ", TOKEN_USER_DEFINED);
    return make_tokenizer(&builder, "gpt2", pre);
}

/* The text, or what NFC makes of it. */
static void put_text(const char *text, size_t n_bytes, bool composes, struct buf *out)
{
    if (composes ? !unicode_normalize(UNICODE_NFC, text, n_bytes, out, NULL)
                 : !buf_append(out, text, n_bytes))
        abort();
}

/* `composes`: both sides are compared in NFC, since the text between two tokens is brought to it,
 * whatever stands before. */
static void check_round_trip(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                             bool composes, bool parse_special)
{
    struct buf given = {0}, back = {0};
    struct tokens tokens = {0};
    struct buf decoded = {0};
    struct err err = {0};
    struct encode_options options = {.bos = BOS_NEVER, .parse_special = parse_special};
    if (!tokenizer_encode(tokenizer, text, n_bytes, &options, &tokens, &err) ||
        !tokenizer_decode(tokenizer, tokens.ids, tokens.n, true, true, &decoded, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    put_text(text, n_bytes, composes, &given);
    put_text(decoded.data, decoded.n_bytes, composes, &back);
    if (back.n_bytes != given.n_bytes ||
        (back.n_bytes && memcmp(back.data, given.data, back.n_bytes) != 0))
        abort();
    buf_free(&given);
    buf_free(&back);
    tokens_free(&tokens);
    buf_free(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const char *const PRE_TYPES[] = {"gpt-2",  "llama-bpe",      "qwen2",       "starcoder",
                                            "falcon", "deepseek-coder", "deepseek-llm"};
    enum { N_PRE_TYPES = COUNT_OF(PRE_TYPES) };
    if (!n_bytes) return 0;
    const char *text = (const char *)bytes + 1;
    size_t n = n_bytes - 1, choice = bytes[0] / 2 % (N_PRE_TYPES + 1);
    bool spm = choice == N_PRE_TYPES;
    if (spm && n && memmem(text, n, "\xe2\x96\x81", 3)) return 0;
    /* Made once: const from then on, and a thousand times dearer than a short text. */
    static struct tokenizer *tokenizers[N_PRE_TYPES + 1];
    if (!tokenizers[choice]) tokenizers[choice] = spm ? make_spm() : make_bpe(PRE_TYPES[choice]);
    bool composes = !spm && pre_type_composes(PRE_TYPES[choice]);
    check_round_trip(tokenizers[choice], text, n, composes, bytes[0] & 1);
    return 0;
}
