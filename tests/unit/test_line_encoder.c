/* test_line_encoder.c - line by line or at once, a text has the same ids: with vocabularies made
 * here to be awkward, with the tokenizers of synthetic models, and with every real one there is.
 */
#include "harness/ask/line_encoder.h"

#include "base/rng.h"
#include "engine/tokenizer.h"
#include "engine/tools.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ends of lines in every company, pieces that are matched as a whole, characters of several bytes,
 * and some that are cut off. */
static const char *const PARTS[] = {
    "\n",     "\n\n",         " ",        "  ",           "Answer:",
    " A",     "the question", "\xc3\xa9", "\xe2\x96\x81", "\t",
    "\r\n",   "\r",           "<|user|>", "<s>",          "</s>",
    "<0x0A>", "1.5",          "B. ",      "\xe4\xb8",     "\xf0\x9f\x98\x80",
    "x",      "\n ",          " \n",      "'s",           "_line\n"};
enum { N_PARTS = sizeof PARTS / sizeof PARTS[0], N_TEXTS = 1000, MAX_LINES = 40 };

/* A run of parts, of pieces of the vocabulary or of any bytes. */
static void put_run(struct rng *rng, const struct tokenizer *tokenizer, struct buf *text)
{
    uint64_t kind = rng_below(rng, 4);
    for (uint64_t n = rng_below(rng, 8); n; n--) {
        uint64_t id = rng_below(rng, (uint64_t)tokenizer_size(tokenizer));
        const struct token_info info = tokenizer_token(tokenizer, (int32_t)id);
        if (kind == 0) buf_char(text, (char)rng_below(rng, 256));
        else if (kind == 1) buf_append(text, info.piece, info.n_bytes);
        else buf_text(text, PARTS[rng_below(rng, N_PARTS)]);
    }
}

/* Some lines are those of texts before. */
static void make_text(struct rng *rng, const struct tokenizer *tokenizer,
                      struct buf lines[MAX_LINES], struct buf *text)
{
    buf_clear(text);
    for (uint64_t n = rng_below(rng, 9); n; n--) {
        struct buf *line = &lines[rng_below(rng, MAX_LINES)];
        if (!rng_below(rng, 4)) buf_clear(line);
        if (!line->n_bytes)
            for (uint64_t k = rng_below(rng, 4); k; k--) put_run(rng, tokenizer, line);
        buf_append(text, buf_string(line), line->n_bytes);
        if (rng_below(rng, 8)) buf_char(text, '\n');
    }
}

/* Through one encoder, which now and then forgets. */
static void check_tokenizer(const struct tokenizer *tokenizer, enum bos_policy bos)
{
    struct line_encoder encoder;
    struct rng rng = {7};
    struct buf text = {0}, parts[MAX_LINES] = {{0}};
    int n_encoded = 0;
    const struct encode_options options = {.bos = bos};
    line_encoder_init(&encoder, tokenizer, bos);
    encoder.max_text_bytes = 1500;
    for (int i = 0; i < N_TEXTS; i++) {
        struct tokens whole = {0}, lines = {0};
        make_text(&rng, tokenizer, parts, &text);
        bool can = tokenizer_encode(tokenizer, buf_string(&text), text.n_bytes, &options, &whole,
                                    NULL); /* not a byte without a token */
        assert_int_equal(line_encode(&encoder, buf_string(&text), text.n_bytes, &lines, NULL), can);
        n_encoded += can;
        assert_int_equal(lines.n, whole.n);
        if (whole.n) assert_memory_equal(lines.ids, whole.ids, whole.n * sizeof *whole.ids);
        tokens_free(&whole);
        tokens_free(&lines);
    }
    assert_true(n_encoded > N_TEXTS / 4);
    for (int i = 0; i < MAX_LINES; i++) buf_free(&parts[i]);
    buf_free(&text);
    line_encoder_done(&encoder);
}

