/* test_attention_keys.c - what a file says of attention: which layers have the window, how dot
 * products are scaled, and whether scores are capped.
 *
 * Sources are those of a golden model with other metadata.
 */
#include "engine/hparams.h"

#include "engine/open_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { N_LAYERS = 2 };

static const char PATTERN[] = "phi3.attention.sliding_window_pattern";
static const char SCALE[] = "phi3.attention.scale";
static const char SOFTCAP[] = "phi3.attn_logit_softcapping";

/* Reads the golden model with a window of 16, which has one more key; NULL: it has none. */
static bool read_with(const char *key, const struct metadata_value *value, struct hparams *h,
                      struct err *err)
{
    struct source *golden = source_open("tests/golden/phi3-window.gguf", NULL);
    assert_non_null(golden);
    struct metadata *metadata = metadata_new(NULL);
    for (size_t i = 0; i < metadata_count(golden->metadata); i++) {
        const char *name;
        const struct metadata_value *entry = metadata_at(golden->metadata, i, &name);
        assert_true(metadata_set(metadata, name, entry, NULL));
    }
    if (key) assert_true(metadata_set(metadata, key, value, NULL));
    struct source source = *golden;
    source.metadata = metadata;
    bool ok = hparams_read(&source, h, err);
    if (ok) hparams_done(h);
    metadata_free(metadata);
    source_close(golden);
    return ok;
}

static void check_refused(const char *key, const struct metadata_value *value, const char *text)
{
    struct hparams h;
    struct err err = {0};
    assert_false(read_with(key, value, &h, &err));
    assert_int_equal(err.code, ERR_INPUT);
    if (!strstr(err.message, text)) fail_msg("%s (expected: %s)", err.message, text);
}

static void a_window_is_of_all_layers_unless_the_file_says_of_which(void **state)
{
    (void)state;
    struct hparams h;
    assert_true(read_with(NULL, NULL, &h, NULL));
    assert_int_equal(h.n_layers, N_LAYERS);
    assert_true(hparams_window(&h, 0) == 16 && hparams_window(&h, 1) == 16);
    assert_int_equal(hparams_widest_window(&h), 16);

    static const uint8_t bools[N_LAYERS + 1] = {0, 1, 1};
    struct metadata_value array = {
        .kind = METADATA_ARRAY, .element = METADATA_BOOL, .n = N_LAYERS, .items = bools};
    assert_true(read_with(PATTERN, &array, &h, NULL));
    assert_true(hparams_window(&h, 0) == 0 && hparams_window(&h, 1) == 16);
    assert_int_equal(hparams_widest_window(&h), 0);
    array.n++;
    check_refused(PATTERN, &array, "is of 3 layers, the model has 2");
    array.n--;
    array.element = METADATA_U8;
    array.items = "\1\2";
    check_refused(PATTERN, &array, "expected a bool (or 0 or 1) (while reading element 1)");
}

static void every_so_many_th_layer_can_be_without_a_window(void **state)
{
    (void)state;
    struct hparams h;
    struct metadata_value period = {.kind = METADATA_U32, .u = 2};
    assert_true(read_with(PATTERN, &period, &h, NULL));
    assert_true(hparams_window(&h, 0) == 16 && hparams_window(&h, 1) == 0);
    assert_int_equal(hparams_widest_window(&h), 0);
    period.u = 3;
    assert_true(read_with(PATTERN, &period, &h, NULL));
    assert_int_equal(hparams_widest_window(&h), 16);
    period.u = 1;
    assert_true(read_with(PATTERN, &period, &h, NULL));
    assert_true(hparams_window(&h, 0) == 0 && hparams_window(&h, 1) == 0);
    period.u = 0;
    assert_true(read_with(PATTERN, &period, &h, NULL));
    assert_int_equal(hparams_widest_window(&h), 16);
}

static void scores_have_a_scale_and_perhaps_a_cap(void **state)
{
    (void)state;
    struct hparams h;
    assert_true(read_with(NULL, NULL, &h, NULL));
    assert_true(h.attention_scale == 1.0f / sqrtf((float)h.head_size));
    assert_true(h.attention_softcap == 0);
    struct metadata_value number = {.kind = METADATA_F32, .f = 0.25};
    assert_true(read_with(SCALE, &number, &h, NULL));
    assert_true(h.attention_scale == 0.25f);
    number.f = 50;
    assert_true(read_with(SOFTCAP, &number, &h, NULL));
    assert_true(h.attention_softcap == 50);
    number.f = 0;
    check_refused(SCALE, &number, "attention.scale must be a positive number");
    assert_true(read_with(SOFTCAP, &number, &h, NULL));
    assert_true(h.attention_softcap == 0);
    number.f = -50;
    check_refused(SOFTCAP, &number, "attn_logit_softcapping must be 0 or a positive number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_of_all_layers_unless_the_file_says_of_which),
        cmocka_unit_test(every_so_many_th_layer_can_be_without_a_window),
        cmocka_unit_test(scores_have_a_scale_and_perhaps_a_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
