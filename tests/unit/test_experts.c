/* test_experts.c - mixtures of experts: what routers choose, what tensors a file must have in which
 * shape, what is counted, and files with tensors of three dimensions. Logits are compared in
 * test_golden, their bits in test_session.
 */
#include "engine/steps/choose.h"

#include "base/file.h"
#include "engine/hparams.h"
#include "engine/open_source.h"
#include "engine/tools.h"
#include "tests/support/test_data.h"
#include "tests/support/test_engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_SCORES = 16, N_USED = 2, MAX_FILE_BYTES = 1 << 20, MAX_TENSORS = 64, N_PROMPT = 20 };

/* ---- Routers ---- */

/* A line of tests/golden/routers.tsv: router, scores, experts, weights. */
static void check_route(char *line)
{
    char *fields[4], *rest = line;
    for (size_t i = 0; i < 4; i++) assert_non_null(fields[i] = strsep(&rest, "\t"));
    float scores[MAX_SCORES], weights[N_USED];
    size_t n = 0, experts[N_USED];
    for (char *at = fields[1], *end;; at = end) {
        float score = strtof(at, &end);
        if (end == at) break;
        assert_true(n < MAX_SCORES);
        scores[n++] = score;
    }
    bool is_softmax = strcmp(fields[0], "softmax") == 0;
    (is_softmax ? choose_softmax : choose_sparsemixer)(scores, n, N_USED, experts, weights);
    for (size_t i = 0; i < N_USED; i++) {
        size_t expert = (size_t)strtoul(fields[2], &fields[2], 10);
        float weight = strtof(fields[3], &fields[3]);
        if (experts[i] != expert || !(fabsf(weights[i] - weight) < 2e-7f))
            fail_msg("%s %s: %zu with %.8g, not %zu with %.8g", fields[0], fields[1], experts[i],
                     (double)weights[i], expert, (double)weight);
    }
}

/* Among them scores whose distance from the largest is the threshold, to a bit: one that counts as
 * near or does not makes weights of 1/2 and 1, say. */
static void routers_choose_what_the_reference_chooses(void **state)
{
    (void)state;
    char *text = file_read("tests/golden/routers.tsv", MAX_FILE_BYTES, NULL, NULL), *rest = text;
    size_t n = 0;
    assert_non_null(text);
    for (char *line; (line = strsep(&rest, "\n")) && *line; n++) check_route(line);
    assert_true(n > 300);
    free(text);
}

static void choices_are_different_experts_whatever_the_scores_are(void **state)
{
    (void)state;
    static const float rows[][4] = {{NAN, NAN, NAN, NAN},
                                    {1, NAN, 2, NAN},
                                    {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                                    {INFINITY, INFINITY, 0, -INFINITY}};
    for (size_t i = 0; i < 4; i++)
        for (size_t n_used = 1; n_used <= 4; n_used++) {
            choose_fn *const routers[] = {choose_softmax, choose_sparsemixer};
            for (size_t k = 0; k < 2; k++) {
                size_t experts[4], n_seen = 0;
                float weights[4];
                routers[k](rows[i], 4, n_used, experts, weights);
                for (size_t a = 0; a < 4; a++)
                    for (size_t b = 0; b < n_used; b++) n_seen += experts[b] == a;
                assert_int_equal(n_seen, n_used);
                for (size_t a = 0; a < n_used; a++)
                    for (size_t b = 0; b < a; b++) assert_true(experts[a] != experts[b]);
            }
        }
}

/* ---- Tensors ---- */

/* A source seen through a table of tensors that can be changed. */
struct draft {
    struct source source, *origin;
    struct tensor_info tensors[MAX_TENSORS];
};

static struct draft open_draft(const char *spec)
{
    struct draft draft = {.origin = source_open(spec, NULL)};
    assert_non_null(draft.origin);
    assert_in_range(draft.origin->n_tensors, 1, MAX_TENSORS);
    draft.source = *draft.origin;
    memcpy(draft.tensors, draft.origin->tensors, draft.origin->n_tensors * sizeof *draft.tensors);
    return draft;
}

static void check_refused(struct draft *draft, enum err_code code, const char *text)
{
    struct hparams hparams;
    struct err err = {0};
    draft->source.tensors = draft->tensors;
    assert_false(hparams_read(&draft->source, &hparams, &err));
    if (err.code != code || !strstr(err.message, text))
        fail_msg("code %d: %s (expected code %d: %s)", err.code, err.message, code, text);
}

static const char *const specs[] = {"synth:tiny-mixtral:f32", "synth:tiny-phimoe:f32"};

static void every_tensor_is_needed_in_its_shape(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct draft draft = open_draft(specs[s]);
        for (size_t i = 0; i < draft.source.n_tensors; i++) {
            struct tensor_info *tensor = &draft.tensors[i], good = *tensor;
            bool is_optional = s == 0 && strcmp(tensor->name, "output.weight") == 0;
            tensor->name = "another.weight";
            if (is_optional) check_refused(&draft, ERR_UNSUPPORTED, "another.weight");
            else check_refused(&draft, ERR_INPUT, good.name);
            *tensor = good;
            for (size_t k = 0; k < TENSOR_MAX_DIMENSIONS; k++) {
                if (strcmp(tensor->name, "token_embd.weight") == 0 && k == 1) continue;
                tensor->shape[k]++;
                check_refused(&draft, ERR_INPUT, good.name);
                *tensor = good;
            }
        }
        source_close(draft.origin);
    }
}

