/* test_hf_tokenizer.c - the tokens of Hugging Face folders against those of the library
 * `tokenizers` and of other implementations.
 *
 * tests/golden/hf_tokens.json has small tokenizers of each kind and what the library makes of
 * random lines (tools/golden/hf_tokens.py made it).
 */
#include "tests/support/hf_folder.h"

#include "base/csv.h"
#include "base/file.h"
#include "base/utf8.h"
#include "engine/tools.h"
#include "tests/support/made_vocabulary.h"
#include "tests/support/random_lines.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_BYTES = 1024, FILE_LIMIT = 1 << 22 };

static const struct encode_options SPECIAL = {.bos = BOS_NEVER, .parse_special = true};
static const struct encode_options PLAIN = {.bos = BOS_NEVER};

static struct json *golden(void)
{
    struct err err = {0};
    struct json *json = json_read_file("tests/golden/hf_tokens.json", &err);
    if (!json) fail_msg("%s", err.message);
    return json;
}

/* A sum over the bytes of a text, -1 for one that is no UTF-8 or has U+FFFD. */
static long sum_of(const struct buf *text)
{
    uint64_t sum = 0;
    if (!utf8_is_valid(text->data, text->n_bytes)) return -1;
    if (text->n_bytes && memmem(text->data, text->n_bytes, "\xef\xbf\xbd", 3)) return -1;
    for (size_t i = 0; i < text->n_bytes; i++) sum += (i + 1) * (unsigned char)text->data[i];
    return (long)(sum % (UINT64_C(1) << 31));
}

/* The ids of a line, and -1, and the sum of the text that they stand for. */
static void put_numbers(void *context, const char *line, size_t n_bytes, struct buf *numbers)
{
    struct tokens ids = {0};
    struct buf text = {0};
    struct err err = {0};
    if (!tokenizer_encode(context, line, n_bytes, &SPECIAL, &ids, &err) ||
        !tokenizer_decode(context, ids.ids, ids.n, true, true, &text, &err))
        fail_msg("\"%s\": %s", line, err.message);
    for (size_t i = 0; i < ids.n; i++) buf_printf(numbers, "%d ", (int)ids.ids[i]);
    buf_printf(numbers, "-1 %ld", sum_of(&text));
    tokens_free(&ids);
    buf_free(&text);
}

static void write_made(const char *folder, const struct json *file, const struct json *made)
{
    const char *base = json_as_string(json_get(made, "base"), "");
    struct buf text = {0};
    hf_folder_compose(json_get(json_get(file, "bases"), base), json_get(made, "members"), &text);
    hf_folder_put(folder, "tokenizer.json", buf_string(&text));
    buf_free(&text);
}

/* ---- Against the library `tokenizers` ---- */

static void every_kind_of_tokenizer_gives_the_tokens_of_the_library(void **state)
{
    enum { N_LINES = 1000, N_KINDS = 24 };
    struct json *file = golden();
    const struct json *all = json_get(file, "made");
    assert_int_equal(json_length(all), N_KINDS);
    for (size_t i = 0; i < json_length(all); i++) {
        const struct json *made = json_at(all, i);
        write_made(*state, file, made);
        struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
        random_lines_check_some(json_as_string(json_get(made, "name"), ""), made, N_LINES,
                                put_numbers, tokenizer);
        tokenizer_free(tokenizer);
    }
    json_free(file);
}

static void ten_thousand_lines_give_the_tokens_of_the_published_tokenizers(void **state)
{
    struct json *file = golden();
    const struct json *folders = json_get(file, "folders");
    (void)state;
    assert_true(json_length(folders) > 0);
    for (size_t i = 0; i < json_length(folders); i++) {
        const char *name = json_as_string(json_get(json_at(folders, i), "folder"), "");
        char path[PATH_BYTES];
        if (!test_data_path(path, sizeof path, name)) {
            json_free(file);
            skip();
        }
        struct tokenizer *tokenizer = hf_folder_tokenizer(path);
        random_lines_check(name, json_at(folders, i), put_numbers, tokenizer);
        tokenizer_free(tokenizer);
    }
    json_free(file);
}

/* ---- Files of other kinds ---- */

/* That a text gives these ids, numbers with commas or spaces between, and comes back. */
static void check_ids(const struct tokenizer *tokenizer, const char *text, size_t n_bytes,
                      char *expected)
{
    struct tokens ids = {0};
    struct err err = {0};
    size_t n = 0;
    char *save = NULL;
    if (!tokenizer_encode(tokenizer, text, n_bytes, &PLAIN, &ids, &err))
        fail_msg("%s", err.message);
    for (char *id = strtok_r(expected, "[], ", &save); id; id = strtok_r(NULL, "[], ", &save), n++)
        if (n >= ids.n || ids.ids[n] != atoi(id))
            fail_msg("\"%s\": token %zu is not %s", text, n, id);
    assert_int_equal(n, ids.n);
    test_check_round_trip(tokenizer, text, n_bytes, &ids);
    tokens_free(&ids);
}

