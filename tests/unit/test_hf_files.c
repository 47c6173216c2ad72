/* test_hf_files.c - what the files of a Hugging Face folder say of its tokenizer, as keys of GGUF,
 * and the messages for files that are wrong.
 */
#include "tests/support/hf_folder.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/hf/hf_tokenizer.h"
#include "engine/open_source.h"
#include "engine/source.h"
#include "engine/tokenizer_steps.h"
#include "engine/tools.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_BYTES = 1024 };

/* "x" is 0 to 9 in the vocabulary: letters, three pieces, special tokens. */
#define VOCAB                                                                                      \
    "\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4,\"<s>\":5,\"</s>\":6,\"<|end|>\":7}"
#define MERGES "\"merges\":[\"a b\",[\"ab\",\"c\"]]"
#define MODEL "\"model\":{\"type\":\"BPE\"," VOCAB "," MERGES "}"
#define DECODER "\"decoder\":{\"type\":\"Fuse\"}"
#define ADDED(ID, TEXT, MORE) "{\"id\":" ID ",\"content\":\"" TEXT "\"" MORE "}"
#define SPECIAL ",\"special\":true,\"normalized\":false"
#define ADDED_TOKENS                                                                               \
    "\"added_tokens\":[" ADDED("5", "<s>", SPECIAL) "," ADDED("6", "</s>", SPECIAL) "," ADDED(     \
        "7", "<|end|>", SPECIAL) "," ADDED("8", "\u2581\u2581", "") "]"
#define WHOLE "{" ADDED_TOKENS "," DECODER "," MODEL "}"

static const char *const FILES[] = {
    "tokenizer.json",        "tokenizer_config.json",  "special_tokens_map.json",
    "config.json",           "generation_config.json", "chat_template.jinja",
    "tokenizer.model",       "cl100k_base.tiktoken",   "chat_template.json",
    "tokenizer_module.json", "other.tiktoken",         "added_tokens.json"};

/* An empty folder with a tokenizer.json. */
static void begin(const char *folder, const char *tokenizer_json)
{
    for (size_t i = 0; i < COUNT_OF(FILES); i++) hf_folder_put(folder, FILES[i], NULL);
    hf_folder_put(folder, "tokenizer.json", tokenizer_json);
}

/* The folder is refused with this code, a message with this part, and this file as its place. */
static void check_refused(const char *folder, enum err_code code, const char *part,
                          const char *file)
{
    struct err err = {0};
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(metadata);
    if (hf_tokenizer_read(folder, metadata, &err)) fail_msg("accepted; expected: %s", part);
    if (!strstr(err.message, part) || err.code != code)
        fail_msg("\"%s\" (%d) for \"%s\" (%d)", err.message, (int)err.code, part, (int)code);
    if (!file_name_ends(err.file, file)) fail_msg("\"%s\" in \"%s\"", err.message, err.file);
    metadata_free(metadata);
}

/* ---- A tokenizer.json ---- */

struct wrong {
    const char *text, *part;
};

