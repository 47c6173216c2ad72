/* test_synth.c - synthetic models.
 *
 * The recipe of their weights, the shapes, the vocabulary, the spec.
 */
#include "engine/synth.h"

#include "base/sha256.h"
#include "engine/gguf.h"
#include "engine/open_source.h"
#include "engine/synth_shapes.h"
#include "engine/synth_vocab.h"
#include "engine/tokenizer.h"
#include "tests/support/stored_value.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct source *open_spec(const char *spec)
{
    struct err err = {0};
    struct source *source = source_open(spec, &err);
    if (!source) fail_msg("%s: %s", spec, err.message);
    return source;
}

/* All rows of a tensor, decoded: free() it. */
static float *read_tensor(const struct source *source, const char *name, size_t *n)
{
    const struct tensor_info *tensor = source_find(source, name);
    assert_non_null(tensor);
    *n = tensor->n_rows * tensor->shape[0];
    void *blocks = malloc(tensor->n_rows * tensor->row_bytes);
    float *values = malloc(*n * sizeof *values);
    assert_true(blocks && values);
    assert_true(source->read_rows(source, tensor, 0, tensor->n_rows, blocks, NULL));
    tensor_decode(tensor->type, blocks, *n, values);
    free(blocks);
    return values;
}

static void assert_shape(const struct source *source, const char *name, size_t columns, size_t rows)
{
    const struct tensor_info *tensor = source_find(source, name);
    if (!tensor) fail_msg("no tensor %s", name);
    assert_int_equal(tensor->shape[0], columns);
    assert_int_equal(tensor->shape[1], rows);
}

static void shapes_have_the_tensors_and_sizes_of_the_real_models(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint64_t n_params;
        size_t n_tensors, n_embd, n_qkv, n_ff, last_layer;
    } cases[] = {
        {"synth:phi-3-mini:q4_0", 3821079552, 195, 3072, 9216, 8192, 31},
        {"synth:phi-3-medium:q4_0", 13960238080, 243, 5120, 7680, 17920, 39},
    };
    for (size_t i = 0; i < 2; i++) {
        struct source *source = open_spec(cases[i].spec);
        uint64_t n_params = 0, n_bytes = 0;
        for (size_t k = 0; k < source->n_tensors; k++) {
            n_params += source->tensors[k].n_rows * source->tensors[k].shape[0];
            n_bytes += source->tensors[k].n_rows * source->tensors[k].row_bytes;
        }
        assert_true(source->synthetic);
        assert_int_equal(source->n_tensors, cases[i].n_tensors);
        assert_int_equal(n_params, cases[i].n_params);
        assert_int_equal(n_bytes, source->n_bytes);
        char name[64];
        snprintf(name, sizeof name, "blk.%zu.attn_qkv.weight", cases[i].last_layer);
        assert_shape(source, name, cases[i].n_embd, cases[i].n_qkv);
        snprintf(name, sizeof name, "blk.%zu.ffn_up.weight", cases[i].last_layer);
        assert_shape(source, name, cases[i].n_embd, 2 * cases[i].n_ff);
        snprintf(name, sizeof name, "blk.%zu.ffn_down.weight", cases[i].last_layer);
        assert_shape(source, name, cases[i].n_ff, cases[i].n_embd);
        assert_shape(source, "output.weight", cases[i].n_embd, 32064);
        assert_int_equal(stored_unsigned(source->metadata, "phi3.attention.sliding_window"), 2047);
        source_close(source);
    }
}

static uint64_t count_values(const struct source *source, const char *begin)
{
    uint64_t n = 0;
    for (size_t i = 0; i < source->n_tensors; i++)
        if (strncmp(source->tensors[i].name, begin, strlen(begin)) == 0)
            n += source->tensors[i].n_rows * source->tensors[i].shape[0];
    return n;
}

/* The published model has 4,146,621,440 parameters: those of CLIP's 24th layer and of its last norm
 * are not used. */
