/* test_comparators.c - what models that Phi-3 is compared with are read as: sizes and numbers of
 * parameters of the published ones, tensors that each architecture must have and may have instead,
 * and what their files leave unsaid.
 *
 * Sources are tiny synthetic models, with a key or a tensor changed.
 */
#include "engine/hparams.h"

#include "engine/engine.h"
#include "engine/metadata.h"
#include "engine/open_source.h"
#include "engine/synth.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void real_shapes_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        uint64_t n_params;
        int head_size, window;
    } cases[] = {
        {"gemma-7b", 8537680896, 256, 0},        {"gemma-2-2b", 2614341888, 256, 4096},
        {"gemma-3-270m", 268098176, 256, 512},   {"gemma-3-1b", 999885952, 256, 512},
        {"gemma-3-4b", 3880263168, 256, 1024},   {"llama-3-8b", 8030261248, 128, 0},
        {"llama-3.1-8b", 8030261248, 128, 0},    {"llama-3.2-1b", 1235814400, 64, 0},
        {"llama-3.2-3b", 3212749824, 128, 0},    {"mistral-7b-v0.1", 7241732096, 128, 4096},
        {"mistral-7b-v0.3", 7248023552, 128, 0}, {"phi-2", 2779683840, 80, 0},
        {"smollm2-135m", 134515008, 64, 0},      {"qwen3-0.6b", 596049920, 128, 0},
        {"qwen3-4b", 4022468096, 128, 0},        {"qwen3-8b", 8190735360, 128, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "synth:%s:q4_0", cases[i].shape);
        struct source *source = source_open(spec, NULL);
        assert_non_null(source);
        struct model_info info = test_model_info(source);
        if (info.n_params != cases[i].n_params)
            fail_msg("%s has %llu parameters", cases[i].shape, (unsigned long long)info.n_params);
        assert_int_equal(info.head_size, cases[i].head_size);
        assert_int_equal(info.sliding_window, cases[i].window);
        source_close(source);
    }
}

/* A source whose tensors may be changed. */
struct draft {
    struct source *source;
    struct tensor_info *tensors;
    size_t n_tensors;
    char key[64];
};

static struct draft new_draft(const char *shape)
{
    struct draft draft;
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s:f32", shape);
    draft.source = source_open(spec, NULL);
    assert_non_null(draft.source);
    draft.n_tensors = draft.source->n_tensors;
    draft.tensors = calloc(draft.n_tensors + 1, sizeof *draft.tensors);
    assert_non_null(draft.tensors);
    memcpy(draft.tensors, draft.source->tensors, draft.n_tensors * sizeof *draft.tensors);
    draft.source->tensors = draft.tensors;
    return draft;
}

static void free_draft(struct draft *draft)
{
    source_close(draft->source);
    free(draft->tensors);
}

static void check_refused(struct draft *draft, enum err_code code, const char *message)
{
    struct hparams hparams;
    struct err err = {0};
    if (hparams_read(draft->source, &hparams, &err)) fail_msg("no fault where %s", message);
    if (err.code != code || !strstr(err.message, message))
        fail_msg("%s (expected %s)", err.message, message);
    free_draft(draft);
}

static struct hparams read_good(struct draft *draft)
{
    struct hparams hparams;
    struct err err = {0};
    if (!hparams_read(draft->source, &hparams, &err)) fail_msg("%s", err.message);
    hparams_done(&hparams);
    free_draft(draft);
    return hparams;
}

static const char *key_of(struct draft *draft, const char *name)
{
    const char *architecture = "";
    assert_true(
        metadata_read_string(draft->source->metadata, "general.architecture", &architecture, NULL));
    snprintf(draft->key, sizeof draft->key, "%s.%s", architecture, name);
    return draft->key;
}

/* The metadata is the draft's own: nobody else reads the source. */
static struct metadata *metadata_of(struct draft *draft)
{
    return (struct metadata *)(uintptr_t)draft->source->metadata;
}

static void set(struct draft *draft, const char *name, uint32_t value)
{
    assert_true(metadata_set_unsigned(metadata_of(draft), key_of(draft, name), value, NULL));
}

static struct tensor_info *tensor_of(struct draft *draft, const char *name)
{
    for (size_t i = 0; i < draft->n_tensors; i++)
        if (strcmp(draft->tensors[i].name, name) == 0) return &draft->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void every_tensor_is_needed_in_its_shape(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny-qwen3", "tiny-gemma", "tiny-gemma2", "tiny-gemma3",
                                         "tiny-phi2"};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct draft whole = new_draft(shapes[k]);
        size_t n_tensors = whole.n_tensors;
        free_draft(&whole);
        for (size_t i = 0; i < n_tensors; i++) {
            struct draft draft = new_draft(shapes[k]);
            char name[64];
            snprintf(name, sizeof name, "tensor %s is missing", draft.tensors[i].name);
            draft.tensors[i].name = "other";
            check_refused(&draft, ERR_INPUT, name);
            draft = new_draft(shapes[k]);
            snprintf(name, sizeof name, "tensor %s is ", draft.tensors[i].name);
            draft.tensors[i].shape[0] += 2;
            check_refused(&draft, ERR_INPUT, name);
        }
    }
}