static void a_tiktoken_file_gives_the_published_tokens_of_cl100k(void **state)
{
    enum { N_VECTORS = 423 };
    char small[PATH_BYTES], ranks[PATH_BYTES], vectors[PATH_BYTES];
    struct err err = {0};
    char **fields;
    size_t n_fields, n_bytes, n = 0;
    int line, found;
    if (!test_data_path(small, sizeof small, "tokenizers/hf/phi-3-small/tokenizer_config.json") ||
        !test_data_path(ranks, sizeof ranks, "tokenizers/cl100k/cl100k_base.tiktoken") ||
        !test_data_path(vectors, sizeof vectors,
                        "tokenizers/test_vectors/jtokkit_cl100k_base_encodings.csv"))
        skip();
    hf_folder_put(*state, "tokenizer.json", NULL);
    hf_folder_copy(ranks, *state, "cl100k_base.tiktoken");
    hf_folder_copy(small, *state, "tokenizer_config.json");
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    assert_int_equal(tokenizer_find(tokenizer, "<|user|>"), 100262);
    assert_int_equal(tokenizer_find(tokenizer, "<|endofprompt|>"), 100276);
    char *text = file_read(vectors, FILE_LIMIT, &n_bytes, &err);
    struct csv *csv = text ? csv_new(text, n_bytes, "vectors", ',', &err) : NULL;
    if (!csv) fail_msg("%s", err.message);
    assert_int_equal(csv_next(csv, &fields, &n_fields, &line, &err), 1); /* the names of columns */
    for (; (found = csv_next(csv, &fields, &n_fields, &line, &err)) == 1; n++) {
        assert_true(n_fields > 1);
        check_ids(tokenizer, fields[0], strlen(fields[0]), fields[1]);
    }
    assert_int_equal(found, 0);
    assert_int_equal(n, N_VECTORS);
    csv_free(csv);
    free(text);
    tokenizer_free(tokenizer);
    hf_folder_put(*state, "cl100k_base.tiktoken", NULL);
    hf_folder_put(*state, "tokenizer_config.json", NULL);
}

static void a_sentencepiece_model_gives_the_published_tokens_of_llama_2(void **state)
{
    static const char SEPARATOR[] = "\n__ggml_vocab_test__\n";
    char model[PATH_BYTES], input[PATH_BYTES], output[PATH_BYTES];
    struct err err = {0};
    size_t n = 0;
    if (!test_data_path(model, sizeof model, "tokenizers/llama2/tokenizer.model") ||
        !test_data_path(input, sizeof input,
                        "tokenizers/ggml_vocab/ggml-vocab-llama-spm.gguf.inp") ||
        !test_data_path(output, sizeof output,
                        "tokenizers/ggml_vocab/ggml-vocab-llama-spm.gguf.out"))
        skip();
    hf_folder_put(*state, "tokenizer.json", NULL);
    hf_folder_copy(model, *state, "tokenizer.model");
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    assert_int_equal(tokenizer_bos(tokenizer), 1);
    assert_true(tokenizer_adds_bos(tokenizer));
    assert_true(tokenizer_is_end(tokenizer, 2));
    char *texts = file_read(input, FILE_LIMIT, NULL, &err),
         *ids = file_read(output, FILE_LIMIT, NULL, &err);
    if (!texts || !ids) fail_msg("%s", err.message);
    char *text = texts, *line = ids;
    for (char *end; (end = strstr(text, SEPARATOR)); text = end + strlen(SEPARATOR), n++) {
        char *line_end = strchr(line, '\n');
        assert_non_null(line_end);
        *line_end = *end = 0;
        check_ids(tokenizer, text, (size_t)(end - text), line);
        line = line_end + 1;
    }
    assert_true(n > 40);
    free(texts);
    free(ids);
    tokenizer_free(tokenizer);
    hf_folder_put(*state, "tokenizer.model", NULL);
}

/* ---- What no vector says ---- */

static struct tokenizer *made_tokenizer_named(const char *folder, const char *name)
{
    struct json *file = golden();
    const struct json *all = json_get(file, "made");
    struct tokenizer *tokenizer = NULL;
    for (size_t i = 0; i < json_length(all) && !tokenizer; i++) {
        if (strcmp(json_as_string(json_get(json_at(all, i), "name"), ""), name) != 0) continue;
        write_made(folder, file, json_at(all, i));
        tokenizer = hf_folder_tokenizer(folder);
    }
    assert_non_null(tokenizer);
    json_free(file);
    return tokenizer;
}

static void check_bytes_come_back(const char *folder, const char *name, const char *text)
{
    struct tokenizer *tokenizer = made_tokenizer_named(folder, name);
    struct tokens ids = {0};
    assert_true(tokenizer_encode(tokenizer, text, strlen(text), &PLAIN, &ids, NULL));
    test_check_round_trip(tokenizer, text, strlen(text), &ids);
    tokens_free(&ids);
    tokenizer_free(tokenizer);
}