static void a_malformed_tokenizer_json_is_refused_with_the_member_at_fault(void **state)
{
    static const struct wrong WRONG[] = {
        {"", "malformed JSON"},
        {"[]", "model.vocab is missing"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":[]," MERGES "}}", "model.vocab is missing"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{}," MERGES "}}", "no tokens"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB "}}", "model.merges is missing"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a b\",\"ab\"]}}", "model.merges[1]"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a  b\"]}}", "is not two pieces"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[7]}}", "is not two pieces"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[[\"a\",\"b\",\"c\"]]}}",
         "is not two pieces"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"a b\",\"a d\"]}}",
         "\"d\" is not in model.vocab (while reading model.merges[1])"},
        {"{\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[\"b a\"]}}",
         "\"ba\" is not in model.vocab"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0}," MERGES "}}",
         "\"a\" and \"b\" have the same id 0"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"0\"}," MERGES "}}",
         "the id of \"a\" is no number"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1}," MERGES "}}",
         "the id of \"a\" is no number"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0.5}," MERGES "}}",
         "the id of \"a\" is no number"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2000000000}," MERGES "}}",
         "the id 2000000000 in a vocabulary of 1 tokens"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1}," MERGES "}}", "malformed JSON"},
        {"{\"added_tokens\":[" ADDED("5", "<u>", SPECIAL) "]," MODEL "}",
         "\"<s>\" and \"<u>\" have the same id 5"},
        {"{\"added_tokens\":[" ADDED("9", "ab", SPECIAL) "]," MODEL "}",
         "\"ab\" has the id 3 in model.vocab and 9 in added_tokens"},
        {"{\"added_tokens\":[" ADDED("9", "<u>", "") "," ADDED("9", "<v>", "") "]," MODEL "}",
         "added_tokens[1]: a second token with the id 9"},
        {"{\"added_tokens\":[" ADDED("9", "", "") "]," MODEL "}", "has no text"},
        {"{\"added_tokens\":[" ADDED("-9", "<u>", "") "]," MODEL "}", "has no id"},
        {"{\"added_tokens\":[{\"id\":9}]," MODEL "}", "\"content\""},
        {"{\"added_tokens\":[" ADDED("9", "<u>", ",\"rstrip\":1") "]," MODEL "}",
         "\"rstrip\" is neither true nor false (while reading added_tokens[0])"},
        {"{\"normalizer\":{\"type\":\"Replace\",\"content\":\"\"}," MODEL "}", "\"String\""},
        {"{\"normalizer\":{\"type\":\"Sequence\"}," MODEL "}", "without \"normalizers\""},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\"}," MODEL "}", "without \"pretokenizers\""},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":"
         "\"Isolated\"}," MODEL "}",
         "malformed regular expression"},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":"
         "\"Mixed\"}," MODEL "}",
         "the unknown behavior \"Mixed\""},
        {"{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":"
         "\"last\"}," MODEL "}",
         "the unknown prepend_scheme \"last\""},
        {"{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
         "\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}]}," DECODER "," MODEL "}",
         "\"<s>\", which it puts before a text, is no token"},
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        begin(*state, WRONG[i].text);
        check_refused(*state, ERR_INPUT, WRONG[i].part, "/tokenizer.json");
    }
}

static void what_is_not_in_is_refused_by_its_name(void **state)
{
    static const struct wrong WRONG[] = {
        {"{\"model\":{\"type\":\"Unigram\"}}", "the tokenizer model \"Unigram\""},
        {"{\"model\":{\"type\":\"WordPiece\"}}", "the tokenizer model \"WordPiece\""},
        {"{" DECODER ",\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\"," VOCAB
         "," MERGES "}}",
         "\"end_of_word_suffix\""},
        {"{" DECODER ",\"model\":{\"type\":\"BPE\",\"dropout\":0.1," VOCAB "," MERGES "}}",
         "\"dropout\""},
        {"{\"normalizer\":{\"type\":\"BertNormalizer\"}," MODEL "}",
         "the normalizer \"BertNormalizer\""},
        {"{\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}," MODEL "}",
         "the pre-tokenizer \"UnicodeScripts\""},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{"
         "\"type\":\"Digits\"}]}," MODEL "}",
         "\"Digits\" after ByteLevel"},
        {"{\"decoder\":{\"type\":\"WordPiece\"}," MODEL "}", "the decoder \"WordPiece\""},
        {"{\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}," MODEL "}",
         "a decoder Strip"},
        {"{" MODEL "}", "a tokenizer without a decoder"},
        {"{\"post_processor\":{\"type\":\"BertProcessing\"}," DECODER "," MODEL "}",
         "the post-processor \"BertProcessing\""},
        {"{" DECODER ",\"model\":{\"type\":\"BPE\"," VOCAB ",\"merges\":[[\"a \",\"b\"]]}}",
         "a merge of pieces with spaces"},
        {"{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
         "\"id\":\"a\"}},{\"SpecialToken\":{\"id\":\"b\"}},{\"Sequence\":{\"id\":\"A\"}}]}," DECODER
         "," MODEL "}",
         "puts 2 tokens before a text"},
    };
    static const struct wrong EXPRESSIONS[] = {
        {"[a[bc]]", "a class within a class"},
        {"[a&&b]", "an intersection of classes"},
        {"[[:alpha:]]", "a POSIX class"},
        {"a{2,3}+", "\"}+\""},
        {"a{,3}", "\"{,\""},
        {"\\\\h", "\\h in a regular expression"},
        {"\\\\b", "\\b in a regular expression"},
        {"[\\\\W]", "\\W in a class"},
        {"(?m:a)", "an option other than (?i)"},
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        begin(*state, WRONG[i].text);
        check_refused(*state, ERR_UNSUPPORTED, WRONG[i].part, "/tokenizer.json");
    }
    for (size_t i = 0; i < COUNT_OF(EXPRESSIONS); i++) {
        char text[PATH_BYTES];
        snprintf(text, sizeof text,
                 "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},"
                 "\"behavior\":\"Isolated\"}," MODEL "}",
                 EXPRESSIONS[i].text);
        begin(*state, text);
        check_refused(*state, ERR_UNSUPPORTED, EXPRESSIONS[i].part, "/tokenizer.json");
    }
}

