/* test_tokenizer_vectors.c - tokenizers against what other implementations give for real
 * vocabularies.
 *
 * Vectors: blocks of text and the ids of the reference implementation, without BOS and without
 * parsing of special tokens. Neither they nor the vocabularies are part of the repository.
 */
#include "engine/gguf.h"
#include "engine/tokenizer.h"
#include "engine/tools.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "tests/support/random_lines.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_BYTES = 1024, FILE_LIMIT = 64 << 20 };
static const struct encode_options PLAIN = {.bos = BOS_NEVER};
static const struct encode_options SPECIAL = {.bos = BOS_NEVER, .parse_special = true};

/* ---- Vectors of real vocabularies ---- */

static struct tokenizer *open_tokenizer(const char *path)
{
    struct err err = {0};
    struct source *source = gguf_open(path, &err);
    if (!source) fail_msg("%s", err.message);
    struct tokenizer *tokenizer = tokenizer_new(source->metadata, &err);
    if (!tokenizer) fail_msg("%s", err.message);
    source_close(source);
    return tokenizer;
}

static struct tokenizer *open_vocabulary(const char *name)
{
    char relative[PATH_BYTES], path[PATH_BYTES];
    snprintf(relative, sizeof relative, "tokenizers/ggml_vocab/ggml-vocab-%s.gguf", name);
    if (!test_data_path(path, sizeof path, relative)) {
        print_message("SKIP: no %s\n", relative);
        skip();
    }
    return open_tokenizer(path);
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
    test_check_round_trip(tokenizer, text, n_bytes, &tokens);
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

static void put_ids(void *context, const char *line, size_t n_bytes, struct buf *numbers)
{
    struct tokens ids = {0};
    struct err err = {0};
    if (!tokenizer_encode(context, line, n_bytes, &SPECIAL, &ids, &err))
        fail_msg("\"%s\": %s", line, err.message);
    for (size_t i = 0; i < ids.n; i++) buf_printf(numbers, i ? " %d" : "%d", (int)ids.ids[i]);
    tokens_free(&ids);
}

/* Of byte-level BPE, against the library `tokenizers` with the same pieces and merges. */
static void check_random_lines(const char *name, struct tokenizer *tokenizer)
{
    struct json *golden = random_lines_golden();
    const struct json *all = json_get(golden, "ids"), *one = NULL;
    for (size_t i = 0; i < json_length(all); i++)
        if (strcmp(json_as_string(json_get(json_at(all, i), "vocabulary"), ""), name) == 0)
            one = json_at(all, i);
    assert_non_null(one);
    random_lines_check(name, one, put_ids, tokenizer);
    json_free(golden);
}

static void ten_thousand_lines_give_the_tokens_of_the_published_tokenizers(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"gpt-2",  "mpt",          "starcoder",     "refact",
                                        "falcon", "deepseek-llm", "deepseek-coder"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct tokenizer *tokenizer = open_vocabulary(NAMES[i]);
        check_random_lines(NAMES[i], tokenizer);
        tokenizer_free(tokenizer);
    }
}

/* The file is a download of 98 MB, see tests/golden/README.md. */
static void ten_thousand_lines_give_the_tokens_of_smollm2(void **state)
{
    (void)state;
    const char *path = getenv("PHIBENCH_SMOLLM");
    if (!path) {
        print_message("SKIP: no SmolLM2-135M-Instruct.Q4_1.gguf in PHIBENCH_SMOLLM\n");
        skip();
    }
    struct tokenizer *tokenizer = open_tokenizer(path);
    assert_string_equal(tokenizer_kind(tokenizer), "bpe:smollm");
    assert_false(tokenizer_adds_bos(tokenizer));
    check_random_lines("smollm", tokenizer);
    tokenizer_free(tokenizer);
}

static void gpt_neox_and_baichuan_give_every_text_back(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"gpt-neox", "baichuan"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct tokenizer *tokenizer = open_vocabulary(NAMES[i]);
        char *text = read_vector("phi-3", "inp");
        struct tokens tokens = {0};
        assert_true(tokenizer_encode(tokenizer, text, strlen(text), &PLAIN, &tokens, NULL));
        test_check_round_trip(tokenizer, text, strlen(text), &tokens);
        tokens_free(&tokens);
        free(text);
        tokenizer_free(tokenizer);
    }
}

static void phi_3_ends_on_its_published_stop_tokens(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_vocabulary("phi-3");
    for (int32_t id = 0; id < tokenizer_size(tokenizer); id++) {
        bool is_end = id == 2 || id == 32000 || id == 32001 || id == 32007;
        assert_int_equal(tokenizer_is_end(tokenizer, id), is_end);
    }
    assert_false(tokenizer_is_end(tokenizer, -1));
    assert_true(tokenizer_has_chat_template(tokenizer));
    assert_string_equal(tokenizer_kind(tokenizer), "spm");
    assert_int_equal(tokenizer_bos(tokenizer), 1);
    assert_true(tokenizer_adds_bos(tokenizer));
    tokenizer_free(tokenizer);
}

/* ---- Chats as Hugging Face's tokenizer of Phi-3 has them ---- */

struct golden {
    struct tokenizer *first, *revised;
    size_t n_checked;
};

