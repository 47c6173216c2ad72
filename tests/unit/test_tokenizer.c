/* test_tokenizer.c - tokenizers over small vocabularies made here: merging, special tokens, BOS,
 * malformed text, decoding, vocabularies that contradict themselves.
 */
#include "engine/tokenizer.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "engine/tools.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct encode_options PLAIN = {.bos = BOS_NEVER};
static const struct encode_options SPECIAL = {.bos = BOS_NEVER, .parse_special = true};

/* ---- Vocabularies made here ---- */

struct entry {
    const char *text;
    float score;
    enum token_kind kind;
};

enum { MAX_ENTRIES = 512 };

struct made {
    struct metadata_string tokens[MAX_ENTRIES];
    float scores[MAX_ENTRIES];
    int32_t kinds[MAX_ENTRIES];
    char bytes[256][8];
    size_t n;
};

static void put_entry(struct made *made, const char *text, float score, enum token_kind kind)
{
    assert_true(made->n < MAX_ENTRIES);
    made->tokens[made->n] = (struct metadata_string){text, strlen(text)};
    made->scores[made->n] = score;
    made->kinds[made->n++] = (int32_t)kind;
}

static void set_array(struct metadata *metadata, const char *key, enum metadata_kind element,
                      const void *items, size_t n)
{
    struct metadata_value value = {
        .kind = METADATA_ARRAY, .element = element, .n = n, .items = items};
    assert_true(metadata_set(metadata, key, &value, NULL));
}

static struct metadata *made_metadata(const struct made *made, const char *model)
{
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(metadata);
    set_array(metadata, "tokenizer.ggml.tokens", METADATA_STRING, made->tokens, made->n);
    set_array(metadata, "tokenizer.ggml.scores", METADATA_F32, made->scores, made->n);
    set_array(metadata, "tokenizer.ggml.token_type", METADATA_I32, made->kinds, made->n);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.model", model, NULL));
    return metadata;
}

/* 0 <unk>, 1 <s>, 2 </s>, 3 to 258 the bytes, then what a test needs. */
static struct metadata *spm_metadata(struct made *made, const struct entry *more, size_t n)
{
    put_entry(made, "<unk>", 0, TOKEN_UNKNOWN);
    put_entry(made, "<s>", 0, TOKEN_CONTROL);
    put_entry(made, "</s>", 0, TOKEN_CONTROL);
    for (int byte = 0; byte < 256; byte++) {
        snprintf(made->bytes[byte], sizeof made->bytes[byte], "<0x%02X>", byte);
        put_entry(made, made->bytes[byte], 0, TOKEN_BYTE);
    }
    for (size_t i = 0; i < n; i++) put_entry(made, more[i].text, more[i].score, more[i].kind);
    return made_metadata(made, "llama");
}

#define SPACE "\xe2\x96\x81"

static const struct entry SMALL[] = {
    {SPACE, -9, TOKEN_NORMAL},         {"a", -9, TOKEN_NORMAL},
    {"b", -9, TOKEN_NORMAL},           {"c", -9, TOKEN_NORMAL},
    {"<", -9, TOKEN_NORMAL},           {"s", -9, TOKEN_NORMAL},
    {">", -9, TOKEN_NORMAL},           {SPACE "a", -3, TOKEN_NORMAL},
    {"ab", -2, TOKEN_NORMAL},          {"bc", -1, TOKEN_NORMAL},
    {"aa", -2, TOKEN_NORMAL},          {"<s", -1, TOKEN_NORMAL},
    {"s>", -1, TOKEN_NORMAL},          {"<|end|>", 0, TOKEN_CONTROL},
    {"<tool>", 0, TOKEN_USER_DEFINED}, {"<tool>a", 0, TOKEN_USER_DEFINED},
    {"[PAD]", 0, TOKEN_UNUSED},
};
enum { N_SMALL = sizeof SMALL / sizeof *SMALL };

static struct tokenizer *make_tokenizer(struct metadata *metadata)
{
    struct err err = {0};
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer) fail_msg("%s", err.message);
    metadata_free(metadata);
    return tokenizer;
}

static struct tokenizer *small_spm(void)
{
    struct made made = {.n = 0};
    return make_tokenizer(spm_metadata(&made, SMALL, N_SMALL));
}