static void ids_past_the_embedding_are_refused_but_those_of_added_tokens(void **state)
{
    begin(*state, WHOLE);
    hf_folder_put(*state, "config.json", "{\"vocab_size\":7}");
    check_refused(*state, ERR_INPUT, "the id 7, but config.json has a vocab_size of 7",
                  "/tokenizer.json");
    hf_folder_put(*state, "config.json", "{\"text_config\":{\"vocab_size\":8}}");
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    assert_int_equal(tokenizer_size(tokenizer), 8);
    tokenizer_free(tokenizer);
    hf_folder_put(*state, "config.json", "{\"vocab_size\":-1}");
    check_refused(*state, ERR_INPUT, "\"vocab_size\" is no number of tokens", "/config.json");
}

/* ---- The small files ---- */

static int64_t integer_of(const struct metadata *metadata, const char *key)
{
    int64_t value = -1;
    assert_true(metadata_read_integer(metadata, key, -1, INT32_MAX, &value, NULL));
    return value;
}

static bool flag_of(const struct metadata *metadata, const char *key)
{
    bool value = false;
    assert_non_null(metadata_find(metadata, key));
    assert_true(metadata_read_bool(metadata, key, &value, NULL));
    return value;
}

static void ids_without_a_token_are_named_and_unused(void **state)
{
    begin(*state, WHOLE);
    hf_folder_put(*state, "config.json", "{\"vocab_size\":11}");
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    assert_int_equal(tokenizer_size(tokenizer), 11);
    assert_string_equal(tokenizer_token(tokenizer, 10).piece, "[PAD10]");
    assert_int_equal(tokenizer_token(tokenizer, 10).kind, TOKEN_UNUSED);
    assert_int_equal(tokenizer_token(tokenizer, 7).kind, TOKEN_CONTROL);
    assert_int_equal(tokenizer_token(tokenizer, 8).kind, TOKEN_USER_DEFINED);
    tokenizer_free(tokenizer);
}

