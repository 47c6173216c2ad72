/* test_line_encoder.c - line by line or at once, a text has the same ids: with the tokenizers of
 * synthetic models, and with real vocabularies of every kind where they are.
 */
#include "harness/line_encoder.h"

#include "base/rng.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What texts are put together from: ends of lines in every company, pieces that are matched as a
 * whole, characters of several bytes, and some that are cut off. */
static const char *const PARTS[] = {"\n",
                                    "\n\n",
                                    " ",
                                    "  ",
                                    "Answer:",
                                    " A",
                                    "the question",
                                    "\xc3\xa9",
                                    "\xe2\x96\x81",
                                    "\t",
                                    "\r\n",
                                    "<|user|>",
                                    "<s>",
                                    "</s>",
                                    "1.5",
                                    "B. ",
                                    "\xe4\xb8",
                                    "\xf0\x9f\x98\x80",
                                    "x",
                                    "\n ",
                                    " \n",
                                    "'s",
                                    "_line\n"};
enum { N_PARTS = sizeof PARTS / sizeof PARTS[0], N_TEXTS = 400 };

static void make_text(struct rng *rng, struct buf *text)
{
    buf_clear(text);
    for (uint64_t n = rng_below(rng, 30); n; n--) buf_text(text, PARTS[rng_below(rng, N_PARTS)]);
}

/* Texts with lines in common, through one encoder that now and then forgets. */
static void check_tokenizer(const struct tokenizer *tokenizer, enum bos_policy bos)
{
    struct line_encoder encoder;
    struct rng rng = {7};
    struct buf text = {0};
    struct err err = {0};
    const struct encode_options options = {.bos = bos};
    line_encoder_init(&encoder, tokenizer, bos);
    encoder.max_text_bytes = 500;
    for (int i = 0; i < N_TEXTS; i++) {
        struct tokens whole = {0}, lines = {0};
        make_text(&rng, &text);
        if (!tokenizer_encode(tokenizer, buf_string(&text), text.n_bytes, &options, &whole, &err) ||
            !line_encode(&encoder, buf_string(&text), text.n_bytes, &lines, &err))
            fail_msg("%s", err.message);
        assert_int_equal(lines.n, whole.n);
        if (whole.n) assert_memory_equal(lines.ids, whole.ids, whole.n * sizeof *whole.ids);
        tokens_free(&whole);
        tokens_free(&lines);
    }
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
    tokenizer_release(tokenizer);
    model_file_close(file);
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
    } FILES[] = {{"phi-3", true}, {"llama-spm", true}, {"baichuan", true}, {"gpt-2", false}};
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
    tokenizer_release(tokenizer);
    model_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synthetic_vocabularies_give_the_ids_of_the_whole),
        cmocka_unit_test(real_vocabularies_give_the_ids_of_the_whole),
        cmocka_unit_test(a_line_is_encoded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
