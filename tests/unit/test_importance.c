/* test_importance.c - importance weights: what sessions add up, and what encoders make of them.
 *
 * The sums are checked against inputs that the test computes itself; errors against those without
 * weights.
 */
#include "engine/importance.h"

#include "base/rng.h"
#include "engine/gguf.h"
#include "engine/model.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/test_engine.h"
#include "tests/support/test_folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "the tale of the old tower and the tame tide, told at noon\n";

static struct importance *measure(const struct model *model, int n_threads)
{
    struct err err = {0};
    struct importance *importance =
        importance_measure(model, text, strlen(text), n_threads, NULL, NULL, &err);
    if (!importance) fail_msg("%s", err.message);
    return importance;
}

/* Mean squares of the first layer's normed embeddings over the text, divided by their mean. */
static void expected_weights(const struct model *model, const float *norm, double *sums)
{
    const struct encode_options options = {.bos = BOS_AUTO};
    const struct tensor_info *embedding = model->embedding;
    size_t n = model->hparams.n_embd;
    struct tokens ids = {0};
    float *x = malloc(n * sizeof *x);
    double mean = 0;
    assert_non_null(x);
    assert_true(tokenizer_encode(model->tokenizer, text, strlen(text), &options, &ids, NULL));
    memset(sums, 0, n * sizeof *sums);
    for (size_t t = 0; t < ids.n; t++) {
        double square = 0;
        assert_true(
            model->source->read_rows(model->source, embedding, (size_t)ids.ids[t], 1, x, NULL));
        for (size_t k = 0; k < n; k++) square += (double)x[k] * (double)x[k];
        double scale = 1 / sqrt(square / (double)n + (double)model->hparams.norm_eps);
        for (size_t k = 0; k < n; k++) sums[k] += pow((double)x[k] * scale * (double)norm[k], 2);
    }
    for (size_t k = 0; k < n; k++) mean += sums[k] / (double)n;
    for (size_t k = 0; k < n; k++) sums[k] /= mean;
    tokens_free(&ids);
    free(x);
}

static void weights_are_mean_squares_of_the_inputs(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny:f32", isa_best());
    struct importance *importance = measure(model, 2);
    size_t n = model->hparams.n_embd;
    const float *weights = importance_weights(importance, "blk.0.attn_qkv.weight", 0, n);
    double *expected = malloc(n * sizeof *expected), mean = 0;
    assert_true(weights && expected);
    expected_weights(model, model->operations[1].vector, expected);
    for (size_t k = 0; k < n; k++) {
        mean += (double)weights[k] / (double)n;
        assert_true(weights[k] > 0);
        if (fabs((double)weights[k] - expected[k]) > 3e-4 * (1 + expected[k]))
            fail_msg("column %zu: %g, not %g", k, (double)weights[k], expected[k]);
    }
    assert_true(fabs(mean - 1) < 1e-5);
    free(expected);
    importance_free(importance);
    model_close(model);
}

/* Every matrix has them, vectors and embeddings have not; a tied embedding has. */
static void every_matrix_has_weights(void **state)
{
    (void)state;
    static const char *const specs[] = {"synth:tiny:q8_0", "synth:tiny-llama:q4_k",
                                        "tests/golden/llama-tied.gguf",
                                        "tests/golden/qwen2-gqa.gguf", "synth:tiny-phimoe:q4_0"};
    for (size_t s = 0; s < 5; s++) {
        struct model *model = test_open_model(specs[s], isa_best());
        struct importance *importance = measure(model, 1);
        for (size_t i = 0; i < model->source->n_tensors; i++) {
            const struct tensor_info *tensor = &model->source->tensors[i];
            bool is_matrix =
                tensor->n_dimensions >= 2 && (tensor != model->embedding || model->hparams.is_tied);
            const float *weights =
                importance_weights(importance, tensor->name, 0, tensor->shape[0]);
            if ((weights != NULL) != is_matrix) fail_msg("%s: %s", specs[s], tensor->name);
        }
        assert_null(importance_weights(importance, "blk.0.ffn_down.weight", 0, 7));
        importance_free(importance);
        model_close(model);
    }
}

