/* test_rope.c - what a file must say of the rotation of a model with LongRoPE, and what is made of
 * it: synthetic models whose keys and tensors are changed. test_hparams.c has the other scalings.
 */
#include "engine/hparams.h"

#include "engine/open_source.h"
#include "tests/support/test_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 64, N_PAIRS = 32 };

/* A synthetic source with other keys, and with more or fewer tensors. */
struct changed {
    struct source *made;
    struct source source;
    struct metadata *metadata;
    struct tensor_info tensors[MAX_TENSORS];
};

static void add_factors(struct changed *changed, const char *name)
{
    changed->tensors[changed->source.n_tensors++] =
        (struct tensor_info){.name = name,
                             .type = TENSOR_F32,
                             .n_dimensions = 1,
                             .shape = {N_PAIRS, 1, 1, 1},
                             .n_rows = 1,
                             .row_bytes = N_PAIRS * 4};
}

/* A tiny model of the shape, with a context of 131072 and factors. */
static struct changed *open_long(const char *shape)
{
    char spec[64];
    snprintf(spec, sizeof spec, "synth:%s:f32", shape);
    struct changed *changed = calloc(1, sizeof *changed);
    changed->made = source_open(spec, NULL);
    assert_non_null(changed->made);
    changed->source = *changed->made;
    changed->source.path = "changed.gguf";
    changed->source.tensors = changed->tensors;
    changed->source.metadata = changed->metadata = metadata_new(NULL);
    assert_true(changed->made->n_tensors + 2 <= MAX_TENSORS);
    memcpy(changed->tensors, changed->made->tensors,
           changed->made->n_tensors * sizeof *changed->tensors);
    for (size_t i = 0; i < metadata_count(changed->made->metadata); i++) {
        const char *key;
        const struct metadata_value *value = metadata_at(changed->made->metadata, i, &key);
        if (!strstr(key, "original_context_length"))
            assert_true(metadata_set(changed->metadata, key, value, NULL));
    }
    if (strcmp(shape, "tiny-long") == 0) return changed;
    add_factors(changed, "rope_factors_long.weight");
    add_factors(changed, "rope_factors_short.weight");
    return changed;
}

static void close_long(struct changed *changed)
{
    metadata_free(changed->metadata);
    source_close(changed->made);
    free(changed);
}

static const char *key_of(const struct changed *changed, const char *name, char key[96])
{
    const char *architecture = "";
    assert_true(
        metadata_read_string(changed->metadata, "general.architecture", &architecture, NULL));
    snprintf(key, 96, "%s.%s", architecture, name);
    return key;
}

static void set(struct changed *changed, const char *name, uint32_t value)
{
    char key[96];
    assert_true(metadata_set_unsigned(changed->metadata, key_of(changed, name, key), value, NULL));
}

static void set_float(struct changed *changed, const char *name, float value)
{
    char key[96];
    assert_true(metadata_set_float(changed->metadata, key_of(changed, name, key), value, NULL));
}

static struct changed *open_stretched(const char *shape)
{
    struct changed *changed = open_long(shape);
    set(changed, "context_length", 131072);
    set(changed, "rope.scaling.original_context_length", 4096);
    return changed;
}

static void rename_factors(struct changed *changed, const char *name, const char *new_name)
{
    for (size_t i = 0; i < changed->source.n_tensors; i++)
        if (strcmp(changed->tensors[i].name, name) == 0) changed->tensors[i].name = new_name;
}

/* Closes it. */
static struct hparams read_good(struct changed *changed)
{
    struct hparams hparams;
    struct err err = {0};
    bool ok = hparams_read(&changed->source, &hparams, &err);
    if (!ok) err_print(&err, stderr);
    assert_true(ok);
    hparams_done(&hparams);
    close_long(changed);
    return hparams;
}

/* It is refused with a message that has this text in it; closes it. */
static void check_refused(struct changed *changed, const char *text)
{
    struct hparams hparams;
    struct err err = {0};
    assert_false(hparams_read(&changed->source, &hparams, &err));
    if (err.code != ERR_INPUT || !strstr(err.message, text))
        fail_msg("code %d: %s (expected: %s)", err.code, err.message, text);
    assert_string_equal(err.file, "changed.gguf");
    close_long(changed);
}