static void special_tokens_are_found_by_text_or_by_number(void **state)
{
    begin(*state, WHOLE);
    hf_folder_put(
        *state, "tokenizer_config.json",
        "{\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":null,\"add_bos_token\":true}");
    hf_folder_put(*state, "special_tokens_map.json", "{\"eos_token\":\"</s>\"}");
    hf_folder_put(*state, "config.json", "{\"bos_token_id\":0,\"pad_token_id\":7}");
    struct metadata *metadata = hf_folder_metadata(*state);
    assert_int_equal(integer_of(metadata, "tokenizer.ggml.bos_token_id"), 5);
    assert_int_equal(integer_of(metadata, "tokenizer.ggml.eos_token_id"), 6);
    assert_int_equal(integer_of(metadata, "tokenizer.ggml.padding_token_id"), 7);
    assert_int_equal(integer_of(metadata, "tokenizer.ggml.unknown_token_id"), -1);
    assert_true(flag_of(metadata, "tokenizer.ggml.add_bos_token"));
    metadata_free(metadata);
    hf_folder_put(*state, "tokenizer_config.json", "{\"bos_token\":\"<x>\"}");
    check_refused(*state, ERR_INPUT, "\"bos_token\" is not in the vocabulary",
                  "/tokenizer_config.json");
    hf_folder_put(*state, "tokenizer_config.json", "{\"add_bos_token\":1}");
    check_refused(*state, ERR_INPUT, "\"add_bos_token\" is neither true nor false",
                  "/tokenizer_config.json");
    hf_folder_put(*state, "tokenizer_config.json", "{");
    check_refused(*state, ERR_INPUT, "malformed JSON", "/tokenizer_config.json");
}

static void the_template_of_the_post_processor_says_whether_bos_is_added(void **state)
{
#define TEMPLATE(ID)                                                                               \
    "{\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},{"        \
    "\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"B\"}},{\"Sequence\":" \
    "{\"id\":\"A\"}}],\"special_tokens\":{\"B\":{\"ids\":[" ID "]}}}]}," ADDED_TOKENS "," DECODER  \
    "," MODEL "}"
    begin(*state, TEMPLATE("5"));
    struct metadata *metadata = hf_folder_metadata(*state);
    assert_true(flag_of(metadata, "tokenizer.ggml.add_bos_token"));
    assert_int_equal(integer_of(metadata, "tokenizer.ggml.bos_token_id"), 5);
    metadata_free(metadata);
    hf_folder_put(*state, "tokenizer_config.json", "{\"add_bos_token\":false}");
    metadata = hf_folder_metadata(*state);
    assert_false(flag_of(metadata, "tokenizer.ggml.add_bos_token"));
    metadata_free(metadata);
    hf_folder_put(*state, "tokenizer_config.json", "{\"bos_token\":\"</s>\"}");
    check_refused(*state, ERR_UNSUPPORTED, "puts the token 5 before a text, which is not BOS",
                  "/tokenizer.json");
    begin(*state, TEMPLATE("50"));
    check_refused(*state, ERR_INPUT, "is no token", "/tokenizer.json");
}

static void check_ends(const char *folder, const char *expected)
{
    char ends[16] = "";
    struct tokenizer *tokenizer = hf_folder_tokenizer(folder);
    for (int32_t id = 0; id < tokenizer_size(tokenizer); id++)
        if (tokenizer_is_end(tokenizer, id)) ends[strlen(ends)] = (char)('0' + id);
    assert_string_equal(ends, expected);
    tokenizer_free(tokenizer);
}

/* "<|end|>" (7) and "</s>" (6) end by their names in any vocabulary. */
static void every_token_of_generation_config_ends_a_generation(void **state)
{
    begin(*state, WHOLE);
    check_ends(*state, "67");
    hf_folder_put(*state, "config.json", "{\"eos_token_id\":2}");
    check_ends(*state, "267");
    hf_folder_put(*state, "generation_config.json", "{\"eos_token_id\":[0,4]}");
    check_ends(*state, "02467");
    hf_folder_put(*state, "config.json", NULL);
    check_ends(*state, "0467");
    hf_folder_put(*state, "generation_config.json", "{\"eos_token_id\":1}");
    check_ends(*state, "167");
    hf_folder_put(*state, "generation_config.json", "{\"eos_token_id\":[1,9]}");
    check_refused(*state, ERR_INPUT, "\"eos_token_id\" has an id that no token has",
                  "/generation_config.json");
    hf_folder_put(*state, "generation_config.json", "{\"eos_token_id\":\"</s>\"}");
    check_refused(*state, ERR_INPUT, "\"eos_token_id\"", "/generation_config.json");
}

