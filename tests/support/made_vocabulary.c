/* made_vocabulary.c - see made_vocabulary.h.
 *
 * Merges are derived from the tokens, so that they and the scores say the same.
 */
#include "tests/support/made_vocabulary.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE "\xe2\x96\x81"
enum { N_BYTES = 256, FIRST_CHARACTER = 0x21, LAST_CHARACTER = 0x7e };

void made_put(struct made_vocabulary *made, const char *text, float score, enum token_kind kind)
{
    size_t i = made->n++;
    assert_true(i < MADE_MAX_ENTRIES && strlen(text) < sizeof made->texts[i]);
    snprintf(made->texts[i], sizeof made->texts[i], "%s", text);
    made->tokens[i] = (struct metadata_string){made->texts[i], strlen(text)};
    made->scores[i] = score;
    made->kinds[i] = (int32_t)kind;
}

void made_put_spm(struct made_vocabulary *made)
{
    static const char *const MERGED[] = {
        "he",       "in",        "th", "an",        "er",          SPACE "t",  SPACE "a",
        SPACE "th", SPACE "the", "ll", "lo",        "llo",         "hello",    SPACE "hello",
        SPACE "w",  "or",        "ld", SPACE "wor", SPACE "world", SPACE SPACE};
    char text[8];
    made_put(made, "<unk>", 0, TOKEN_UNKNOWN);
    made_put(made, "<s>", 0, TOKEN_CONTROL);
    made_put(made, "</s>", 0, TOKEN_CONTROL);
    for (unsigned byte = 0; byte < N_BYTES; byte++) {
        snprintf(text, sizeof text, "<0x%02X>", byte);
        made_put(made, text, 0, TOKEN_BYTE);
    }
    made_put(made, SPACE, -1000, TOKEN_NORMAL);
    for (int c = FIRST_CHARACTER; c <= LAST_CHARACTER; c++) {
        snprintf(text, sizeof text, "%c", c);
        made_put(made, text, -1000, TOKEN_NORMAL);
    }
    for (size_t i = 0; i < sizeof MERGED / sizeof *MERGED; i++)
        made_put(made, MERGED[i], -(float)(i + 1), TOKEN_NORMAL);
}

void made_put_bpe(struct made_vocabulary *made)
{
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < N_BYTES; byte++) {
        bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
        char text[8] = {0};
        utf8_encode(printable ? byte : next++, text);
        made_put(made, text, 0, TOKEN_NORMAL);
    }
}

void made_set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                    const void *items, size_t n)
{
    struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = element, .n = n, .items = items};
    assert_true(metadata_set(metadata, key, &value, NULL));
}

struct metadata *made_metadata_of(const struct made_vocabulary *made, const char *model)
{
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(metadata);
    made_set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, made->tokens, made->n);
    made_set_array(metadata, "tokenizer.ggml.scores", METADATA_F32, made->scores, made->n);
    made_set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, made->kinds, made->n);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.model", model, NULL));
    return metadata;
}

static bool is_token(const struct made_vocabulary *made, const char *text, size_t n_bytes)
{
    for (size_t i = 0; i < made->n; i++)
        if (made->kinds[i] == TOKEN_NORMAL && made->tokens[i].n_bytes == n_bytes &&
            memcmp(made->texts[i], text, n_bytes) == 0)
            return true;
    return false;
}

void made_set_merges(struct metadata *metadata, const struct made_vocabulary *made)
{
    char lines[MADE_MAX_ENTRIES][64];
    struct metadata_string merges[MADE_MAX_ENTRIES];
    size_t n = 0;
    for (size_t i = 0; i < made->n; i++) { /* which are in the order of scores */
        const char *text = made->texts[i];
        size_t n_bytes = made->tokens[i].n_bytes;
        for (size_t k = 1; made->kinds[i] == TOKEN_NORMAL && k < n_bytes; k++) {
            if (!is_token(made, text, k) || !is_token(made, text + k, n_bytes - k)) continue;
            assert_true(n < MADE_MAX_ENTRIES);
            snprintf(lines[n], sizeof lines[n], "%.*s %s", (int)k, text, text + k);
            merges[n] = (struct metadata_string){lines[n], strlen(lines[n])};
            n++;
        }
    }
    made_set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, merges, n);
}

struct tokenizer *made_tokenizer(struct metadata *metadata)
{
    struct err err = {0};
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer) fail_msg("%s", err.message);
    metadata_free(metadata);
    return tokenizer;
}

void made_assert_refused(struct metadata *metadata, const char *part)
{
    struct err err = {0};
    assert_null(tokenizer_new(metadata, &err));
    if (!strstr(err.message, part)) fail_msg("no \"%s\" in \"%s\"", part, err.message);
    assert_int_equal(err.code, ERR_INPUT);
    metadata_free(metadata);
}

void made_assert_ids(const struct tokenizer *tokenizer, const char *text, bool parse_special,
                     const char *expected)
{
    struct encode_options options = {.bos = BOS_AUTO, .parse_special = parse_special};
    struct tokens tokens = {0};
    struct buf ids = {0};
    struct err err = {0};
    if (!tokenizer_encode(tokenizer, text, strlen(text), &options, &tokens, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < tokens.n; i++)
        buf_printf(&ids, "%s%ld", i ? " " : "", (long)tokens.ids[i]);
    assert_string_equal(buf_string(&ids), expected);
    buf_free(&ids);
    tokens_free(&tokens);
}