/* The first part becomes the whole, three times as large, and the others go. */
static void fuse(struct draft *draft, const char *fused, const char *const parts[3])
{
    struct tensor_info *whole = tensor_of(draft, parts[0]);
    whole->name = fused;
    if (whole->n_rows > 1) whole->n_rows = whole->shape[1] *= 3;
    else whole->shape[0] *= 3;
    for (size_t i = 1; i < 3; i++) *tensor_of(draft, parts[i]) = draft->tensors[--draft->n_tensors];
    draft->source->n_tensors = draft->n_tensors;
}

/* Phi-2 with Q, K and V in one matrix, as older files have it. */
static struct draft new_fused_draft(void)
{
    struct draft draft = new_draft("tiny-phi2");
    fuse(
        &draft, "blk.0.attn_qkv.weight",
        (const char *const[]){"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"});
    fuse(&draft, "blk.0.attn_qkv.bias",
         (const char *const[]){"blk.0.attn_q.bias", "blk.0.attn_k.bias", "blk.0.attn_v.bias"});
    fuse(
        &draft, "blk.1.attn_qkv.weight",
        (const char *const[]){"blk.1.attn_q.weight", "blk.1.attn_k.weight", "blk.1.attn_v.weight"});
    fuse(&draft, "blk.1.attn_qkv.bias",
         (const char *const[]){"blk.1.attn_q.bias", "blk.1.attn_k.bias", "blk.1.attn_v.bias"});
    return draft;
}

static void one_matrix_stands_for_its_parts_or_they_for_it(void **state)
{
    (void)state;
    struct draft draft = new_draft("tiny-phi2");
    assert_false(read_good(&draft).is_fused);
    draft = new_fused_draft();
    assert_true(read_good(&draft).is_fused);
    draft = new_fused_draft();
    tensor_of(&draft, "blk.1.attn_qkv.bias")->name = "blk.1.attn_q.bias";
    check_refused(&draft, ERR_INPUT, "tensor blk.1.attn_qkv.bias is missing");
    draft = new_fused_draft();
    tensor_of(&draft, "blk.1.attn_qkv.weight")->name = "blk.1.attn_q.weight";
    check_refused(&draft, ERR_INPUT, "tensor blk.1.attn_qkv.weight is missing");
    draft = new_draft("tiny-phi2");
    tensor_of(&draft, "blk.0.attn_q.weight")->name = "blk.0.attn_qkv.weight";
    check_refused(&draft, ERR_INPUT, "tensor blk.0.attn_qkv.weight is 256 x 256");
}

static void what_files_leave_unsaid_is_the_architectures(void **state)
{
    (void)state;
    struct draft draft = new_draft("tiny-gemma2");
    struct hparams h = read_good(&draft);
    assert_true(h.attention_softcap == 50.0f && h.logit_softcap == 30.0f);
    assert_true(h.embedding_scale == 16.0f);
    assert_int_equal(hparams_window(&h, 0), 40);
    assert_int_equal(hparams_window(&h, 1), 0);
    draft = new_draft("tiny-gemma2");
    assert_true(metadata_set_float(metadata_of(&draft), key_of(&draft, "final_logit_softcapping"),
                                   7.5f, NULL));
    assert_true(read_good(&draft).logit_softcap == 7.5f);
    draft = new_draft("tiny-gemma2");
    assert_true(metadata_set_float(metadata_of(&draft), key_of(&draft, "final_logit_softcapping"),
                                   -1, NULL));
    check_refused(&draft, ERR_INPUT, "gemma2.final_logit_softcapping must be 0 or a positive");
    draft = new_draft("tiny-gemma3");
    h = read_good(&draft);
    assert_true(h.attention_softcap == 0.0f && h.logit_softcap == 0.0f);
    for (size_t i = 0; i < h.n_layers; i++) {
        assert_int_equal(hparams_window(&h, i), i == 5 ? 0 : 40);
        assert_int_equal(hparams_rotation(&h, i), i == 5 ? ROTATION_MAIN : ROTATION_LOCAL);
    }
    assert_true(h.rotations[ROTATION_MAIN].base == 1e6f);
    assert_true(h.rotations[ROTATION_LOCAL].base == 10000.0f);
}

/* Qwen's configurations name a window that no layer has; a file cannot say which have one. */
static void a_window_without_layers_is_refused(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny-qwen2", "tiny-qwen3"};
    for (size_t i = 0; i < 2; i++) {
        struct draft draft = new_draft(shapes[i]);
        set(&draft, "attention.sliding_window",
            2048); /* as long as the context: it hides nothing */
        read_good(&draft);
        draft = new_draft(shapes[i]);
        set(&draft, "attention.sliding_window", 2047);
        check_refused(&draft, ERR_UNSUPPORTED, "attention.sliding_window = 2047 in a qwen");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_shapes_have_the_published_number_of_parameters),
        cmocka_unit_test(every_tensor_is_needed_in_its_shape),
        cmocka_unit_test(one_matrix_stands_for_its_parts_or_they_for_it),
        cmocka_unit_test(what_files_leave_unsaid_is_the_architectures),
        cmocka_unit_test(a_window_without_layers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