/* The pieces of a text, with a blank between them. */
static void check_pieces(const struct tokenizer *tokenizer, const char *text,
                         const struct encode_options *options, const char *expected)
{
    struct tokens tokens = {0};
    struct buf pieces = {0};
    struct err err = {0};
    if (!tokenizer_encode(tokenizer, text, strlen(text), options, &tokens, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < tokens.n; i++)
        buf_printf(&pieces, "%s%s", i ? " " : "", tokenizer_token(tokenizer, tokens.ids[i]).piece);
    assert_string_equal(buf_string(&pieces), expected);
    buf_free(&pieces);
    tokens_free(&tokens);
}

static void spm_merges_the_highest_score_first_and_the_leftmost_among_equals(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    check_pieces(tokenizer, "abc", &PLAIN, SPACE "a bc");
    check_pieces(tokenizer, "aaa", &PLAIN, SPACE " aa a");
    check_pieces(tokenizer, "", &PLAIN, "");
    check_pieces(tokenizer, "c\xc3\xbc", &PLAIN, SPACE " c <0xC3> <0xBC>");
    tokenizer_free(tokenizer);
}

static void plain_text_never_becomes_a_control_token(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    check_pieces(tokenizer, "<s>", &PLAIN, SPACE " <s >");
    check_pieces(tokenizer, "<s>", &SPECIAL, "<s>");
    check_pieces(tokenizer, "<unk>[PAD]<0x0A>", &SPECIAL,
                 "<unk> " SPACE
                 " <0x5B> <0x50> <0x41> <0x44> <0x5D> < <0x30> <0x78> <0x30> <0x41> >");
    tokenizer_free(tokenizer);
}

static void user_defined_pieces_are_matched_in_plain_text_longest_first(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    check_pieces(tokenizer, "a<tool>ab<tool><end>", &PLAIN,
                 SPACE "a <tool>a " SPACE " b <tool> " SPACE " < <0x65> <0x6E> <0x64> >");
    tokenizer_free(tokenizer);
}

static void the_space_prefix_comes_again_after_special_tokens(void **state)
{
    (void)state;
    struct made made = {.n = 0};
    struct tokenizer *with = small_spm();
    struct metadata *metadata = spm_metadata(&made, SMALL, N_SMALL);
    assert_true(metadata_set_bool(metadata, "tokenizer.ggml.add_space_prefix", false, NULL));
    struct tokenizer *without = make_tokenizer(metadata);
    check_pieces(with, "a<|end|>a<|end|> a<s>", &SPECIAL,
                 SPACE "a <|end|> " SPACE "a <|end|> " SPACE " " SPACE "a <s>");
    check_pieces(without, "a<|end|>a<|end|> a<s>", &SPECIAL, "a <|end|> a <|end|> " SPACE "a <s>");
    tokenizer_free(with);
    tokenizer_free(without);
}

static void rstrip_drops_white_space_only_where_special_tokens_are_parsed(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    struct err err = {0};
    assert_false(tokenizer_token(tokenizer, tokenizer_find(tokenizer, "<tool>")).rstrip);
    assert_true(tokenizer_set_rstrip(tokenizer, "<tool>", true, &err));
    assert_true(tokenizer_set_rstrip(tokenizer, "<|end|>", true, &err));
    assert_true(tokenizer_token(tokenizer, tokenizer_find(tokenizer, "<tool>")).rstrip);
    check_pieces(tokenizer,
                 "<tool> \n\xc2\xa0\xe2\x80\x89"
                 "a<|end|>\n",
                 &SPECIAL, "<tool> " SPACE "a <|end|>");
    check_pieces(tokenizer, "<tool> a", &PLAIN, "<tool> " SPACE " " SPACE "a");
    assert_false(tokenizer_set_rstrip(tokenizer, "<none>", true, &err));
    assert_int_equal(err.code, ERR_USAGE);
    tokenizer_free(tokenizer);
}

static void rstrip_of_phi_3_is_that_of_its_published_tokenizer(void **state)
{
    (void)state;
    static const char *const TEMPLATES[] = {
        NULL, "{{'<|user|>\\n' + c + '<|end|>\\n<|assistant|>\\n'}}",
        "{{'<|system|>\\n' + c + '<|end|>\\n'}}{{'<|user|>\\n' + c + '<|end|>\\n'}}"};
    static const char *const NAMES[] = {"<|endoftext|>",    "<|assistant|>", "<|placeholder1|>",
                                        "<|placeholder6|>", "<|system|>",    "<|end|>",
                                        "<|user|>"};
    struct entry entries[7];
    for (size_t i = 0; i < 7; i++) entries[i] = (struct entry){NAMES[i], 0, TOKEN_CONTROL};
    for (size_t k = 0; k < COUNT_OF(TEMPLATES); k++) {
        struct made made = {.n = 0};
        struct metadata *metadata = spm_metadata(&made, entries, 7);
        assert_true(metadata_set_string(metadata, "general.name", "renamed", NULL));
        if (TEMPLATES[k])
            assert_true(
                metadata_set_string(metadata, "tokenizer.chat_template", TEMPLATES[k], NULL));
        struct tokenizer *tokenizer = make_tokenizer(metadata);
        for (size_t i = 0; i < 7; i++) {
            int32_t id = tokenizer_find(tokenizer, NAMES[i]);
            assert_int_equal(tokenizer_strips(tokenizer, id, RSTRIP_FILE), i > 0);
            assert_false(tokenizer_strips(tokenizer, id, RSTRIP_OFF));
        }
        assert_false(tokenizer_strips(tokenizer, 1, RSTRIP_ON));
        assert_true(tokenizer_strips(tokenizer, 2, RSTRIP_FILE));
        tokenizer_free(tokenizer);
    }
}

static void a_chat_begins_with_one_bos_at_most(void **state)
{
    (void)state;
    static const struct entry ENTRIES[] = {{"<|end|>", 0, TOKEN_CONTROL}};
    static const struct {
        const char *prompt;
        enum bos_policy bos;
        size_t n;
    } CASES[] = {{"<s><|end|>", BOS_AUTO, 2},  {"<s><|end|>", BOS_ALWAYS, 2},
                 {"<s><|end|>", BOS_NEVER, 1}, {"<|end|>", BOS_AUTO, 2},
                 {"<|end|>", BOS_NEVER, 1},    {"<s><s>", BOS_AUTO, 2}};
    struct made made = {.n = 0};
    struct tokenizer *tokenizer = make_tokenizer(spm_metadata(&made, ENTRIES, 1));
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct encode_options options = {.bos = CASES[i].bos};
        struct tokens ids = {0};
        assert_true(tokenizer_encode_chat(tokenizer, CASES[i].prompt, strlen(CASES[i].prompt),
                                          &options, &ids, NULL));
        assert_int_equal(ids.n, CASES[i].n);
        assert_int_equal(ids.ids[0] == 1, CASES[i].n == 2);
        tokens_free(&ids);
    }
    tokenizer_free(tokenizer);
}