static bool check_golden(void *context, const struct json *value, int line, struct err *err)
{
    (void)err;
    struct golden *golden = context;
    const char *revision = json_as_string(json_get(value, "revision"), NULL);
    const char *text = json_as_string(json_get(value, "text"), "");
    const struct json *ids = json_get(value, "ids");
    struct tokens tokens = {0};
    if (!revision) return true; /* the line of provenance */
    bool revised = strcmp(revision, "revised") == 0;
    const struct tokenizer *tokenizer = revised ? golden->revised : golden->first;
    assert_true(tokenizer_encode(tokenizer, text, strlen(text), &SPECIAL, &tokens, NULL));
    if (tokens.n != json_length(ids))
        fail_msg("line %d: %zu tokens for %zu", line, tokens.n, json_length(ids));
    for (size_t i = 0; i < tokens.n; i++)
        if (tokens.ids[i] != json_as_integer(json_at(ids, i), -1))
            fail_msg("line %d: token %zu", line, i);
    tokens_free(&tokens);
    golden->n_checked++;
    return true;
}

static void phi_3_chats_are_those_of_the_hugging_face_tokenizer(void **state)
{
    (void)state;
    struct err err = {0};
    struct golden golden = {.first = open_vocabulary("phi-3"), .revised = open_vocabulary("phi-3")};
    assert_true(tokenizer_set_rstrip(golden.revised, "<|system|>", false, &err));
    assert_true(tokenizer_set_rstrip(golden.revised, "<|user|>", false, &err));
    assert_true(tokenizer_set_rstrip(golden.revised, "<|end|>", false, &err));
    if (!json_read_lines("tests/golden/phi3_tokens.jsonl", check_golden, &golden, &err))
        fail_msg("%s", err.message);
    assert_int_equal(golden.n_checked, 26);
    tokenizer_free(golden.first);
    tokenizer_free(golden.revised);
}

/* The generator of tools/golden/phi3_chats.py. */
static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % n;
}

static void make_chat(uint64_t *state, struct buf *chat)
{
    static const char *const PARTS[] = {"<|user|>",
                                        "<|assistant|>",
                                        "<|end|>",
                                        "<|system|>",
                                        "<|endoftext|>",
                                        "<s>",
                                        "</s>",
                                        "<unk>",
                                        "<|placeholder1|>",
                                        "\n",
                                        "\n\n",
                                        " ",
                                        "  ",
                                        "\t",
                                        "\r\n",
                                        "\u00a0",
                                        "\u3000",
                                        "Hello",
                                        " world",
                                        "Is water wet?",
                                        "<|us",
                                        "er|>",
                                        "\u00fcber",
                                        "\U0001f999",
                                        "\u6f22",
                                        "42",
                                        ".",
                                        "\u2581"};
    buf_clear(chat);
    for (uint32_t n = 1 + draw(state, 16); n > 0; n--)
        buf_text(chat, PARTS[draw(state, COUNT_OF(PARTS))]);
}

static void check_chats(const struct tokenizer *tokenizer, enum rstrip_policy rstrip,
                        const struct json *hashes)
{
    enum { N_BLOCKS = 100, BLOCK = 100 };
    const struct encode_options options = {
        .bos = BOS_NEVER, .rstrip = rstrip, .parse_special = true};
    struct buf chat = {0}, line = {0};
    uint64_t state = 1;
    assert_int_equal(json_length(hashes), N_BLOCKS);
    for (size_t i_block = 0; i_block < N_BLOCKS; i_block++) {
        char hex[SHA256_HEX_BYTES];
        struct sha256 *hash = sha256_new(NULL);
        for (size_t i = 0; i < BLOCK; i++) {
            struct tokens ids = {0};
            make_chat(&state, &chat);
            assert_true(
                tokenizer_encode(tokenizer, buf_string(&chat), chat.n_bytes, &options, &ids, NULL));
            buf_clear(&line);
            for (size_t k = 0; k < ids.n; k++) buf_printf(&line, k ? " %d" : "%d", (int)ids.ids[k]);
            buf_char(&line, '\n');
            sha256_update(hash, buf_string(&line), line.n_bytes);
            tokens_free(&ids);
        }
        sha256_finish(hash, hex);
        sha256_free(hash);
        if (strcmp(hex, json_as_string(json_at(hashes, i_block), "")) != 0)
            fail_msg("rstrip %d: one of chats %zu to %zu", (int)rstrip, i_block * BLOCK,
                     i_block * BLOCK + BLOCK - 1);
    }
    buf_free(&chat);
    buf_free(&line);
}

static void ten_thousand_chats_are_those_of_the_hugging_face_tokenizer(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_vocabulary("phi-3");
    size_t n_bytes;
    struct err err = {0};
    char *text = file_read("tests/golden/phi3_chats.json", FILE_LIMIT, &n_bytes, &err);
    struct json *golden = text ? json_parse(text, n_bytes, "phi3_chats.json", &err) : NULL;
    if (!golden) fail_msg("%s", err.message);
    check_chats(tokenizer, RSTRIP_FILE, json_get(golden, "file"));
    check_chats(tokenizer, RSTRIP_ON, json_get(golden, "file"));
    check_chats(tokenizer, RSTRIP_OFF, json_get(golden, "off"));
    json_free(golden);
    free(text);
    tokenizer_free(tokenizer);
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
        cmocka_unit_test(ten_thousand_lines_give_the_tokens_of_the_published_tokenizers),
        cmocka_unit_test(ten_thousand_lines_give_the_tokens_of_smollm2),
        cmocka_unit_test(gpt_neox_and_baichuan_give_every_text_back),
        cmocka_unit_test(phi_3_ends_on_its_published_stop_tokens),
        cmocka_unit_test(phi_3_chats_are_those_of_the_hugging_face_tokenizer),
        cmocka_unit_test(ten_thousand_chats_are_those_of_the_hugging_face_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
