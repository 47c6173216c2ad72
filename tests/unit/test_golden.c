/* test_golden.c - logits and text against independent implementations: the reference logits of
 * tests/golden for small random models and for the embedded family, and the text that
 * stories260K's description gives for greedy decoding. And logits against themselves:
 * tests/golden/logit_hashes.tsv has the bits of ENGINE_NUMERICS_VERSION.
 *
 * test_golden --print-logit-hashes prints that table anew, for a change that was meant and that
 * comes with a new version.
 */
#include "engine/engine.h"

#include "base/file.h"
#include "base/sha256.h"
#include "tests/support/hashed_prompt.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_PROMPT = 96, MAX_FILE_BYTES = 1 << 20 };

static size_t read_ids(const char *path, int32_t *ids)
{
    struct err err = {0};
    char *text = file_read(path, MAX_FILE_BYTES, NULL, &err), *end = NULL;
    if (!text) err_print(&err, stderr);
    assert_non_null(text);
    size_t n = 0;
    for (char *at = text;; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) break;
        assert_true(n < MAX_PROMPT);
        ids[n++] = (int32_t)id;
    }
    free(text);
    return n;
}

/* NAME.gguf of a folder; the logits after the prompt are in tests/golden/NAME.logits. */
struct golden {
    const char *name, *folder, *prompt;
};

/* The largest difference to the reference over all positions, relative to its largest logit. */
static double compare(const struct golden *golden, enum isa isa, enum kv_type kv_type, size_t chunk)
{
    char path[256];
    int32_t ids[MAX_PROMPT];
    snprintf(path, sizeof path, "tests/golden/%s.ids", golden->prompt);
    size_t n = read_ids(path, ids), n_bytes;
    snprintf(path, sizeof path, "tests/golden/%s.logits", golden->name);
    float *expected = (float *)(void *)file_read(path, MAX_FILE_BYTES, &n_bytes, NULL);
    assert_non_null(expected);
    snprintf(path, sizeof path, "%s/%s.gguf", golden->folder, golden->name);
    struct model *model = test_open_model(path, isa);
    size_t n_logits = n * (size_t)model_info(model)->n_vocab;
    assert_int_equal(n_bytes, n_logits * sizeof *expected);

    struct session_options options = {.n_threads = 2, .kv_type = kv_type};
    struct session *session = session_open(model, &options, NULL);
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    session_expect(session, sequence, n);
    float *logits = calloc(n_logits, sizeof *logits);
    test_eval(session, sequence, ids, n, chunk, logits);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < n_logits; i++) {
        assert_true(isfinite(logits[i]));
        largest = fmax(largest, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)logits[i] - (double)expected[i]));
    }
    free(logits);
    session_close(session);
    model_close(model);
    free(expected);
    return difference / largest;
}

#define RANDOM_MODEL(name)                                                                         \
    {                                                                                              \
        name, "tests/golden", name                                                                 \
    }
static const struct golden golden[] = {
    RANDOM_MODEL("phi3-mha"),       RANDOM_MODEL("phi3-gqa"),      RANDOM_MODEL("phi3-window"),
    RANDOM_MODEL("llama-gqa"),      RANDOM_MODEL("llama-tied"),    RANDOM_MODEL("qwen2-gqa"),
    RANDOM_MODEL("qwen2-tied"),     {"mini", "models", "family"},  {"small", "models", "family"},
    {"medium", "models", "family"}, RANDOM_MODEL("gemma-mha"),     RANDOM_MODEL("qwen3-wide"),
    RANDOM_MODEL("qwen3-tied"),     RANDOM_MODEL("phi2-split"),    RANDOM_MODEL("phi2-fused"),
    RANDOM_MODEL("phi3-partial"),   RANDOM_MODEL("llama3-freqs"),  RANDOM_MODEL("mistral-window"),
    RANDOM_MODEL("gemma2-caps"),    RANDOM_MODEL("gemma3-linear"),
};