static void check_template(const char *folder, const char *key, const char *expected)
{
    const char *text = "";
    struct metadata *metadata = hf_folder_metadata(folder);
    assert_true(metadata_read_string(metadata, key, &text, NULL));
    assert_string_equal(text, expected);
    metadata_free(metadata);
}

static void the_file_of_a_chat_template_wins_over_the_configuration(void **state)
{
    static const char KEY[] = "tokenizer.chat_template";
    begin(*state, WHOLE);
    check_template(*state, KEY, "");
    hf_folder_put(*state, "chat_template.json", "{\"chat_template\":\"of json\"}");
    check_template(*state, KEY, "of json");
    hf_folder_put(*state, "tokenizer_config.json", "{\"chat_template\":\"of config\"}");
    check_template(*state, KEY, "of config");
    hf_folder_put(*state, "chat_template.jinja", "of file\n");
    check_template(*state, KEY, "of file\n");
    hf_folder_put(*state, "chat_template.jinja", NULL);
    hf_folder_put(*state, "tokenizer_config.json",
                  "{\"chat_template\":[{\"name\":\"default\",\"template\":\"one\"},"
                  "{\"name\":\"tool-use\",\"template\":\"two\"}]}");
    check_template(*state, KEY, "one");
    check_template(*state, "tokenizer.chat_template.tool_use", "two");
    hf_folder_put(*state, "tokenizer_config.json", "{\"chat_template\":[{\"name\":\"default\"}]}");
    check_refused(*state, ERR_INPUT, "\"template\" is missing (while reading chat_template[0])",
                  "/tokenizer_config.json");
    hf_folder_put(*state, "tokenizer_config.json", "{\"chat_template\":7}");
    check_refused(*state, ERR_INPUT, "neither a text nor a list", "/tokenizer_config.json");
}

/* ---- Other files ---- */

static void a_folder_without_a_tokenizer_says_what_is_missing(void **state)
{
    begin(*state, NULL);
    check_refused(*state, ERR_INPUT, "neither a tokenizer.json nor a tokenizer.model nor", "");
}

static void a_malformed_tiktoken_file_is_refused_with_its_line(void **state)
{
    static const struct wrong WRONG[] = {
        {"", "no token in it"},
        {"YQ== 0\nYg= 1\n", "a token in base64"},
        {"YQ== 0\nYg==\n", "a token"},
        {"YQ== 0\nYg== x\n", "a token in base64"},
        {"YQ== 0\n 1\n", "a token"},
        {"YQ== 0\nYg== 99999999\n", "a token in base64"},
        {"YQ== 0\nYg== 0\n", "for a second time"},
        {"YQ== 0\nYQ== 1\n", "the ranks 0 and 1 have the same token"},
        {"YQ== 0\nYg== 1\nYWJi 2\n", "no two tokens of lower ranks make that of rank 2"},
        {"YQ== 4000000\n", "the id 4000000 in a vocabulary of 1 tokens"},
    };
    struct err err = {0};
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        begin(*state, NULL);
        hf_folder_put(*state, "cl100k_base.tiktoken", WRONG[i].text);
        check_refused(*state, ERR_INPUT, WRONG[i].part, "/cl100k_base.tiktoken");
    }
    begin(*state, NULL);
    hf_folder_put(*state, "cl100k_base.tiktoken", WRONG[1].text);
    struct metadata *metadata = metadata_new(NULL);
    assert_false(hf_tokenizer_read(*state, metadata, &err));
    assert_int_equal(err.line, 2);
    metadata_free(metadata);
    begin(*state, NULL);
    hf_folder_put(*state, "other.tiktoken", "YQ== 0\n");
    check_refused(*state, ERR_UNSUPPORTED, "of another name than cl100k_base.tiktoken",
                  "/other.tiktoken");
    begin(*state, NULL);
    hf_folder_put(*state, "cl100k_base.tiktoken", "YQ== 0\nYg== 1\nYWI= 2\n");
    hf_folder_put(*state, "tokenizer_module.json",
                  "{\"added_tokens\":[" ADDED("1", "<u>", SPECIAL) "]}");
    check_refused(*state, ERR_INPUT, "have the same id 1", "/cl100k_base.tiktoken");
}