static void eyes_have_the_sizes_of_the_real_tower(void **state)
{
    (void)state;
    const uint64_t last_layer = 4 * 1024 * 1025 + 2 * 4096 * 1024 + 4096 + 1024 + 4 * 1024;
    struct source *source = open_spec("synth:phi-3.5-vision:q4_k");
    struct source *blind = open_spec("synth:phi-3.5-mini:q4_k");
    uint64_t n_tables = count_values(blind, "rope_factors");
    assert_int_equal(count_values(source, "") - n_tables + last_layer + 2 * 1024, 4146621440u);
    assert_int_equal(count_values(source, "") - count_values(source, "v."),
                     count_values(blind, ""));
    assert_shape(source, "v.patch_embd.weight", 588, 1024);
    assert_shape(source, "v.position_embd.weight", 1024, 577);
    assert_shape(source, "v.blk.22.ffn_up.weight", 1024, 4096);
    assert_shape(source, "v.mm.0.weight", 4096, 3072);
    assert_null(source_find(source, "v.blk.23.attn_q.weight"));
    assert_int_equal(source_find(source, "v.patch_embd.weight")->type, TENSOR_F32);
    assert_int_equal(source_find(source, "v.position_embd.weight")->type, TENSOR_F32);
    assert_int_equal(source_find(source, "v.blk.0.attn_q.weight")->type, TENSOR_Q4_K);
    assert_int_equal(stored_unsigned(source->metadata, "clip.vision.block_count"), 23);
    assert_int_equal(stored_unsigned(source->metadata, "clip.vision.max_crops"), 4);
    source_close(blind);
    source_close(source);
}

/* Rows are as wide with a small vocabulary. */
static void every_shape_opens_with_every_type(void **state)
{
    (void)state;
    for (size_t i_shape = 0; synth_shape_name(i_shape); i_shape++) {
        for (uint32_t type = 0; type < TENSOR_TYPE_LIMIT; type++) {
            const struct tensor_type_info *info = tensor_type_info(type);
            if (!info || !info->encoded) continue;
            struct synth_options options = {.shape = synth_shape_name(i_shape),
                                            .type = (enum tensor_type)type,
                                            .seed = 1,
                                            .vocab_path = "tests/golden/llama-tied.gguf"};
            struct source *source = synth_open(&options, NULL);
            assert_non_null(source);
            for (size_t i = 0; i < source->n_tensors; i++)
                assert_true(source->tensors[i].row_bytes > 0);
            source_close(source);
        }
    }
}

static void a_row_alone_is_the_row_among_all(void **state)
{
    (void)state;
    struct source *source = open_spec("synth:tiny:q4_k:5");
    const struct tensor_info *tensor = source_find(source, "blk.1.ffn_down.weight");
    assert_non_null(tensor);
    uint8_t *all = malloc(tensor->n_rows * tensor->row_bytes), *one = malloc(tensor->row_bytes);
    assert_true(all && one);
    assert_true(source->read_rows(source, tensor, 0, tensor->n_rows, all, NULL));
    for (size_t row = 0; row < tensor->n_rows; row++) {
        assert_true(source->read_rows(source, tensor, row, 1, one, NULL));
        assert_memory_equal(one, all + row * tensor->row_bytes, tensor->row_bytes);
    }
    free(one);
    free(all);
    source_close(source);
}

static void weights_have_the_deviation_of_their_recipe(void **state)
{
    (void)state;
    static const struct {
        const char *tensor;
        double mean, deviation;
    } cases[] = {
        {"token_embd.weight", 0, 1},
        {"blk.0.attn_qkv.weight", 0, 1 / 16.0},
        {"blk.1.attn_output.weight", 0, 1 / 32.0},
        {"blk.0.ffn_down.weight", 0, 0.022097},
        {"output.weight", 0, 3 / 16.0},
        {"output_norm.weight", 1, 0.1},
    };
    struct source *source = open_spec("synth:tiny:f32");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        float *values = read_tensor(source, cases[i].tensor, &n);
        double sum = 0, squares = 0;
        for (size_t k = 0; k < n; k++) sum += (double)values[k];
        double mean = sum / (double)n;
        for (size_t k = 0; k < n; k++) squares += pow((double)values[k] - mean, 2);
        double deviation = sqrt(squares / (double)n), slack = 5 / sqrt((double)n);
        assert_true(fabs(mean - cases[i].mean) < slack * cases[i].deviation);
        assert_true(fabs(deviation / cases[i].deviation - 1) < slack);
        free(values);
    }
    source_close(source);
}