static void check_file(const char *path, bool lines_are_apart)
{
    struct err err = {0};
    struct model_file *file = model_file_open(path, &err);
    struct tokenizer *tokenizer = file ? model_file_tokenizer(file, &err) : NULL;
    if (!tokenizer) fail_msg("%s: %s", path, err.message);
    assert_int_equal(tokenizer_lines_are_apart(tokenizer), lines_are_apart);
    check_tokenizer(tokenizer, BOS_NEVER);
    if (tokenizer_bos(tokenizer) >= 0) check_tokenizer(tokenizer, BOS_ALWAYS);
    tokenizer_free(tokenizer);
    model_file_close(file);
}

/* ---- Vocabularies made here ---- */

struct piece_made {
    const char *text;
    enum token_kind kind;
};

/* <s>, <unk> of that kind, normal pieces of equal scores, no bytes; then one that matters. */
static struct tokenizer *make_tokenizer(enum token_kind unknown, const struct piece_made *more,
                                        bool add_space_prefix)
{
    static const struct piece_made PIECES[] = {{"<s>", TOKEN_CONTROL},
                                               {"<unk>", TOKEN_UNKNOWN},
                                               {"A", TOKEN_NORMAL},
                                               {"n", TOKEN_NORMAL},
                                               {"s", TOKEN_NORMAL},
                                               {" s", TOKEN_NORMAL}, /* a blank: never made */
                                               {"An", TOKEN_NORMAL},
                                               {"ns", TOKEN_NORMAL},
                                               {"sA", TOKEN_NORMAL},
                                               {"Ans", TOKEN_NORMAL},
                                               {"AnA", TOKEN_NORMAL},
                                               {"\xe2\x96\x81", TOKEN_NORMAL},
                                               {"\xe2\x96\x81"
                                                "A",
                                                TOKEN_NORMAL},
                                               {"s\xe2\x96\x81", TOKEN_NORMAL},
                                               {"\r", TOKEN_NORMAL},
                                               {"x", TOKEN_USER_DEFINED},
                                               {"xx", TOKEN_USER_DEFINED},
                                               {"  ", TOKEN_USER_DEFINED},
                                               {"A\rs", TOKEN_USER_DEFINED}};
    enum { N = sizeof PIECES / sizeof PIECES[0] };
    struct metadata_string texts[N + 1];
    float scores[N + 1];
    int32_t kinds[N + 1];
    struct err err = {0};
    for (int i = 0; i <= N; i++) {
        const struct piece_made *piece = i < N ? &PIECES[i] : more;
        texts[i] = (struct metadata_string){piece->text, strlen(piece->text)};
        scores[i] = (float)(i % 3);
        kinds[i] = (int32_t)(piece->kind == TOKEN_UNKNOWN ? unknown : piece->kind);
    }
    const struct {
        const char *key;
        enum metadata_kind kind;
        const void *items;
    } ARRAYS[] = {{"tokens", METADATA_STRING, texts},
                  {"scores", METADATA_F32, scores},
                  {"token_type", METADATA_I32, kinds}};
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(metadata);
    for (int i = 0; i < 3; i++) {
        char key[64];
        const struct metadata_value value = {.kind = METADATA_ARRAY,
                                             .element = ARRAYS[i].kind,
                                             .n = N + 1,
                                             .items = ARRAYS[i].items};
        snprintf(key, sizeof key, "tokenizer.ggml.%s", ARRAYS[i].key);
        assert_true(metadata_set(metadata, key, &value, NULL));
    }
    assert_true(metadata_set_string(metadata, "tokenizer.ggml.model", "llama", NULL));
    assert_true(
        metadata_set_bool(metadata, "tokenizer.ggml.add_space_prefix", add_space_prefix, NULL));
    struct tokenizer *tokenizer = tokenizer_new(metadata, &err);
    if (!tokenizer) fail_msg("%s", err.message);
    metadata_free(metadata);
    return tokenizer;
}