/* Fields of a protocol buffer: a piece with its score, the trainer's and the normalizer's. */
#define PIECE(LENGTH, N, TEXT, KIND) "\x0a" LENGTH "\x0a" N TEXT "\x15\x01\x01\x80\xbf\x18" KIND
#define BPE_TRAINER "\x12\x02\x18\x02"

static void put_bytes(const char *folder, const char *bytes, size_t n_bytes)
{
    struct err err = {0};
    char *path = file_join(folder, "tokenizer.model", &err);
    if (!path || !file_write(path, bytes, n_bytes, &err)) fail_msg("%s", err.message);
    free(path);
}

static void a_malformed_sentencepiece_model_is_refused(void **state)
{
#define BYTES(TEXT) TEXT, sizeof TEXT - 1
#define A PIECE("\x0a", "\x01", "a", "\x01")
#define NO_STRIP "\x1a\x02\x20"
    static const struct {
        const char *bytes;
        size_t n_bytes;
        enum err_code code;
        const char *part;
    } WRONG[] = {
        {BYTES(""), ERR_INPUT, "there is no piece in it"},
        {BYTES("{\"a\":1}"), ERR_INPUT, "no SentencePiece model"},
        {BYTES(A), ERR_UNSUPPORTED, "of the type unigram"},
        {BYTES(A BPE_TRAINER), ERR_UNSUPPORTED, "with remove_extra_whitespaces"},
        {BYTES(A BPE_TRAINER NO_STRIP "\x00" A), ERR_INPUT, "the pieces 0 and 1 are equal"},
        {BYTES(A BPE_TRAINER NO_STRIP "\x00" PIECE("\x0a", "\x01", "b", "\x07")), ERR_INPUT,
         "the piece 1 is malformed"},
        {BYTES(PIECE("\x09", "\x00", "", "\x01")), ERR_INPUT, "the piece 0 is malformed"},
        {BYTES("\x0a\x7f\x0a\x01"), ERR_INPUT, "malformed at byte 2 of 4"},
        {BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_INPUT, "malformed at byte"},
        {BYTES("\x00\x01"), ERR_INPUT, "malformed at byte"},
        {BYTES("\x0c"), ERR_INPUT, "malformed at byte"},
        {BYTES(A BPE_TRAINER "\x1a\x05\x12\x01x\x20\x00"), ERR_UNSUPPORTED,
         "with a normalization rule"},
        {BYTES(A BPE_TRAINER "\x1a\x04\x20\x00\x28\x00"), ERR_UNSUPPORTED, "spaces without marks"},
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        begin(*state, NULL);
        put_bytes(*state, WRONG[i].bytes, WRONG[i].n_bytes);
        check_refused(*state, WRONG[i].code, WRONG[i].part, "/tokenizer.model");
    }
}