static void types_of_one_seed_are_quantizations_of_one_model(void **state)
{
    (void)state;
    struct source *exact = open_spec("synth:tiny-llama:f32:3"),
                  *rough = open_spec("synth:tiny-llama:q8_0:3");
    struct source *other = open_spec("synth:tiny-llama:f32:4");
    size_t n;
    float *x = read_tensor(exact, "blk.1.attn_k.weight", &n);
    float *y = read_tensor(rough, "blk.1.attn_k.weight", &n);
    float *z = read_tensor(other, "blk.1.attn_k.weight", &n);
    double squares = 0, to_rough = 0, to_other = 0;
    for (size_t i = 0; i < n; i++) {
        squares += pow((double)x[i], 2);
        to_rough += pow((double)x[i] - (double)y[i], 2);
        to_other += pow((double)x[i] - (double)z[i], 2);
    }
    assert_true(to_rough < 1e-4 * squares);
    assert_true(to_other > squares); /* independent: about twice */
    free(x);
    free(y);
    free(z);
    source_close(other);
    source_close(rough);
    source_close(exact);
}

/* SHA-256 of all tensors, in order. */
static void hash_tensors(const char *spec, char hex[65])
{
    struct source *source = open_spec(spec);
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct tensor_info *tensor = &source->tensors[i];
        size_t n_bytes = tensor->n_rows * tensor->row_bytes;
        void *bytes = malloc(n_bytes);
        assert_true(bytes && source->read_rows(source, tensor, 0, tensor->n_rows, bytes, NULL));
        sha256_update(hash, bytes, n_bytes);
        free(bytes);
    }
    sha256_finish(hash, hex);
    sha256_free(hash);
    source_close(source);
}

static void bytes_are_the_same_on_every_machine(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"synth:tiny:f32", "257b0cfb8902a41d85488fcf0e4eb14f4d5b530dcef0773567d5cf604407ef17"},
        {"synth:tiny:q4_0", "a3031f95db7b68ec81881bf212555fcf76d6d474b8f8fe1ced4615ad462a0cbe"},
        {"synth:tiny-llama:q4_k:7",
         "8e4babf855d9a88143ccfe3851f9c755d77efa68c04b5841f9df7eb21b6cca37"},
    };
    for (size_t i = 0; i < 3; i++) {
        char hex[65];
        hash_tensors(cases[i][0], hex);
        if (strcmp(hex, cases[i][1]) != 0) fail_msg("%s: %s", cases[i][0], hex);
    }
}

static void hash_tells_recipes_apart_but_not_spellings(void **state)
{
    (void)state;
    static const char *const specs[] = {"synth:tiny:q4_0",       "synth:tiny:q4_0:2",
                                        "synth:tiny:q4_1",       "synth:tiny-llama:q4_0",
                                        "synth:phi-3-mini:q4_0", "synth:tiny:Q4_0:1"};
    char hex[6][65];
    for (size_t i = 0; i < 6; i++) {
        struct source *source = open_spec(specs[i]);
        assert_true(source->hash(source, hex[i], NULL, NULL));
        source_close(source);
    }
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < i; k++) assert_string_not_equal(hex[i], hex[k]);
    }
    assert_string_equal(hex[5], hex[0]);
}

/* ---- Vocabulary ---- */

struct pieces {
    struct metadata *metadata;
    const struct metadata_string *text;
    const float *scores;
    const int32_t *kinds;
    size_t n;
};

static struct pieces make_pieces(size_t n_vocab)
{
    struct pieces pieces = {.metadata = metadata_new(NULL)};
    size_t n;
    assert_non_null(pieces.metadata);
    assert_true(synth_add_vocabulary(pieces.metadata, n_vocab, NULL));
    pieces.text =
        stored_array(pieces.metadata, "tokenizer.ggml.tokens", METADATA_STRING, &pieces.n);
    pieces.scores = stored_array(pieces.metadata, "tokenizer.ggml.scores", METADATA_F32, &n);
    assert_int_equal(n, pieces.n);
    pieces.kinds = stored_array(pieces.metadata, "tokenizer.ggml.token_type", METADATA_I32, &n);
    assert_int_equal(n, pieces.n);
    assert_int_equal(pieces.n, n_vocab);
    return pieces;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct metadata_string *left = a, *right = b;
    return strcmp(left->text, right->text);
}

