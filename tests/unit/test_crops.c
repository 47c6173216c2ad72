/* test_crops.c - a picture's crops are those of the reference's processor.
 *
 * What comes of integers must be equal to the last bit, and so must its normalised floats. Pixels
 * of the thumbnail are sums of 16 floats in PyTorch, which orders and fuses them as it likes.
 */
#include "engine/vision/crops.h"

#include "base/mem.h"
#include "tests/support/golden_values.h"
#include "tests/support/pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

enum { CROP_VALUES = 3 * CROP_SIDE * CROP_SIDE };
/* Of each how-manieth value of a thumbnail the fixture has: STRIDE of tools/golden/pictures.py. */
enum { STRIDE = 5303 };

/* A step of 8 bits is 0.014 and more when it is normalised. */
static const double TOLERANCE = 1e-6;

static void check_view(const struct json *view, const struct image *image)
{
    size_t max_crops = golden_count(view, "max_crops");
    struct err err = {0};
    struct crops crops;
    if (!crops_make(image, CROP_SIDE, max_crops, &crops, &err)) fail_msg("%s", err.message);
    assert_int_equal(crops.grid.n_wide, golden_count(view, "n_wide"));
    assert_int_equal(crops.grid.n_high, golden_count(view, "n_high"));
    assert_int_equal(crops.n, 1 + crops.grid.n_wide * crops.grid.n_high);
    struct crop_grid grid = crop_grid_of(image->width, image->height, max_crops);
    assert_memory_equal(&grid, &crops.grid, sizeof grid);
    assert_int_equal(crop_tokens(grid), golden_count(view, "tokens"));
    assert_digest(crops.values + CROP_VALUES, (crops.n - 1) * CROP_VALUES * sizeof(float),
                  json_as_string(json_get(view, "crops"), ""));
    const struct json *thumbnail = json_get(view, "thumbnail");
    assert_int_equal(json_length(thumbnail), (CROP_VALUES + STRIDE - 1) / STRIDE);
    for (size_t i = 0; i < json_length(thumbnail); i++)
        assert_near(crops.values[i * STRIDE], json_as_number(json_at(thumbnail, i), NAN),
                    TOLERANCE);
    crops_free(&crops);
}

static void check_views(const struct json *line, const struct image *image)
{
    const struct json *views = json_get(line, "views");
    assert_true(json_length(views) > 0);
    for (size_t i = 0; i < json_length(views); i++) check_view(json_at(views, i), image);
}

static void crops_of_every_kind_of_file_are_those_of_the_reference(void **state)
{
    (void)state;
    assert_true(picture_each("file", check_views) > 40);
}

static void crops_of_every_size_are_those_of_the_reference(void **state)
{
    (void)state;
    assert_true(picture_each("formula", check_views) > 20);
}

static void crops_of_real_pictures_are_those_of_the_reference(void **state)
{
    (void)state;
    if (!picture_each("shared", check_views)) skip();
}

static void a_grid_never_has_more_crops_than_allowed(void **state)
{
    (void)state;
    for (size_t max_crops = 1; max_crops <= 20; max_crops++) {
        for (size_t width = 1; width < 200; width += 7) {
            struct crop_grid grid = crop_grid_of(width, 60, max_crops);
            assert_in_range(grid.n_wide * grid.n_high, 1, max_crops);
            struct crop_grid turned = crop_grid_of(60, width, max_crops);
            assert_int_equal(turned.n_wide, grid.n_high);
            assert_int_equal(turned.n_high, grid.n_wide);
        }
    }
}

static void grids_and_tokens_are_as_documented(void **state)
{
    (void)state;
    /* The table of docs/pictures.md. */
    static const struct {
        size_t width, height, max_crops;
        struct crop_grid grid;
        size_t n_tokens;
    } cases[] = {
        {640, 480, 4, {2, 2}, 757},   {640, 480, 16, {4, 3}, 1921},  {480, 640, 4, {2, 2}, 757},
        {480, 640, 16, {3, 4}, 1933}, {1920, 1080, 4, {2, 2}, 757},  {1920, 1080, 16, {5, 3}, 2353},
        {2000, 300, 4, {4, 1}, 745},  {2000, 300, 16, {8, 2}, 2485},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct crop_grid grid = crop_grid_of(cases[i].width, cases[i].height, cases[i].max_crops);
        assert_int_equal(grid.n_wide, cases[i].grid.n_wide);
        assert_int_equal(grid.n_high, cases[i].grid.n_high);
        assert_int_equal(crop_tokens(grid), cases[i].n_tokens);
    }
}

static void a_side_that_no_model_has_is_refused(void **state)
{
    (void)state;
    struct image image;
    struct crops crops;
    struct err err = {0};
    picture_by_formula(3, 2, &image);
    assert_false(crops_make(&image, 224, 4, &crops, &err));
    assert_string_equal(err.message, "crops of 224 pixels: only 336 are supported");
    assert_null(crops.values);
    crops_free(&crops);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_of_every_kind_of_file_are_those_of_the_reference),
        cmocka_unit_test(crops_of_every_size_are_those_of_the_reference),
        cmocka_unit_test(crops_of_real_pictures_are_those_of_the_reference),
        cmocka_unit_test(a_grid_never_has_more_crops_than_allowed),
        cmocka_unit_test(grids_and_tokens_are_as_documented),
        cmocka_unit_test(a_side_that_no_model_has_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