static void a_sentencepiece_model_that_ends_early_is_refused(void **state)
{
    static const char WHOLE_MODEL[] = A PIECE("\x0a", "\x01", "b", "\x01")
        PIECE("\x0b", "\x02", "ab", "\x01") BPE_TRAINER NO_STRIP "\x00";
    struct err err = {0};
    for (size_t n = 1; n < sizeof WHOLE_MODEL - 1; n++) {
        begin(*state, NULL);
        put_bytes(*state, WHOLE_MODEL, n);
        struct metadata *metadata = metadata_new(NULL);
        /* Where a field ends nothing is missing but what a whole one has. */
        assert_false(hf_tokenizer_read(*state, metadata, &err));
        assert_true(err.code == ERR_INPUT || err.code == ERR_UNSUPPORTED);
        metadata_free(metadata);
    }
    begin(*state, NULL);
    put_bytes(*state, WHOLE_MODEL, sizeof WHOLE_MODEL - 1);
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    struct tokens ids = {0};
    const struct encode_options options = {.bos = BOS_NEVER, .continues = true};
    assert_true(tokenizer_encode(tokenizer, "abb", 3, &options, &ids, NULL));
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.ids[0], 2);
    tokens_free(&ids);
    tokenizer_free(tokenizer);
}

/* ---- As the ecosystem's converter writes them ---- */

/* Phi-3-mini's tokens and their kinds, but for the ids without a token, which converters of that
 * time called unknown. */
static void the_vocabulary_of_phi_3_is_what_the_converter_wrote(void **state)
{
    char path[PATH_BYTES], folder[PATH_BYTES];
    struct err err = {0};
    (void)state;
    if (!test_data_path(path, sizeof path, "tokenizers/ggml_vocab/ggml-vocab-phi-3.gguf") ||
        !test_data_path(folder, sizeof folder, "tokenizers/hf/phi-3-mini"))
        skip();
    struct source *source = source_open(path, &err);
    if (!source) fail_msg("%s", err.message);
    struct metadata *metadata = hf_folder_metadata(folder);
    const struct metadata_string *theirs, *ours;
    const struct metadata_value *their_kinds, *our_kinds;
    size_t n_theirs, n_ours;
    assert_true(
        metadata_read_strings(source->metadata, "tokenizer.ggml.tokens", &theirs, &n_theirs, &err));
    assert_true(metadata_read_strings(metadata, "tokenizer.ggml.tokens", &ours, &n_ours, &err));
    assert_true(
        metadata_read_array(source->metadata, "tokenizer.ggml.token_type", &their_kinds, &err));
    assert_true(metadata_read_array(metadata, "tokenizer.ggml.token_type", &our_kinds, &err));
    assert_true(n_ours > 32000 && n_ours <= n_theirs);
    for (size_t i = 0; i < n_ours; i++) {
        assert_string_equal(ours[i].text, theirs[i].text);
        assert_int_equal(metadata_element(our_kinds, i).i, metadata_element(their_kinds, i).i);
    }
    static const char *const IDS[] = {"bos", "eos", "unknown", "padding"};
    for (size_t i = 0; i < COUNT_OF(IDS); i++) {
        char key[PATH_BYTES];
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", IDS[i]);
        assert_int_equal(integer_of(metadata, key), integer_of(source->metadata, key));
    }
    metadata_free(metadata);
    source_close(source);
}

/* Pieces that merges make are made in the order of the scores that the model's own file has. */
static void scores_give_the_order_of_the_merges(void **state)
{
    char path[PATH_BYTES], folder[PATH_BYTES];
    struct err err = {0};
    (void)state;
    if (!test_data_path(path, sizeof path, "tokenizers/ggml_vocab/ggml-vocab-phi-3.gguf") ||
        !test_data_path(folder, sizeof folder, "tokenizers/hf/phi-3-mini"))
        skip();
    struct source *source = source_open(path, &err);
    if (!source) fail_msg("%s", err.message);
    struct metadata *metadata = hf_folder_metadata(folder);
    const struct metadata_value *theirs, *ours;
    double last = 0;
    size_t n = 0;
    assert_true(metadata_read_array(source->metadata, "tokenizer.ggml.scores", &theirs, &err));
    assert_true(metadata_read_array(metadata, "tokenizer.ggml.scores", &ours, &err));
    for (size_t i = 260; i < 32000; i++) { /* their scores fall from one to the next */
        double score = metadata_element(ours, i).f;
        bool is_run_of_spaces = metadata_element(theirs, i).f < -1e6; /* which come last */
        if (score == 0 || is_run_of_spaces) continue;                 /* 0: a character */
        if (n++) assert_true(score < last);
        last = score;
    }
    assert_true(n > 20000);
    metadata_free(metadata);
    source_close(source);
}