static void awkward_vocabularies_give_the_ids_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        struct piece_made piece;
        bool lines_are_apart;
    } CASES[] = {{{"\n", TOKEN_NORMAL}, true},        {{"\n\n", TOKEN_NORMAL}, false},
                 {{"s\n", TOKEN_NORMAL}, false},      {{"\nA", TOKEN_NORMAL}, false},
                 {{"\n", TOKEN_USER_DEFINED}, false}, {{"x\n", TOKEN_USER_DEFINED}, false},
                 {{"q", TOKEN_NORMAL}, true}};
    for (size_t i = 0; i < 2 * (sizeof CASES / sizeof CASES[0]); i++) {
        struct tokenizer *tokenizer = make_tokenizer(TOKEN_UNKNOWN, &CASES[i / 2].piece, i % 2);
        assert_int_equal(tokenizer_lines_are_apart(tokenizer), CASES[i / 2].lines_are_apart);
        check_tokenizer(tokenizer, BOS_AUTO);
        check_tokenizer(tokenizer, BOS_NEVER);
        tokenizer_free(tokenizer);
    }
}

static void a_text_without_ids_leaves_those_before_it(void **state)
{
    (void)state;
    const struct piece_made line_end = {"\n", TOKEN_NORMAL};
    struct tokenizer *tokenizer = make_tokenizer(TOKEN_CONTROL, &line_end, true);
    struct line_encoder encoder;
    struct tokens ids = {0};
    struct err err = {0};
    line_encoder_init(&encoder, tokenizer, BOS_ALWAYS);
    assert_true(line_encode(&encoder, "An\n", 3, &ids, NULL));
    size_t n = ids.n;
    for (int i = 0; i < 2; i++) {
        assert_false(line_encode(&encoder, "sA\nAn\nA?\n", 9, &ids, &err));
        assert_string_equal(err.message, "the vocabulary has no token for the byte 0x3F");
        assert_int_equal(ids.n, n);
    }
    tokens_free(&ids);
    line_encoder_done(&encoder);
    tokenizer_free(tokenizer);
}

static void synthetic_vocabularies_give_the_ids_of_the_whole(void **state)
{
    (void)state;
    check_file("synth:tiny:f16", true);
}

static void real_vocabularies_give_the_ids_of_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool lines_are_apart;
    } FILES[] = {{"phi-3", true},      {"llama-spm", true},       {"baichuan", true},
                 {"gpt-2", false},     {"deepseek-coder", false}, {"deepseek-llm", false},
                 {"falcon", false},    {"gpt-neox", false},       {"mpt", false},
                 {"starcoder", false}, {"refact", false}};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char name[128], path[512], spec[640];
        snprintf(name, sizeof name, "tokenizers/ggml_vocab/ggml-vocab-%s.gguf", FILES[i].name);
        if (!test_data_path(path, sizeof path, name)) skip();
        snprintf(spec, sizeof spec, "synth:tiny:f16:1:%s", path);
        check_file(spec, FILES[i].lines_are_apart);
    }
}

static void a_line_is_encoded_once(void **state)
{
    (void)state;
    static const char text[] = "A. one\nB. two\nA. one\nB. two\nB. two\n";
    struct line_encoder encoder;
    struct tokens ids = {0};
    struct model_file *file = model_file_open("synth:tiny:f16", NULL);
    struct tokenizer *tokenizer = model_file_tokenizer(file, NULL);
    assert_non_null(tokenizer);
    line_encoder_init(&encoder, tokenizer, BOS_AUTO);
    for (int i = 0; i < 2; i++) assert_true(line_encode(&encoder, text, strlen(text), &ids, NULL));
    assert_int_equal(encoder.n_lines, 3); /* a line that begins the text is another one */
    tokens_free(&ids);
    line_encoder_done(&encoder);
    tokenizer_free(tokenizer);
    model_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awkward_vocabularies_give_the_ids_of_the_whole),
        cmocka_unit_test(a_text_without_ids_leaves_those_before_it),
        cmocka_unit_test(synthetic_vocabularies_give_the_ids_of_the_whole),
        cmocka_unit_test(real_vocabularies_give_the_ids_of_the_whole),
        cmocka_unit_test(a_line_is_encoded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