/* A router's choice is a jump, so that what costs little elsewhere can cost another expert here. */
static const struct golden experts[] = {
    RANDOM_MODEL("mixtral"),     RANDOM_MODEL("mixtral-three"), RANDOM_MODEL("phimoe"),
    RANDOM_MODEL("phimoe-long"), RANDOM_MODEL("phimoe-far"),
};

static void check_logits(const struct golden *model)
{
    double whole = compare(model, ISA_SCALAR, KV_F32, 512);
    double chunked = compare(model, isa_best(), KV_F32, 7);
    printf("%-13s differs by %.1e of the largest logit\n", model->name, whole);
    assert_true(whole < 1e-4);
    assert_true(chunked == whole);
}

static void logits_are_the_references_within_1e_4_of_the_largest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) check_logits(&golden[i]);
    for (size_t i = 0; i < sizeof experts / sizeof *experts; i++) check_logits(&experts[i]);
}

static void half_precision_keys_and_values_cost_little(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double difference = compare(&golden[i], isa_best(), KV_F16, 512);
        printf("%-12s differs by %.1e with KV in f16\n", golden[i].name, difference);
        assert_true(difference < 5e-3);
    }
}

static void keys_and_values_in_bytes_cost_little(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double difference = compare(&golden[i], ISA_SCALAR, KV_Q8_0, 512);
        printf("%-12s differs by %.1e with KV in q8_0\n", golden[i].name, difference);
        assert_true(difference < 5e-2);
        assert_true(compare(&golden[i], isa_best(), KV_Q8_0, 7) == difference);
    }
}

/* What stands in the description between its first "Once upon a time" and the end of the block. */
static char *read_story(void)
{
    char path[4096];
    if (!test_data_path(path, sizeof path, "weights/stories260K/stories260K.md")) return NULL;
    char *text = file_read(path, MAX_FILE_BYTES, NULL, NULL);
    char *begin = text ? strstr(text, "Once upon a time") : NULL;
    char *end = begin ? strstr(begin, "\n```") : NULL;
    assert_non_null(end);
    *end = '\0';
    memmove(text, begin, strlen(begin) + 1);
    return text;
}

static void stories260k_continues_greedily_with_the_text_of_its_description(void **state)
{
    (void)state;
    char path[4096];
    char *story = read_story();
    if (!story || !test_data_path(path, sizeof path, "weights/stories260K/stories260K.gguf")) {
        free(story);
        puts("SKIP: no shared data with weights/stories260K");
        skip();
    }
    struct model *model = test_open_model(path, isa_best());
    const struct tokenizer *tokenizer = model_tokenizer(model);
    struct session *session = session_open(model, &(struct session_options){.n_threads = 2}, NULL);
    struct tokens tokens = {0};
    struct encode_options encode = {0};
    static const char prompt[] = "Once upon a time";
    assert_true(tokenizer_encode(tokenizer, prompt, strlen(prompt), &encode, &tokens, NULL));
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    if (tokens.n > 1) test_eval(session, sequence, tokens.ids, tokens.n - 1, 512, NULL);
    struct buf text = {0};
    while (text.n_bytes < strlen(story)) {
        assert_true(tokens.n < 400);
        struct session_token last = {
            .sequence = sequence, .id = tokens.ids[tokens.n - 1], .wants_logits = true};
        assert_true(session_eval(session, &last, 1, NULL));
        int32_t id = logits_argmax(session_logits(session, 0), (size_t)model_info(model)->n_vocab);
        assert_true(tokens_append(&tokens, &id, 1, NULL));
        buf_clear(&text);
        assert_true(tokenizer_decode(tokenizer, tokens.ids, tokens.n, false, true, &text, NULL));
    }
    assert_memory_equal(buf_string(&text), story, strlen(story));
    buf_free(&text);
    tokens_free(&tokens);
    session_close(session);
    model_close(model);
    free(story);
}