static void shapes_of_experts_are_told_in_three_dimensions(void **state)
{
    (void)state;
    struct draft draft = open_draft(specs[1]);
    for (size_t i = 0; i < draft.source.n_tensors; i++)
        if (strcmp(draft.tensors[i].name, "blk.1.ffn_down_exps.weight") == 0)
            draft.tensors[i].shape[2] = 4;
    check_refused(&draft, ERR_INPUT,
                  "blk.1.ffn_down_exps.weight is 512 x 256 x 4, it should be 512 x 256 x 5");
    source_close(draft.origin);
}

static void experts_in_tensors_of_their_own_are_refused_by_name(void **state)
{
    (void)state;
    struct draft draft = open_draft(specs[0]);
    for (size_t i = 0; i < draft.source.n_tensors; i++)
        if (strcmp(draft.tensors[i].name, "blk.0.ffn_up_exps.weight") == 0)
            draft.tensors[i].name = "blk.0.ffn_up.0.weight";
    check_refused(&draft, ERR_UNSUPPORTED, "blk.0.ffn_up.0.weight");
    source_close(draft.origin);
}

/* The model's keys but for one, which has this value instead. */
static void check_key(const char *spec, const char *key, uint32_t value, enum err_code code,
                      const char *text)
{
    struct draft draft = open_draft(spec);
    struct metadata *metadata = metadata_new(NULL);
    assert_non_null(metadata);
    for (size_t i = 0; i < metadata_count(draft.origin->metadata); i++) {
        const char *name;
        const struct metadata_value *old = metadata_at(draft.origin->metadata, i, &name);
        if (strcmp(name, key) != 0) assert_true(metadata_set(metadata, name, old, NULL));
    }
    assert_true(metadata_set_unsigned(metadata, key, value, NULL));
    draft.source.metadata = metadata;
    check_refused(&draft, code, text);
    metadata_free(metadata);
    source_close(draft.origin);
}

static void numbers_of_experts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    check_key(specs[0], "llama.expert_used_count", 5, ERR_INPUT, "through 5 of 4 experts");
    check_key(specs[0], "llama.expert_used_count", 0, ERR_INPUT, "llama.expert_used_count");
    check_key(specs[0], "llama.expert_count", 1, ERR_INPUT, "2 of 1 experts");
    check_key(specs[0], "llama.expert_count", 257, ERR_INPUT, "llama.expert_count");
    check_key(specs[0], "llama.expert_feed_forward_length", 640, ERR_INPUT,
              "it should be 256 x 640");
    check_key(specs[1], "phimoe.expert_count", 0, ERR_INPUT, "phimoe.expert_count is missing");
    /* Without the key it is a dense model, to whom other tensors belong. */
    check_key(specs[0], "llama.expert_count", 0, ERR_INPUT, "blk.0.ffn_gate.weight is missing");
}

/* ---- Counts and files ---- */

static struct model_info info_of(const char *spec)
{
    struct source *source = source_open(spec, NULL);
    assert_non_null(source);
    struct model_info info = test_model_info(source);
    source_close(source);
    return info;
}

static void real_shapes_have_the_published_numbers_of_parameters(void **state)
{
    (void)state;
    struct model_info moe = info_of("synth:phi-3.5-moe:q4_0");
    assert_string_equal(moe.architecture, "phimoe");
    assert_string_equal(moe.quantization, "q4_0");
    assert_int_equal(moe.n_params, 41873153344u);
    /* 14 of 16 experts are left out. Matrices are all but the embedding, norms and biases. */
    uint64_t expert = 3ull * 4096 * 6400,
             vectors = 32 * (4 * 4096 + 2 * 4096 + 2 * 1024) + 2 * 4096;
    assert_int_equal(moe.n_active_params, moe.n_params - 32 * 14 * expert);
    assert_in_range(moe.n_active_params, 6600000000u, 6650000000u);
    uint64_t n_macs = moe.n_active_params - vectors - 32064 - 32064ull * 4096;
    assert_int_equal(moe.macs_per_token, n_macs);
    uint64_t router = 32ull * 16 * 4096;
    assert_int_equal(moe.read_bytes_per_token,
                     (n_macs - router) / 32 * 18 + 4 * (router + vectors + 32064));
    struct model_info mixtral = info_of("synth:mixtral-8x7b:q8_0");
    assert_string_equal(mixtral.architecture, "llama");
    assert_int_equal(mixtral.n_params, 46702792704u);
    assert_int_equal(mixtral.n_active_params, 12879925248u);
    assert_int_equal(mixtral.n_experts, 8);
    assert_int_equal(mixtral.n_experts_used, 2);
    struct model_info dense = info_of("synth:tiny:q8_0");
    assert_int_equal(dense.n_active_params, dense.n_params);
    assert_int_equal(dense.n_experts, 0);
}