/* As in the library, where a GGUF file's first one counts. */
static void of_equal_merges_the_last_counts(void **state)
{
    struct tokens ids = {0};
    begin(*state,
          "{" DECODER
          ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4},"
          "\"merges\":[\"a b\",\"b c\",\"a b\"]}}");
    struct tokenizer *tokenizer = hf_folder_tokenizer(*state);
    assert_true(tokenizer_encode(tokenizer, "abc", 3, &(struct encode_options){.bos = BOS_NEVER},
                                 &ids, NULL));
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.ids[0], 0);
    assert_int_equal(ids.ids[1], 4);
    tokens_free(&ids);
    tokenizer_free(tokenizer);
}

static void pre_types_are_recognised_by_their_expressions(void **state)
{
    static const struct {
        const char *name, *pre;
    } EXPECTED[] = {{"gpt2", "gpt-2"},    {"llama3", "llama-bpe"}, {"gpt4", "dbrx"},
                    {"qwen2", "qwen2"},   {"gpt-4o", "gpt-4o"},    {"tekken", "tekken"},
                    {"smollm", "smollm"}, {"behaviours", ""},      {"llama", "default"}};
    struct err err = {0};
    struct json *file = json_read_file("tests/golden/hf_tokens.json", &err);
    if (!file) fail_msg("%s", err.message);
    for (size_t i = 0; i < COUNT_OF(EXPECTED); i++) {
        const struct json *all = json_get(file, "made"), *made = NULL;
        for (size_t k = 0; k < json_length(all); k++)
            if (strcmp(json_as_string(json_get(json_at(all, k), "name"), ""), EXPECTED[i].name) ==
                0)
                made = json_at(all, k);
        struct buf text = {0};
        const char *base = json_as_string(json_get(made, "base"), "");
        hf_folder_compose(json_get(json_get(file, "bases"), base), json_get(made, "members"),
                          &text);
        begin(*state, buf_string(&text));
        check_template(*state, "tokenizer.ggml.pre", EXPECTED[i].pre);
        buf_free(&text);
    }
    json_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_malformed_tokenizer_json_is_refused_with_the_member_at_fault),
        cmocka_unit_test(what_is_not_in_is_refused_by_its_name),
        cmocka_unit_test(ids_past_the_embedding_are_refused_but_those_of_added_tokens),
        cmocka_unit_test(ids_without_a_token_are_named_and_unused),
        cmocka_unit_test(special_tokens_are_found_by_text_or_by_number),
        cmocka_unit_test(the_template_of_the_post_processor_says_whether_bos_is_added),
        cmocka_unit_test(every_token_of_generation_config_ends_a_generation),
        cmocka_unit_test(the_file_of_a_chat_template_wins_over_the_configuration),
        cmocka_unit_test(a_folder_without_a_tokenizer_says_what_is_missing),
        cmocka_unit_test(a_malformed_tiktoken_file_is_refused_with_its_line),
        cmocka_unit_test(a_malformed_sentencepiece_model_is_refused),
        cmocka_unit_test(a_sentencepiece_model_that_ends_early_is_refused),
        cmocka_unit_test(the_vocabulary_of_phi_3_is_what_the_converter_wrote),
        cmocka_unit_test(scores_give_the_order_of_the_merges),
        cmocka_unit_test(of_equal_merges_the_last_counts),
        cmocka_unit_test(pre_types_are_recognised_by_their_expressions),
    };
    return cmocka_run_group_tests(tests, hf_folder_set_up, hf_folder_tear_down);
}