static void generations_end_with_what_the_file_or_a_known_name_says(void **state)
{
    (void)state;
    static const struct entry ENTRIES[] = {
        {"<|eot_id|>", 0, TOKEN_CONTROL},
        {"<|eom_id|>", 0, TOKEN_CONTROL},
        {"<end_of_turn>", 0, TOKEN_USER_DEFINED},
        {"<stop>", 0, TOKEN_CONTROL},
        {"<pause>", 0, TOKEN_CONTROL},
        {"<|im_end|>", 0, TOKEN_NORMAL},
        {"<|assistant|>", 0, TOKEN_CONTROL}, /* no Phi-3 vocabulary */
    };
    enum { FIRST = 259, N_ENDS = 5, N_ENTRIES = sizeof ENTRIES / sizeof *ENTRIES };
    struct made made = {.n = 0};
    struct metadata *metadata = spm_metadata(&made, ENTRIES, N_ENTRIES);
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.eos_token_id", FIRST + 3, NULL));
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.eom_token_id", FIRST + 4, NULL));
    struct tokenizer *tokenizer = make_tokenizer(metadata);
    for (int32_t id = 0; id < tokenizer_size(tokenizer); id++)
        assert_int_equal(tokenizer_is_end(tokenizer, id),
                         id == 2 || (id >= FIRST && id < FIRST + N_ENDS));
    tokenizer_free(tokenizer);
}