static void factors_are_of_short_and_of_long_sequences_in_any_architecture(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny-long", "tiny-llama", "tiny-qwen2"};
    for (size_t i = 0; i < 3; i++) {
        struct hparams h = read_good(open_stretched(shapes[i]));
        assert_int_equal(h.short_tokens, 4096);
        assert_int_equal(h.rotations[ROTATION_MAIN].divisors, WEIGHT_ROPE_FACTORS_SHORT);
        assert_int_equal(h.rotations[ROTATION_LONG].divisors, WEIGHT_ROPE_FACTORS_LONG);
        /* sqrt(1 + ln 32 / ln 4096), as files of Phi-3 that say it have it */
        assert_true(h.rotations[ROTATION_MAIN].magnitude == 1.1902381f);
        assert_true(h.rotations[ROTATION_LONG].magnitude == 1.1902381f);
    }
    struct changed *changed = open_stretched("tiny-long");
    assert_int_equal(test_model_info(&changed->source).short_tokens, 4096);
    close_long(changed);
}

static void what_a_file_says_counts_and_what_it_does_not_follows(void **state)
{
    (void)state;
    struct changed *changed = open_long("tiny-long");
    set(changed, "context_length", 131072); /* as early files of Phi-3 */
    assert_int_equal(read_good(changed).short_tokens, 4096);
    changed = open_stretched("tiny-long");
    set_float(changed, "rope.scaling.attn_factor", 1.25f);
    set_float(changed, "rope.scaling.attn_factor_long", 1.5f);
    struct hparams h = read_good(changed);
    assert_true(h.rotations[ROTATION_MAIN].magnitude == 1.25f);
    assert_true(h.rotations[ROTATION_LONG].magnitude == 1.5f);
    changed = open_stretched("tiny-long");
    set(changed, "context_length", 4096); /* made for no more than it learnt at first */
    assert_true(read_good(changed).rotations[ROTATION_LONG].magnitude == 1.0f);
    changed = open_stretched("tiny-llama");
    assert_true(
        metadata_set_string(changed->metadata, "llama.rope.scaling.type", "longrope", NULL));
    assert_int_equal(read_good(changed).short_tokens, 4096);
}

static void what_lacks_a_part_is_refused_by_its_name(void **state)
{
    (void)state;
    struct changed *changed = open_long("tiny-llama");
    check_refused(changed, "llama.rope.scaling.original_context_length must say");
    changed = open_stretched("tiny-long");
    rename_factors(changed, "rope_factors_long.weight", "rope_freqs.weight");
    check_refused(changed, "tensor rope_factors_long.weight is missing");
    changed = open_stretched("tiny-long");
    rename_factors(changed, "rope_factors_short.weight", "rope_freqs.weight");
    check_refused(changed, "tensor rope_factors_short.weight is missing");
    changed = open_stretched("tiny-llama");
    changed->source.n_tensors -= 2;
    assert_true(
        metadata_set_string(changed->metadata, "llama.rope.scaling.type", "longrope", NULL));
    check_refused(changed, "tensor rope_factors_short.weight is missing");
    changed = open_stretched("tiny-llama");
    assert_true(metadata_set_string(changed->metadata, "llama.rope.scaling.type", "linear", NULL));
    check_refused(changed, "is 'linear', but the model has rope_factors tensors");
    changed = open_stretched("tiny-llama");
    changed->tensors[changed->source.n_tensors - 1].shape[0] = 2 * N_PAIRS;
    check_refused(changed, "tensor rope_factors_short.weight is 64 x 1, it should be 32 x 1");
    changed = open_stretched("tiny-long");
    set_float(changed, "rope.scaling.attn_factor", -1.0f);
    check_refused(changed, "phi3.rope.scaling.attn_factor must be a positive number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_are_of_short_and_of_long_sequences_in_any_architecture),
        cmocka_unit_test(what_a_file_says_counts_and_what_it_does_not_follows),
        cmocka_unit_test(what_lacks_a_part_is_refused_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