static void pieces_are_distinct_and_their_scores_fall(void **state)
{
    (void)state;
    static const size_t sizes[] = {SYNTH_VOCAB_MIN, 512, 32064, 151936};
    for (size_t i = 0; i < 4; i++) {
        struct pieces pieces = make_pieces(sizes[i]);
        float last = 0;
        for (size_t id = 0; id < pieces.n; id++) {
            if (pieces.kinds[id] != TOKEN_NORMAL) continue;
            assert_true(pieces.scores[id] < last);
            last = pieces.scores[id];
        }
        struct metadata_string *sorted = malloc(pieces.n * sizeof *sorted);
        assert_non_null(sorted);
        memcpy(sorted, pieces.text, pieces.n * sizeof *sorted);
        qsort(sorted, pieces.n, sizeof *sorted, compare_pieces);
        for (size_t k = 1; k < pieces.n; k++)
            assert_true(compare_pieces(&sorted[k - 1], &sorted[k]) < 0);
        free(sorted);
        metadata_free(pieces.metadata);
    }
}

static void special_tokens_have_the_ids_of_phi_3(void **state)
{
    (void)state;
    static const struct {
        size_t id;
        const char *piece;
        int kind;
    } cases[] = {
        {0, "<unk>", TOKEN_UNKNOWN},
        {1, "<s>", TOKEN_CONTROL},
        {2, "</s>", TOKEN_CONTROL},
        {3, "<0x00>", TOKEN_BYTE},
        {258, "<0xFF>", TOKEN_BYTE},
        {32000, "<|endoftext|>", TOKEN_CONTROL},
        {32001, "<|assistant|>", TOKEN_CONTROL},
        {32006, "<|system|>", TOKEN_CONTROL},
        {32007, "<|end|>", TOKEN_CONTROL},
        {32010, "<|user|>", TOKEN_CONTROL},
        {32011, "[PAD32011]", TOKEN_UNUSED},
        {32063, "[PAD32063]", TOKEN_UNUSED},
    };
    struct pieces pieces = make_pieces(32064);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(pieces.text[cases[i].id].text, cases[i].piece);
        assert_int_equal(pieces.kinds[cases[i].id], cases[i].kind);
    }
    assert_int_equal(stored_unsigned(pieces.metadata, "tokenizer.ggml.eos_token_id"), 32000);
    metadata_free(pieces.metadata);
}

static void assert_single_piece(const struct tokenizer *tokenizer, const char *text,
                                const char *piece)
{
    struct tokens tokens = {0};
    struct encode_options options = {.bos = BOS_NEVER, .parse_special = true};
    assert_true(tokenizer_encode(tokenizer, text, strlen(text), &options, &tokens, NULL));
    if (tokens.n != 1) fail_msg("'%s' has %zu tokens", text, tokens.n);
    assert_string_equal(tokenizer_token(tokenizer, tokens.ids[0]).piece, piece);
    tokens_free(&tokens);
}

static void words_and_answers_are_single_tokens(void **state)
{
    (void)state;
    static const size_t sizes[] = {SYNTH_VOCAB_MIN, 512, 32064};
    for (size_t i = 0; i < 3; i++) {
        struct pieces pieces = make_pieces(sizes[i]);
        struct tokenizer *tokenizer = tokenizer_new(pieces.metadata, NULL);
        assert_non_null(tokenizer);
        assert_single_piece(tokenizer, "A",
                            "\xe2\x96\x81"
                            "A"); /* a space is added before it */
        assert_single_piece(tokenizer, "D",
                            "\xe2\x96\x81"
                            "D");
        assert_single_piece(tokenizer, "Answer",
                            "\xe2\x96\x81"
                            "Answer");
        if (sizes[i] > 4096) {
            assert_single_piece(tokenizer, "following",
                                "\xe2\x96\x81"
                                "following");
            assert_single_piece(tokenizer, "government",
                                "\xe2\x96\x81"
                                "government");
        }
        assert_true(tokenizer_has_chat_template(tokenizer));
        assert_true(tokenizer_is_end(tokenizer, tokenizer_find(tokenizer, "<|end|>")));
        tokenizer_free(tokenizer);
        metadata_free(pieces.metadata);
    }
}

