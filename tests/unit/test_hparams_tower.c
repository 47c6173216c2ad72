/* test_hparams_tower.c - what a source must say to be a model with eyes, and what contradictions
 * are answered with.
 *
 * Drafts are the tensor table and the metadata of synth:tiny-vision with one thing changed.
 */
#include "engine/hparams.h"

#include "engine/open_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 80 };
#define TOWER "clip.vision."

struct draft {
    struct source *whole; /* what it is a copy of */
    struct source source;
    struct metadata *metadata;
    struct tensor_info tensors[MAX_TENSORS];
};

/* Without the key; NULL: with all. */
static void open_draft(struct draft *draft, const char *without)
{
    draft->whole = source_open("synth:tiny-vision:f32", NULL);
    draft->metadata = metadata_new(NULL);
    assert_true(draft->whole && draft->metadata);
    size_t n = draft->whole->n_tensors;
    assert_true(n <= MAX_TENSORS);
    memcpy(draft->tensors, draft->whole->tensors, n * sizeof *draft->tensors);
    for (size_t i = 0; i < metadata_count(draft->whole->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(draft->whole->metadata, i, &key);
        if (!without || strcmp(key, without) != 0)
            assert_true(metadata_set(draft->metadata, key, value, NULL));
    }
    draft->source = (struct source){.path = "draft.gguf",
                                    .metadata = draft->metadata,
                                    .tensors = draft->tensors,
                                    .n_tensors = n,
                                    .n_bytes = draft->whole->n_bytes};
}

/* That it is refused with a message that has the text; frees it. */
static void check_refused(struct draft *draft, enum err_code code, const char *text)
{
    struct hparams hparams;
    struct err err = {0};
    assert_false(hparams_read(&draft->source, &hparams, &err));
    if (err.code != code || !strstr(err.message, text))
        fail_msg("'%s' where '%s' was wanted", err.message, text);
    metadata_free(draft->metadata);
    source_close(draft->whole);
}

static void refuses_size(const char *key, uint32_t value, enum err_code code, const char *text)
{
    struct draft draft;
    open_draft(&draft, NULL);
    assert_true(metadata_set_unsigned(draft.metadata, key, value, NULL));
    check_refused(&draft, code, text);
}

/* Every tensor in turn: missing, too wide, too tall. */
static void every_tensor_of_the_tower_is_needed_in_its_shape(void **state)
{
    (void)state;
    struct draft draft;
    size_t n_seen = 0, n = 1;
    for (size_t i = 0; i < n; i++) {
        for (int fault = 0; fault < 3; fault++) {
            open_draft(&draft, NULL);
            n = draft.source.n_tensors;
            struct tensor_info *tensor = &draft.tensors[i];
            const char *name = draft.whole->tensors[i].name;
            bool is_seen = strncmp(name, "v.", 2) == 0;
            n_seen += is_seen && fault == 0;
            if (fault == 0) tensor->name = "v.other";
            if (fault == 1) tensor->shape[0] += 2;
            if (fault == 2) tensor->n_rows = tensor->shape[1] += 1;
            if (is_seen) check_refused(&draft, ERR_INPUT, name);
            if (is_seen) continue;
            metadata_free(draft.metadata);
            source_close(draft.whole);
        }
    }
    assert_int_equal(n_seen, 2 * 16 + 11); /* of its layers, and of the rest */
}

static void every_key_of_the_tower_but_the_crops_is_needed(void **state)
{
    (void)state;
    static const char *const KEYS[] = {
        TOWER "embedding_length",     TOWER "feed_forward_length",
        TOWER "attention.head_count", TOWER "attention.layer_norm_epsilon",
        TOWER "image_size",           TOWER "patch_size"};
    struct draft draft;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        open_draft(&draft, KEYS[i]);
        check_refused(&draft, ERR_INPUT, KEYS[i]);
    }
    struct hparams hparams;
    open_draft(&draft, TOWER "max_crops");
    assert_true(hparams_read(&draft.source, &hparams, NULL));
    assert_int_equal(hparams.vision->max_crops, 16);
    hparams_done(&hparams);
    metadata_free(draft.metadata);
    source_close(draft.whole);
}

static void sizes_that_no_crop_has_are_refused(void **state)
{
    (void)state;
    refuses_size(TOWER "image_size", 224, ERR_UNSUPPORTED, "a vision tower of 224 pixels a side");
    refuses_size(TOWER "patch_size", 16, ERR_UNSUPPORTED, "in patches of 16");
    refuses_size(TOWER "block_count", 0, ERR_INPUT, TOWER "block_count");
    refuses_size(TOWER "attention.head_count", 3, ERR_INPUT, "attention heads of 21 values");
    refuses_size(TOWER "attention.head_count", 5, ERR_INPUT, "tensor v.blk.0.attn_q.weight");
    refuses_size(TOWER "max_crops", 17, ERR_INPUT, TOWER "max_crops");
    refuses_size(TOWER "embedding_length", 32, ERR_INPUT, "tensor v.");
}

/* No weight is left out in silence. */
static void tensors_of_a_tower_that_no_key_tells_of_are_refused(void **state)
{
    (void)state;
    struct draft draft;
    open_draft(&draft, TOWER "block_count");
    check_refused(&draft, ERR_UNSUPPORTED, "not supported yet: tensor v.");
    open_draft(&draft, NULL);
    draft.tensors[draft.source.n_tensors] = draft.tensors[draft.source.n_tensors - 1];
    draft.tensors[draft.source.n_tensors++].name = "v.post_ln.weight";
    check_refused(&draft, ERR_UNSUPPORTED, "not supported yet: tensor v.post_ln.weight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor_of_the_tower_is_needed_in_its_shape),
        cmocka_unit_test(every_key_of_the_tower_but_the_crops_is_needed),
        cmocka_unit_test(sizes_that_no_crop_has_are_refused),
        cmocka_unit_test(tensors_of_a_tower_that_no_key_tells_of_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
