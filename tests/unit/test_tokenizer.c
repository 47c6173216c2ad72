/* test_tokenizer.c - tokenizers: published vectors of real vocabularies, small vocabularies made
 * here, special tokens, BOS, malformed text, malformed vocabularies.
 *
 * Vectors: blocks of text and the ids that the reference implementation gives for them, without BOS
 * and without parsing of special tokens. They are not part of the repository.
 */
#include "engine/gguf.h"
#include "engine/tokenizer.h"

#include "base/file.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_BYTES = 1024, FILE_LIMIT = 64 << 20 };
static const struct encode_options PLAIN = {.bos = BOS_NEVER};

/* ---- Vectors of real vocabularies ---- */

static struct tokenizer *open_vocabulary(const char *name)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    struct err err = {0};
    snprintf(relative, sizeof relative, "tokenizers/ggml_vocab/ggml-vocab-%s.gguf", name);
    if (!test_data_path(path, sizeof path, relative)) {
        print_message("SKIP: no %s\n", relative);
        skip();
    }
    struct source *source = gguf_open(path, &err);
    if (!source) fail_msg("%s", err.message);
    struct tokenizer *tokenizer = tokenizer_new(source->metadata, &err);
    if (!tokenizer) fail_msg("%s", err.message);
    source->close(source);
    return tokenizer;
}

static char *read_vector(const char *name, const char *ending)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    struct err err = {0};
    snprintf(relative, sizeof relative, "tokenizers/ggml_vocab/ggml-vocab-%s.gguf.%s", name,
             ending);
    assert_non_null(test_data_path(path, sizeof path, relative));
    char *text = file_read(path, FILE_LIMIT, NULL, &err);
    if (!text) fail_msg("%s", err.message);
    return text;
}

static void check_round_trip(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                             const struct tokens *tokens)
{
    struct buf decoded = {0};
    struct err err = {0};
    if (!tokenizer_decode(tokenizer, tokens->ids, tokens->n, false, true, &decoded, &err))
        fail_msg("%s", err.message);
    assert_int_equal(decoded.n_bytes, n_bytes);
    assert_memory_equal(buf_string(&decoded), text, n_bytes);
    buf_free(&decoded);
}

static void check_block(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                        char *expected)
{
    struct tokens tokens = {0};
    struct err err = {0};
    if (!tokenizer_encode(tokenizer, text, n_bytes, &PLAIN, &tokens, &err))
        fail_msg("%s", err.message);
    size_t n = 0;
    char *save = NULL;
    for (char *id = strtok_r(expected, " ", &save); id; id = strtok_r(NULL, " ", &save), n++) {
        if (n >= tokens.n || tokens.ids[n] != atoi(id))
            fail_msg("\"%.*s\": token %zu should be %s and is %d of %zu", (int)n_bytes, text, n, id,
                     n < tokens.n ? (int)tokens.ids[n] : -1, tokens.n);
    }
    if (n != tokens.n) fail_msg("\"%.*s\": %zu tokens for %zu", (int)n_bytes, text, tokens.n, n);
    check_round_trip(tokenizer, text, n_bytes, &tokens);
    tokens_free(&tokens);
}

static void check_vectors(const char *name)
{
    static const char SEPARATOR[] = "\n__ggml_vocab_test__\n";
    struct tokenizer *tokenizer = open_vocabulary(name);
    char *input = read_vector(name, "inp"), *output = read_vector(name, "out");
    size_t n_blocks = 0;
    char *block = input, *line = output;
    for (char *end; (end = strstr(block, SEPARATOR)); block = end + strlen(SEPARATOR)) {
        char *line_end = strchr(line, '\n');
        assert_non_null(line_end);
        *line_end = 0;
        check_block(tokenizer, block, (size_t)(end - block), line);
        line = line_end + 1;
        n_blocks++;
    }
    assert_true(n_blocks > 40);
    assert_true(*line == 0);
    free(input);
    free(output);
    tokenizer_free(tokenizer);
}

static void llama_spm_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("llama-spm");
}

static void phi_3_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("phi-3");
}

static void gpt_2_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("gpt-2");
}

static void mpt_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("mpt");
}

static void falcon_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("falcon");
}

static void starcoder_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("starcoder");
}

static void refact_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("refact");
}

static void deepseek_coder_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("deepseek-coder");
}

static void deepseek_llm_gives_the_published_tokens(void **state)
{
    (void)state;
    check_vectors("deepseek-llm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_spm_gives_the_published_tokens),
        cmocka_unit_test(phi_3_gives_the_published_tokens),
        cmocka_unit_test(gpt_2_gives_the_published_tokens),
        cmocka_unit_test(mpt_gives_the_published_tokens),
        cmocka_unit_test(falcon_gives_the_published_tokens),
        cmocka_unit_test(starcoder_gives_the_published_tokens),
        cmocka_unit_test(refact_gives_the_published_tokens),
        cmocka_unit_test(deepseek_coder_gives_the_published_tokens),
        cmocka_unit_test(deepseek_llm_gives_the_published_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