static void bytes_that_are_no_utf8_are_tokens_of_their_own_and_come_back(void **state)
{
    static const char TEXT[] = "a\xff\xfe story\xe4\xbd\n\xc3 \x80";
    check_bytes_come_back(*state, "gpt2", TEXT);
    check_bytes_come_back(*state, "qwen2", TEXT);
    check_bytes_come_back(*state, "llama3", TEXT);
    check_bytes_come_back(*state, "llama", TEXT);
    check_bytes_come_back(*state, "gemma", TEXT);
}

static void the_words_around_broken_bytes_are_those_without_them(void **state)
{
    struct tokenizer *tokenizer = made_tokenizer_named(*state, "gpt2");
    struct tokens ids = {0}, before = {0};
    struct encode_options continues = {.bos = BOS_NEVER, .continues = true};
    assert_true(tokenizer_encode(tokenizer, "story\xff the", 10, &PLAIN, &ids, NULL));
    assert_true(tokenizer_encode(tokenizer, "story", 5, &PLAIN, &before, NULL));
    assert_true(tokenizer_encode(tokenizer, "\xff", 1, &continues, &before, NULL));
    assert_true(tokenizer_encode(tokenizer, " the", 4, &continues, &before, NULL));
    assert_int_equal(ids.n, before.n);
    assert_memory_equal(ids.ids, before.ids, ids.n * sizeof *ids.ids);
    tokens_free(&ids);
    tokens_free(&before);
    tokenizer_free(tokenizer);
}

static void a_plain_text_gives_no_control_token(void **state)
{
    static const char *const NAMES[] = {"gpt2", "llama3", "llama", "gemma", "metaspace-always"};
    static const char TEXT[] = "<|endoftext|> <s> <unk> <|im_end|>";
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct tokenizer *tokenizer = made_tokenizer_named(*state, NAMES[i]);
        struct tokens ids = {0};
        assert_true(tokenizer_encode(tokenizer, TEXT, strlen(TEXT), &PLAIN, &ids, NULL));
        for (size_t k = 0; k < ids.n; k++)
            assert_int_not_equal(tokenizer_token(tokenizer, ids.ids[k]).kind, TOKEN_CONTROL);
        tokens_free(&ids);
        tokenizer_free(tokenizer);
    }
}

static void a_text_that_continues_another_gets_no_space_before_it(void **state)
{
    static const char *const NAMES[] = {"gpt2-prefix", "llama", "metaspace-always",
                                        "metaspace-first"};
    const struct encode_options continues = {.bos = BOS_NEVER, .continues = true};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct tokenizer *tokenizer = made_tokenizer_named(*state, NAMES[i]);
        struct tokens ids = {0};
        struct buf text = {0};
        assert_true(tokenizer_encode(tokenizer, "story", 5, &continues, &ids, NULL));
        assert_true(tokenizer_decode(tokenizer, ids.ids, ids.n, true, false, &text, NULL));
        assert_string_equal(buf_string(&text), "story");
        tokens_free(&ids);
        buf_free(&text);
        tokenizer_free(tokenizer);
    }
}

/* GGUF names the pre-type alone, and the tokenizers of that name have NFC. */
static void gguf_of_qwen2_composes_and_that_of_gpt2_does_not(void **state)
{
    static const char *const PRE[] = {"qwen2", "gpt-2"};
    const struct metadata_string merge = {"a b", 3};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct made_vocabulary made = {.n = 0};
        made_put_bpe(&made);
        made_put(&made, "ab", 0, TOKEN_NORMAL);
        struct metadata *metadata = made_metadata_of(&made, "gpt2");
        made_set_array(metadata, "tokenizer.ggml.merges", METADATA_STRING, &merge, 1);
        assert_true(metadata_set_string(metadata, "tokenizer.ggml.pre", PRE[i], NULL));
        struct tokenizer *tokenizer = made_tokenizer(metadata);
        made_assert_ids(tokenizer, "e\xcc\x81", false, i ? "101 204 129" : "195 169");
        made_assert_ids(tokenizer, "\xc3\xa9\xff", false, "195 169 255");
        tokenizer_free(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_tokenizer_gives_the_tokens_of_the_library),
        cmocka_unit_test(ten_thousand_lines_give_the_tokens_of_the_published_tokenizers),
        cmocka_unit_test(a_tiktoken_file_gives_the_published_tokens_of_cl100k),
        cmocka_unit_test(a_sentencepiece_model_gives_the_published_tokens_of_llama_2),
        cmocka_unit_test(bytes_that_are_no_utf8_are_tokens_of_their_own_and_come_back),
        cmocka_unit_test(the_words_around_broken_bytes_are_those_without_them),
        cmocka_unit_test(a_plain_text_gives_no_control_token),
        cmocka_unit_test(a_text_that_continues_another_gets_no_space_before_it),
        cmocka_unit_test(gguf_of_qwen2_composes_and_that_of_gpt2_does_not),
    };
    return cmocka_run_group_tests(tests, hf_folder_set_up, hf_folder_tear_down);
}