static void threads_leave_no_trace(void **state)
{
    (void)state;
    static const char *const specs[] = {"synth:tiny-llama:q4_0", "synth:tiny-mixtral:q4_0"};
    for (size_t s = 0; s < 2; s++) {
        struct model *model = test_open_model(specs[s], isa_best());
        struct importance *one = measure(model, 1), *three = measure(model, 3);
        for (size_t i = 0; i < model->source->n_tensors; i++) {
            const struct tensor_info *tensor = &model->source->tensors[i];
            size_t n = tensor->shape[0] * tensor->shape[2];
            const float *a = importance_weights(one, tensor->name, 0, tensor->shape[0]);
            const float *b = importance_weights(three, tensor->name, 0, tensor->shape[0]);
            if (a) assert_memory_equal(a, b, n * sizeof *a);
        }
        importance_free(one);
        importance_free(three);
        model_close(model);
    }
}

/* An expert's columns count by the inputs that it meets, and no expert meets another's. */
static void each_expert_has_weights_of_its_own(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny-phimoe:q4_0", isa_best());
    struct importance *importance = measure(model, 2);
    static const char *const names[] = {"blk.1.ffn_up_exps.weight", "blk.0.ffn_down_exps.weight"};
    for (size_t i = 0; i < 2; i++) {
        const struct tensor_info *tensor = source_find(model->source, names[i]);
        size_t n = tensor->shape[0], n_experts = tensor->shape[2];
        assert_int_equal(n_experts, 5);
        for (size_t a = 0; a < n_experts; a++)
            for (size_t b = 0; b < a; b++)
                assert_memory_not_equal(importance_weights(importance, names[i], a, n),
                                        importance_weights(importance, names[i], b, n),
                                        n * sizeof(float));
        assert_null(importance_weights(importance, names[i], n_experts, n));
    }
    importance_free(importance);
    model_close(model);
}

