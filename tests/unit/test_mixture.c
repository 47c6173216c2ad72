/* test_mixture.c - files whose tensors are of different types, as the K_M mixtures are: parts of
 * one projection that want their input in different formats, layers that differ, and the types that
 * stand in for a K type.
 *
 * The same weights once as the mixture and once decoded to F32 must agree up to what activations in
 * int8 cost: a part at the wrong place, or fed with the wrong format, is far off that.
 */
#include "engine/gguf.h"

#include "engine/open_source.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 32, N_COLS = 512, N_PROMPT = 24, N_VOCAB = 512 };

struct rule {
    const char *part; /* of a tensor's name; the first that fits counts */
    enum tensor_type type;
};

/* What the published q4_k_m files of this architecture have. */
static const struct rule PHI3[] = {
    {"blk.0.ffn_down", TENSOR_Q6_K}, {"ffn_down", TENSOR_Q4_K}, {"attn_qkv", TENSOR_Q5_K},
    {"attn_output", TENSOR_Q4_K},    {"ffn_up", TENSOR_Q4_K},   {"token_embd", TENSOR_Q4_K},
    {"output.weight", TENSOR_Q6_K},  {NULL, TENSOR_F32},
};

/* Every part of a projection in a format of its own, and no layer like the other. */
static const struct rule LLAMA[] = {
    {"blk.0.attn_q", TENSOR_Q4_K},   {"blk.0.attn_k", TENSOR_Q5_0},   {"blk.0.attn_v", TENSOR_F16},
    {"blk.1.attn_q", TENSOR_Q8_0},   {"blk.1.attn_k", TENSOR_BF16},   {"blk.1.attn_v", TENSOR_Q6_K},
    {"attn_output", TENSOR_Q5_1},    {"blk.0.ffn_gate", TENSOR_Q8_0}, {"blk.0.ffn_up", TENSOR_Q5_K},
    {"blk.1.ffn_gate", TENSOR_Q6_K}, {"blk.1.ffn_up", TENSOR_F32},    {"ffn_down", TENSOR_Q8_0},
    {"token_embd", TENSOR_Q5_0},     {"output.weight", TENSOR_Q8_0},  {NULL, TENSOR_F32},
};

/* A synthetic F32 model seen through the rules. */
struct mixture {
    struct source source; /* first: read_rows finds the rest behind it */
    struct source *weights;
    const struct rule *rules;
    bool is_decoded; /* gives the values that the types leave, as F32 */
    struct tensor_info tensors[MAX_TENSORS];
};

static enum tensor_type type_of(const struct rule *rules, const struct tensor_info *tensor)
{
    if (tensor->n_dimensions < 2) return TENSOR_F32;
    while (rules->part && !strstr(tensor->name, rules->part)) rules++;
    return rules->type;
}

static bool read_rows(const struct source *source, const struct tensor_info *tensor, size_t row,
                      size_t n_rows, void *out, struct err *err)
{
    const struct mixture *mixture = (const struct mixture *)source;
    const struct tensor_info *from = source_find(mixture->weights, tensor->name);
    enum tensor_type type = type_of(mixture->rules, from);
    uint8_t *to = out, encoded[N_COLS * sizeof(float)];
    float values[N_COLS];
    assert_in_range(from->shape[0], 1, N_COLS);
    for (size_t i = 0; i < n_rows; i++, to += tensor->row_bytes) {
        if (!mixture->weights->read_rows(mixture->weights, from, row + i, 1, values, err))
            return false;
        tensor_encode(type, values, from->shape[0], mixture->is_decoded ? encoded : to);
        if (!mixture->is_decoded) continue;
        tensor_decode(type, encoded, from->shape[0], values);
        memcpy(to, values, tensor->row_bytes);
    }
    return true;
}

static void write_mixture(const char *path, const char *spec, const struct rule *rules,
                          bool is_decoded)
{
    struct err err = {0};
    struct mixture mixture = {.rules = rules, .is_decoded = is_decoded};
    mixture.weights = source_open(spec, &err);
    assert_non_null(mixture.weights);
    assert_in_range(mixture.weights->n_tensors, 1, MAX_TENSORS);
    mixture.source = *mixture.weights;
    mixture.source.tensors = mixture.tensors;
    mixture.source.read_rows = read_rows;
    mixture.source.n_bytes = 0;
    for (size_t i = 0; i < mixture.source.n_tensors; i++) {
        struct tensor_info *tensor = &mixture.tensors[i];
        *tensor = mixture.weights->tensors[i];
        tensor->type = is_decoded ? TENSOR_F32 : type_of(rules, tensor);
        tensor->row_bytes = tensor_row_bytes(tensor->type, tensor->shape[0]);
        mixture.source.n_bytes += (uint64_t)tensor->row_bytes * tensor->n_rows;
    }
    bool ok = gguf_write(path, &mixture.source, NULL, 1, NULL, NULL, &err);
    if (!ok) err_print(&err, stderr);
    assert_true(ok);
    source_close(mixture.weights);
}

/* Logits of a fixed prompt: [N_PROMPT, N_VOCAB], to be freed. */
static float *eval(const char *path, enum isa isa, int n_threads, size_t chunk)
{
    struct model *model = test_open_model(path, isa);
    struct session_options options = {.n_threads = n_threads, .kv_type = KV_F32};
    struct session *session = session_open(model, &options, NULL);
    int32_t ids[N_PROMPT];
    int sequence;
    float *logits = calloc(N_PROMPT * N_VOCAB, sizeof *logits);
    assert_non_null(logits);
    assert_non_null(session);
    assert_int_equal(model_info(model)->n_vocab, N_VOCAB);
    for (int32_t i = 0; i < N_PROMPT; i++) ids[i] = (i * i * 7 + 3) % N_VOCAB;
    assert_true(session_start(session, &sequence, NULL));
    test_eval(session, sequence, ids, N_PROMPT, chunk, logits);
    session_close(session);
    model_close(model);
    return logits;
}

static void check_mixture(const char *spec, const struct rule *rules)
{
    char folder[256], mixed[300], decoded[300];
    assert_true(test_make_folder(folder, sizeof folder));
    snprintf(mixed, sizeof mixed, "%s/mixed.gguf", folder);
    snprintf(decoded, sizeof decoded, "%s/decoded.gguf", folder);
    write_mixture(mixed, spec, rules, false);
    write_mixture(decoded, spec, rules, true);

    float *expected = eval(decoded, isa_best(), 1, N_PROMPT);
    float *logits = eval(mixed, ISA_SCALAR, 1, N_PROMPT);
    float *otherwise = eval(mixed, isa_best(), 3, 5);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < N_PROMPT * N_VOCAB; i++) {
        assert_true(isfinite(logits[i]));
        largest = fmax(largest, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)logits[i] - (double)expected[i]));
    }
    printf("%s mixed differs by %.1e of the largest logit\n", spec, difference / largest);
    assert_true(difference < 0.03 * largest);
    assert_memory_equal(logits, otherwise, N_PROMPT * N_VOCAB * sizeof *logits);
    free(expected);
    free(logits);
    free(otherwise);
    test_remove_folder(folder);
}

static void a_published_mixture_is_computed_type_by_type(void **state)
{
    (void)state;
    check_mixture("synth:tiny:f32", PHI3);
}

static void parts_of_one_projection_may_want_different_formats(void **state)
{
    (void)state;
    check_mixture("synth:tiny-llama:f32", LLAMA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_mixture_is_computed_type_by_type),
        cmocka_unit_test(parts_of_one_projection_may_want_different_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