static const char *const hashed_types[] = {"f32",  "f16",    "bf16",   "q8_0", "q4_0", "q4_1",
                                           "q5_0", "q5_1",   "q2_k",   "q3_k", "q4_k", "q5_k",
                                           "q6_k", "iq4_nl", "iq4_xs", "mxfp4"};
/* What an architecture does is told by one type of floats and one of blocks; the first, by all. */
static const struct {
    const char *name;
    bool in_every_type;
} hashed_shapes[] = {
    {"tiny", true},
    {"tiny-llama", true},
    {"tiny-qwen2", true},
    {"tiny-qwen3", false},
    {"tiny-gemma", false},
    {"tiny-phi2", false},
    {"tiny-phi3small", false},
    {"tiny-gemma2", false},
    {"tiny-gemma3", false},
    {"tiny-mixtral", false},
    {"tiny-phimoe", false},
};

/* SHA-256 of the logits after each token of the hashed prompt. */
static void hash_logits(const char *shape, const char *type, enum isa isa,
                        char hex[SHA256_HEX_BYTES])
{
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s:%s", shape, type);
    struct model *model = test_open_model(spec, isa);
    size_t n_vocab = (size_t)model_info(model)->n_vocab, n_logits = HASHED_TOKENS * n_vocab;
    struct session *session = session_open(model, &(struct session_options){.n_threads = 1}, NULL);
    int32_t ids[HASHED_TOKENS];
    hashed_prompt(n_vocab, ids);
    float *logits = calloc(n_logits, sizeof *logits);
    int sequence;
    assert_true(session_start(session, &sequence, NULL));
    test_eval(session, sequence, ids, HASHED_TOKENS, 512, logits);
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_update(hash, logits, n_logits * sizeof *logits);
    sha256_finish(hash, hex);
    sha256_free(hash);
    free(logits);
    session_close(session);
    model_close(model);
}

/* The whole table as it should stand in the file. */
static void print_hashes(enum isa isa, struct buf *table)
{
    buf_printf(table, "numerics\t%d\t\n", ENGINE_NUMERICS_VERSION);
    for (size_t i = 0; i < sizeof hashed_shapes / sizeof *hashed_shapes; i++) {
        for (size_t j = 0; j < sizeof hashed_types / sizeof *hashed_types; j++) {
            const char *name = hashed_shapes[i].name, *type = hashed_types[j];
            bool is_hashed = strcmp(type, "f32") == 0 || strcmp(type, "q4_k") == 0;
            if (!is_hashed && !hashed_shapes[i].in_every_type) continue;
            char hex[SHA256_HEX_BYTES];
            hash_logits(name, type, isa, hex);
            buf_printf(table, "%s\t%s\t%s\n", name, type, hex);
        }
    }
}

static void logits_have_the_bits_of_the_numerics_version(void **state)
{
    (void)state;
    char *expected = file_read("tests/golden/logit_hashes.tsv", MAX_FILE_BYTES, NULL, NULL);
    assert_non_null(expected);
    const enum isa isas[] = {ISA_SCALAR, isa_best()};
    for (size_t i = 0; i < 2; i++) {
        struct buf table = {0};
        print_hashes(isas[i], &table);
        assert_string_equal(buf_string(&table), expected);
        buf_free(&table);
    }
    free(expected);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print-logit-hashes") == 0) {
        struct buf table = {0};
        print_hashes(ISA_SCALAR, &table);
        fputs(buf_string(&table), stdout);
        buf_free(&table);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_the_references_within_1e_4_of_the_largest),
        cmocka_unit_test(half_precision_keys_and_values_cost_little),
        cmocka_unit_test(keys_and_values_in_bytes_cost_little),
        cmocka_unit_test(stories260k_continues_greedily_with_the_text_of_its_description),
        cmocka_unit_test(logits_have_the_bits_of_the_numerics_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