static void an_empty_text_is_refused(void **state)
{
    (void)state;
    struct model *model = test_open_model("synth:tiny:q4_0", isa_best());
    struct err err = {0};
    assert_null(importance_measure(model, "", 0, 1, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_INPUT);
    model_close(model);
}

/* Writes synth:tiny with another context_length. */
static void write_with_context(const char *path, uint32_t context_tokens)
{
    struct source *source = source_open("synth:tiny:q4_0", NULL);
    assert_non_null(source);
    struct metadata *metadata = metadata_new(NULL);
    for (size_t i = 0; i < metadata_count(source->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(source->metadata, i, &key);
        assert_true(metadata_set(metadata, key, value, NULL));
    }
    assert_true(metadata_set_unsigned(metadata, "phi3.context_length", context_tokens, NULL));
    const struct metadata *own = source->metadata;
    source->metadata = metadata;
    assert_true(gguf_write(path, source, NULL, 1, NULL, NULL, NULL));
    source->metadata = own;
    metadata_free(metadata);
    source_close(source);
}

/* Interrupts what calls it more often than the text has tokens. */
static bool count_calls(void *context, uint64_t done, uint64_t total)
{
    (void)done;
    return ++*(uint64_t *)context <= total;
}

static void a_context_with_no_room_beside_the_bos_is_refused(void **state)
{
    (void)state;
    for (uint32_t n_context = 1; n_context <= 2; n_context++) {
        write_with_context("short.gguf", n_context);
        struct model *model = test_open_model("short.gguf", isa_best());
        assert_true(tokenizer_adds_bos(model->tokenizer));
        struct err err = {0};
        uint64_t n_calls = 0;
        struct importance *importance =
            importance_measure(model, text, strlen(text), 1, count_calls, &n_calls, &err);
        if (n_context == 1) {
            assert_null(importance);
            assert_int_equal(err.code, ERR_INPUT);
        } else {
            assert_non_null(importance);
            assert_int_equal(importance_count_windows(importance), n_calls);
        }
        importance_free(importance);
        model_close(model);
    }
}

enum { N_VALUES = 4096 };

static double weighted_error(enum tensor_type type, const float *values, const float *weights,
                             const float *given)
{
    static uint8_t blocks[N_VALUES * sizeof(float)];
    static float decoded[N_VALUES];
    double error = 0;
    tensor_encode_weighted(type, values, given, N_VALUES, blocks);
    tensor_decode(type, blocks, N_VALUES, decoded);
    for (size_t i = 0; i < N_VALUES; i++)
        error += (double)weights[i] * pow((double)values[i] - (double)decoded[i], 2);
    return error;
}

static void weights_move_the_error_to_where_it_matters_less(void **state)
{
    (void)state;
    static const struct {
        enum tensor_type type;
        double most; /* of the error without weights */
    } cases[] = {{TENSOR_Q4_0, 0.9},    {TENSOR_Q4_1, 0.9},   {TENSOR_Q5_0, 0.95},
                 {TENSOR_Q5_1, 0.95},   {TENSOR_Q2_K, 0.9},   {TENSOR_Q3_K, 0.9},
                 {TENSOR_Q4_K, 0.95},   {TENSOR_Q5_K, 0.97},  {TENSOR_Q6_K, 0.99},
                 {TENSOR_IQ4_NL, 0.95}, {TENSOR_IQ4_XS, 0.95}};
    static float values[N_VALUES], weights[N_VALUES], ones[N_VALUES];
    struct rng rng = {.state = 7};
    for (size_t i = 0; i < N_VALUES; i++) {
        values[i] = (float)(rng_uniform(&rng) + rng_uniform(&rng) + rng_uniform(&rng) - 1.5);
        weights[i] = (float)exp(4 * rng_uniform(&rng) - 2);
        ones[i] = 1;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double without = weighted_error(cases[i].type, values, weights, NULL);
        double with = weighted_error(cases[i].type, values, weights, weights);
        print_message("%s: %.3f\n", tensor_type_info(cases[i].type)->name, with / without);
        if (!(with <= cases[i].most * without))
            fail_msg("%s: %g of %g", tensor_type_info(cases[i].type)->name, with, without);
    }
    static const enum tensor_type k_types[] = {TENSOR_Q2_K, TENSOR_Q3_K, TENSOR_Q4_K, TENSOR_Q5_K,
                                               TENSOR_Q6_K, TENSOR_Q8_0, TENSOR_F16};
    for (size_t i = 0; i < sizeof k_types / sizeof *k_types; i++)
        assert_true(weighted_error(k_types[i], values, ones, NULL) ==
                    weighted_error(k_types[i], values, ones, ones));
}

static void all_positive_blocks_keep_their_minimum(void **state)
{
    (void)state;
    static float values[N_VALUES], ones[N_VALUES];
    struct rng rng = {.state = 8};
    for (size_t i = 0; i < N_VALUES; i++) {
        values[i] = (float)(10 + rng_uniform(&rng));
        ones[i] = 1;
    }
    double step = 1.0 / 15, bound = N_VALUES * step * step / 12;
    assert_true(weighted_error(TENSOR_Q4_1, values, ones, ones) < 1.1 * bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_mean_squares_of_the_inputs),
        cmocka_unit_test(every_matrix_has_weights),
        cmocka_unit_test(threads_leave_no_trace),
        cmocka_unit_test(each_expert_has_weights_of_its_own),
        cmocka_unit_test(an_empty_text_is_refused),
        cmocka_unit_test_setup_teardown(a_context_with_no_room_beside_the_bos_is_refused,
                                        test_enter_folder, test_leave_folder),
        cmocka_unit_test(weights_move_the_error_to_where_it_matters_less),
        cmocka_unit_test(all_positive_blocks_keep_their_minimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