static void bos_follows_the_policy_and_the_file(void **state)
{
    (void)state;
    struct made made = {.n = 0}, again = {.n = 0};
    struct tokenizer *adds = small_spm();
    struct metadata *metadata = spm_metadata(&made, SMALL, N_SMALL);
    assert_true(metadata_set_bool(metadata, "tokenizer.ggml.add_bos_token", false, NULL));
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.bos_token_id", 2, NULL));
    struct tokenizer *asks = make_tokenizer(metadata);
    const struct encode_options automatic = {.bos = BOS_AUTO}, always = {.bos = BOS_ALWAYS};
    check_pieces(adds, "a", &automatic, "<s> " SPACE "a");
    check_pieces(adds, "a", &PLAIN, SPACE "a");
    check_pieces(asks, "a", &automatic, SPACE "a");
    check_pieces(asks, "", &always, "</s>");
    tokenizer_free(adds);
    tokenizer_free(asks);

    put_entry(&again, "a", 0, TOKEN_NORMAL);
    struct tokenizer *none = make_tokenizer(made_metadata(&again, "llama"));
    struct tokens tokens = {0};
    struct err err = {0};
    assert_false(tokenizer_adds_bos(none));
    assert_false(tokenizer_encode(none, "a", 1, &always, &tokens, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_int_equal(tokens.n, 0);
    tokenizer_free(none);
    tokens_free(&tokens);
}

static void a_byte_without_a_token_is_unknown_or_an_error(void **state)
{
    (void)state;
    struct made made = {.n = 0};
    put_entry(&made, SPACE, 0, TOKEN_NORMAL);
    put_entry(&made, "a", 0, TOKEN_NORMAL);
    struct tokenizer *without = make_tokenizer(made_metadata(&made, "llama"));
    put_entry(&made, "<unk>", 0, TOKEN_UNKNOWN);
    struct tokenizer *with = make_tokenizer(made_metadata(&made, "llama"));
    struct tokens tokens = {0};
    struct err err = {0};
    check_pieces(with, "ab", &PLAIN, SPACE " a <unk>");
    struct buf decoded = {0};
    assert_true(tokenizer_encode(with, "b a", 3, &PLAIN, &tokens, NULL));
    assert_true(tokenizer_decode(with, tokens.ids, tokens.n, true, true, &decoded, NULL));
    assert_string_equal(buf_string(&decoded), "<unk> a");
    buf_free(&decoded);
    tokens.n = 0;
    assert_false(tokenizer_encode(without, "ab", 2, &PLAIN, &tokens, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "0x62"));
    assert_int_equal(tokens.n, 0);
    tokens_free(&tokens);
    tokenizer_free(with);
    tokenizer_free(without);
}

/* ---- Decoding ---- */

static void decode_shows_control_tokens_only_on_request(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    struct tokens tokens = {0};
    struct buf shown = {0}, hidden = {0};
    static const char TEXT[] = "a<|end|> b<tool>c";
    assert_true(tokenizer_encode(tokenizer, TEXT, strlen(TEXT), &SPECIAL, &tokens, NULL));
    assert_true(tokenizer_decode(tokenizer, tokens.ids, tokens.n, true, true, &shown, NULL));
    assert_true(tokenizer_decode(tokenizer, tokens.ids, tokens.n, false, true, &hidden, NULL));
    assert_string_equal(buf_string(&shown), TEXT);
    assert_string_equal(buf_string(&hidden), "a b<tool>c");
    buf_free(&shown);
    buf_free(&hidden);
    tokens_free(&tokens);
    tokenizer_free(tokenizer);
}

static void decode_takes_the_space_prefix_off_only_at_the_start(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    int32_t id = tokenizer_find(tokenizer, SPACE "a");
    struct buf text = {0};
    assert_true(tokenizer_decode(tokenizer, &id, 1, false, true, &text, NULL));
    assert_true(tokenizer_decode(tokenizer, &id, 1, false, false, &text, NULL));
    assert_string_equal(buf_string(&text), "a a");
    buf_free(&text);
    tokenizer_free(tokenizer);
}

static void decode_refuses_ids_outside_the_vocabulary(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_spm();
    const int32_t ids[] = {-1, tokenizer_size(tokenizer)};
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        struct err err = {0};
        assert_false(tokenizer_decode(tokenizer, &ids[i], 1, true, true, &text, &err));
        assert_int_equal(err.code, ERR_USAGE);
        buf_free(&text);
    }
    tokenizer_free(tokenizer);
}

/* ---- Byte-level BPE ---- */

/* The alphabet in the order of bytes, then "he" (256), "ll", "hell", "hello", "lo", <|end|>. */
static struct metadata *bpe_metadata(struct made *made, const char *pre)
{
    static const struct metadata_string MERGES[] = {
        {"h e", 3}, {"l l", 3}, {"he ll", 5}, {"l o", 3}, {"l l", 3}};
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; byte++) {
        bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
        uint32_t code = printable ? byte : next++;
        made->bytes[byte][utf8_encode(code, made->bytes[byte])] = 0;
        put_entry(made, made->bytes[byte], 0, TOKEN_NORMAL);
    }
    put_entry(made, "he", 0, TOKEN_NORMAL);
    put_entry(made, "ll", 0, TOKEN_NORMAL);
    put_entry(made, "hell", 0, TOKEN_NORMAL);
    put_entry(made, "hello", 0, TOKEN_NORMAL); /* no merge makes it */
    put_entry(made, "lo", 0, TOKEN_NORMAL);
    put_entry(made, "<|end|>", 0, TOKEN_CONTROL);
    struct metadata *metadata = made_metadata(made, "gpt2");
    set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, MERGES, 5);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.pre", pre, NULL));
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.bos_token_id", 261, NULL));
    return metadata;
}