static void assert_type(const struct source *source, const char *name, enum tensor_type type)
{
    const struct tensor_info *tensor = source_find(source, name);
    assert_non_null(tensor);
    if (tensor->type != type) fail_msg("%s: %s has another type", source->path, name);
}

static void mixtures_give_experts_what_they_give_a_feed_forward(void **state)
{
    (void)state;
    struct source *phimoe = source_open("quantize:q4_k_m:synth:phi-3.5-moe:f16", NULL);
    assert_type(phimoe, "blk.5.ffn_down_exps.weight", TENSOR_Q4_K);
    assert_type(phimoe, "blk.6.ffn_down_exps.weight", TENSOR_Q6_K);
    assert_type(phimoe, "blk.6.ffn_up_exps.weight", TENSOR_Q4_K);
    assert_type(phimoe, "blk.6.ffn_gate_inp.weight", TENSOR_F32);
    assert_type(phimoe, "blk.6.attn_k.weight", TENSOR_Q4_K);
    assert_type(phimoe, "blk.6.attn_output.weight", TENSOR_Q4_K);
    assert_type(phimoe, "output.bias", TENSOR_F32);
    source_close(phimoe);
    struct source *mixtral = source_open("quantize:q5_k_m:synth:mixtral-8x7b:f16", NULL);
    assert_type(mixtral, "blk.5.ffn_down_exps.weight", TENSOR_Q5_K);
    assert_type(mixtral, "blk.31.ffn_down_exps.weight", TENSOR_Q6_K);
    assert_type(mixtral, "blk.5.attn_k.weight", TENSOR_Q8_0);
    assert_type(mixtral, "blk.5.attn_v.weight", TENSOR_Q8_0);
    assert_type(mixtral, "blk.5.attn_output.weight", TENSOR_Q5_K);
    source_close(mixtral);
}

static float *logits_of(const char *path)
{
    int32_t ids[N_PROMPT];
    int sequence;
    struct model *model = test_open_model(path, isa_best());
    size_t n_vocab = (size_t)model_info(model)->n_vocab;
    struct session *session = session_open(model, &(struct session_options){.n_threads = 2}, NULL);
    float *logits = calloc(N_PROMPT * n_vocab, sizeof *logits);
    assert_true(logits && session_start(session, &sequence, NULL));
    for (size_t i = 0; i < N_PROMPT; i++) ids[i] = (int32_t)(5 + 17 * i);
    test_eval(session, sequence, ids, N_PROMPT, 512, logits);
    session_close(session);
    model_close(model);
    return logits;
}

static void a_quantized_file_runs_as_what_it_was_made_of(void **state)
{
    (void)state;
    static const char spec[] = "quantize:q4_k_m:synth:tiny-phimoe:f16";
    char folder[256], path[300];
    assert_true(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/moe.gguf", folder);
    assert_true(model_write(spec, path, NULL, 2, NULL, NULL, NULL));
    struct source *file = source_open(path, NULL);
    assert_int_equal(source_find(file, "blk.0.ffn_gate_exps.weight")->n_dimensions, 3);
    source_close(file);
    float *made = logits_of(spec), *read = logits_of(path);
    assert_memory_equal(made, read, N_PROMPT * 512 * sizeof *made);
    free(made);
    free(read);
    test_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_choose_what_the_reference_chooses),
        cmocka_unit_test(choices_are_different_experts_whatever_the_scores_are),
        cmocka_unit_test(every_tensor_is_needed_in_its_shape),
        cmocka_unit_test(shapes_of_experts_are_told_in_three_dimensions),
        cmocka_unit_test(experts_in_tensors_of_their_own_are_refused_by_name),
        cmocka_unit_test(numbers_of_experts_that_cannot_be_are_refused),
        cmocka_unit_test(real_shapes_have_the_published_numbers_of_parameters),
        cmocka_unit_test(mixtures_give_experts_what_they_give_a_feed_forward),
        cmocka_unit_test(a_quantized_file_runs_as_what_it_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