static void a_vocabulary_of_a_file_is_taken_over_whole(void **state)
{
    (void)state;
    char folder[256], path[300], spec[400];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/a:b.gguf", folder); /* a colon in the path stays in it */
    struct source *donor = open_spec("synth:tiny:q8_0:9");
    struct metadata *metadata = metadata_new(NULL);
    const struct metadata *own = donor->metadata;
    assert_non_null(metadata);
    assert_true(synth_add_vocabulary(metadata, 1000, NULL));
    donor->metadata = metadata;
    assert_true(gguf_write(path, donor, NULL, 1, NULL, NULL, NULL));
    donor->metadata = own;
    source_close(donor);

    snprintf(spec, sizeof spec, "synth:phi-3-mini:q4_0:%s", path);
    struct source *source = open_spec(spec);
    assert_shape(source, "token_embd.weight", 3072, 1000);
    assert_shape(source, "output.weight", 3072, 1000);
    for (size_t i = 0; i < metadata_count(metadata); i++) {
        const char *key;
        metadata_at(metadata, i, &key);
        assert_non_null(metadata_find(source->metadata, key));
    }
    assert_string_equal(stored_string(source->metadata, "general.architecture"), "phi3");
    source_close(source);
    metadata_free(metadata);
    test_remove_folder(folder);
}

/* ---- Specs ---- */

static void parse_reads_shape_type_seed_and_vocabulary(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *shape, *vocab_path;
        enum tensor_type type;
        uint64_t seed;
    } cases[] = {
        {"synth:tiny:q4_0", "tiny", NULL, TENSOR_Q4_0, 1},
        {"synth:phi-3-mini:Q4_K:42", "phi-3-mini", NULL, TENSOR_Q4_K, 42},
        {"synth:tiny:f16:0:dir/v.gguf", "tiny", "dir/v.gguf", TENSOR_F16, 0},
        {"synth:tiny:f16:dir/v.gguf", "tiny", "dir/v.gguf", TENSOR_F16, 1},
        {"synth:tiny:f16:3:C:x.gguf", "tiny", "C:x.gguf", TENSOR_F16, 3},
        {"synth:tiny:f16:3x.gguf", "tiny", "3x.gguf", TENSOR_F16, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct synth_options options;
        char *storage;
        assert_true(synth_parse(cases[i].spec, &options, &storage, NULL));
        assert_string_equal(options.shape, cases[i].shape);
        assert_int_equal(options.type, cases[i].type);
        assert_int_equal(options.seed, cases[i].seed);
        if (cases[i].vocab_path) assert_string_equal(options.vocab_path, cases[i].vocab_path);
        else assert_null(options.vocab_path);
        free(storage);
    }
}

static void open_says_what_is_wrong_with_a_spec(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum err_code code;
        const char *message;
    } cases[] = {
        {"synth:huge:q4_0", ERR_USAGE,
         "unknown shape 'huge': expected one of phi-3-mini, phi-3-medium, tiny, tiny-llama, "},
        {"synth:tiny", ERR_USAGE, "no type: expected synth:SHAPE:TYPE[:SEED][:VOCAB.gguf]"},
        {"synth:", ERR_USAGE, "no type"},
        {"synth:tiny:q9", ERR_USAGE, "unknown tensor type 'q9'"},
        {"synth:tiny:q4_0:", ERR_USAGE, "nothing after the last ':'"},
        {"synth:tiny:q4_0:1:", ERR_USAGE, "nothing after the last ':'"},
        {"synth:tiny:q4_0:18446744073709551616", ERR_USAGE, "is too large"},
        {"synth:tiny:q4_0:/nonexistent.gguf", ERR_IO, "cannot open"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        assert_null(source_open(cases[i].spec, &err));
        assert_int_equal(err.code, cases[i].code);
        if (!strstr(err.message, cases[i].message)) fail_msg("%s: %s", cases[i].spec, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_have_the_tensors_and_sizes_of_the_real_models),
        cmocka_unit_test(eyes_have_the_sizes_of_the_real_tower),
        cmocka_unit_test(every_shape_opens_with_every_type),
        cmocka_unit_test(a_row_alone_is_the_row_among_all),
        cmocka_unit_test(weights_have_the_deviation_of_their_recipe),
        cmocka_unit_test(types_of_one_seed_are_quantizations_of_one_model),
        cmocka_unit_test(bytes_are_the_same_on_every_machine),
        cmocka_unit_test(hash_tells_recipes_apart_but_not_spellings),
        cmocka_unit_test(pieces_are_distinct_and_their_scores_fall),
        cmocka_unit_test(special_tokens_have_the_ids_of_phi_3),
        cmocka_unit_test(words_and_answers_are_single_tokens),
        cmocka_unit_test(a_vocabulary_of_a_file_is_taken_over_whole),
        cmocka_unit_test(parse_reads_shape_type_seed_and_vocabulary),
        cmocka_unit_test(open_says_what_is_wrong_with_a_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