static struct tokenizer *small_bpe(const char *pre)
{
    struct made made = {.n = 0};
    return make_tokenizer(bpe_metadata(&made, pre));
}

/* A pair that is listed twice, as "l l" is, has its first place. */
static void bpe_merges_in_the_order_of_the_list(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_bpe("gpt-2");
    check_pieces(tokenizer, "hello lll<|end|>", &SPECIAL, "hell o \xc4\xa0 ll l <|end|>");
    check_pieces(tokenizer, "llo lo", &PLAIN, "ll o \xc4\xa0 lo");
    check_pieces(tokenizer, "<|end|>", &PLAIN, "< | e n d | >");
    assert_false(tokenizer_adds_bos(tokenizer));
    assert_string_equal(tokenizer_kind(tokenizer), "bpe:gpt-2");
    tokenizer_free(tokenizer);
}

static void llama_bpe_takes_a_word_that_is_a_piece_as_it_is_and_adds_bos(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = small_bpe("llama-bpe");
    check_pieces(tokenizer, "hello helloh", &PLAIN, "hello \xc4\xa0 hell o h");
    assert_true(tokenizer_adds_bos(tokenizer));
    tokenizer_free(tokenizer);
}

static void check_random_round_trips(const struct tokenizer *tokenizer, struct rng *rng)
{
    static const char *const PARTS[] = {
        "a",        " ",        "  ",   "\n",   "<s>",      "<tool>", "<|end|>", "hello", "\xff",
        "\xe2\x96", "\xf0\x9f", "\xc3", "\x80", "\xc3\xa9", "5",      "'s",      "\t",    "bc"};
    enum { N_PARTS = sizeof PARTS / sizeof *PARTS };
    struct buf text = {0};
    for (uint64_t n = rng_below(rng, 20); n; n--) {
        if (rng_below(rng, 4) == 0) buf_char(&text, (char)rng_below(rng, 256));
        else buf_text(&text, PARTS[rng_below(rng, N_PARTS)]);
    }
    struct tokens tokens = {0};
    assert_true(
        tokenizer_encode(tokenizer, buf_string(&text), text.n_bytes, &PLAIN, &tokens, NULL));
    if (!memmem(buf_string(&text), text.n_bytes, SPACE, 3)) /* which reads as a space in SPM */
        test_check_round_trip(tokenizer, buf_string(&text), text.n_bytes, &tokens);
    tokens_free(&tokens);
    buf_free(&text);
}

static void any_bytes_come_back(void **state)
{
    (void)state;
    struct tokenizer *spm = small_spm(), *bpe = small_bpe("gpt-2"),
                     *llama3 = small_bpe("llama-bpe");
    struct rng rng = {7};
    for (int i = 0; i < 2000; i++) {
        check_random_round_trips(spm, &rng);
        check_random_round_trips(bpe, &rng);
        check_random_round_trips(llama3, &rng);
    }
    tokenizer_free(spm);
    tokenizer_free(bpe);
    tokenizer_free(llama3);
}

static void a_long_word_is_merged_and_comes_back(void **state)
{
    (void)state;
    enum { N_BYTES = 1 << 18 };
    struct tokenizer *tokenizers[] = {small_spm(), small_bpe("gpt-2")};
    char *text = malloc(N_BYTES);
    assert_non_null(text);
    for (size_t i = 0; i < 2; i++) {
        struct tokens tokens = {0};
        memset(text, i ? 'l' : 'a', N_BYTES);
        assert_true(tokenizer_encode(tokenizers[i], text, N_BYTES, &PLAIN, &tokens, NULL));
        assert_int_equal(tokens.n, N_BYTES / 2 + (i ? 0 : 1)); /* the space prefix */
        test_check_round_trip(tokenizers[i], text, N_BYTES, &tokens);
        tokens_free(&tokens);
        tokenizer_free(tokenizers[i]);
    }
    free(text);
}

/* ---- Vocabularies that contradict themselves ---- */

static void check_rejected(struct metadata *metadata, enum err_code code, const char *part)
{
    struct err err = {0};
    assert_null(tokenizer_new(metadata, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.message, part)) fail_msg("\"%s\" is not in \"%s\"", part, err.message);
    metadata_free(metadata);
}

static struct metadata *small_metadata(void)
{
    struct made made = {.n = 0};
    return spm_metadata(&made, SMALL, N_SMALL);
}

static void tokenizer_new_rejects_contradictions(void **state)
{
    (void)state;
    static const float TWO_SCORES[] = {1, 2};
    struct metadata *metadata = metadata_new(NULL);
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.model", "llama", NULL));
    check_rejected(metadata, ERR_INPUT, "tokenizer.ggml.tokens");

    set_array(metadata = small_metadata(), "tokenizer.ggml.scores", METADATA_F32, TWO_SCORES, 2);
    check_rejected(metadata, ERR_INPUT, "2 scores");

    struct made made = {.n = 0};
    put_entry(&made, "a", 0.0f / 0.0f, TOKEN_NORMAL);
    check_rejected(made_metadata(&made, "llama"), ERR_INPUT, "score of token 0");
    made.scores[0] = 0;
    made.kinds[0] = 7;
    check_rejected(made_metadata(&made, "llama"), ERR_INPUT, "type 7");

    metadata = small_metadata();
    assert_true(metadata_set_unsigned(metadata, "tokenizer.ggml.bos_token_id", 99999, NULL));
    check_rejected(metadata, ERR_INPUT, "bos_token_id");

    made.kinds[0] = TOKEN_NORMAL;
    metadata = made_metadata(&made, "llama");
    assert_true(metadata_set_bool(metadata, "tokenizer.ggml.add_bos_token", true, NULL));
    check_rejected(metadata, ERR_INPUT, "no BOS");

    check_rejected(made_metadata(&made, "bert"), ERR_UNSUPPORTED, "bert");
    check_rejected(made_metadata(&made, "gpt2"), ERR_INPUT, "merges");
}

static void bpe_rejects_merges_that_do_not_fit_the_vocabulary(void **state)
{
    (void)state;
    static const struct metadata_string BAD[][1] = {{{"hello", 5}}, {{"h ", 2}},  {{" h", 2}},
                                                    {{"", 0}},      {{"h x", 3}}, {{"zz z", 4}}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct made made = {.n = 0};
        struct metadata *metadata = bpe_metadata(&made, "gpt-2");
        set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, BAD[i], 1);
        check_rejected(metadata, ERR_INPUT, "merge 0");
    }
    struct made made = {.n = 0};
    check_rejected(bpe_metadata(&made, "gpt-9"), ERR_UNSUPPORTED, "gpt-9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spm_merges_the_highest_score_first_and_the_leftmost_among_equals),
        cmocka_unit_test(plain_text_never_becomes_a_control_token),
        cmocka_unit_test(user_defined_pieces_are_matched_in_plain_text_longest_first),
        cmocka_unit_test(the_space_prefix_comes_again_after_special_tokens),
        cmocka_unit_test(rstrip_drops_white_space_only_where_special_tokens_are_parsed),
        cmocka_unit_test(rstrip_of_phi_3_is_that_of_its_published_tokenizer),
        cmocka_unit_test(a_chat_begins_with_one_bos_at_most),
        cmocka_unit_test(generations_end_with_what_the_file_or_a_known_name_says),
        cmocka_unit_test(bos_follows_the_policy_and_the_file),
        cmocka_unit_test(a_byte_without_a_token_is_unknown_or_an_error),
        cmocka_unit_test(decode_shows_control_tokens_only_on_request),
        cmocka_unit_test(decode_takes_the_space_prefix_off_only_at_the_start),
        cmocka_unit_test(decode_refuses_ids_outside_the_vocabulary),
        cmocka_unit_test(bpe_merges_in_the_order_of_the_list),
        cmocka_unit_test(llama_bpe_takes_a_word_that_is_a_piece_as_it_is_and_adds_bos),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(a_long_word_is_merged_and_comes_back),
        cmocka_unit_test(tokenizer_new_rejects_contradictions),
        cmocka_unit_test(bpe_rejects_merges_that_do_not_fit_the_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
