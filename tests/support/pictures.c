/* pictures.c - see pictures.h.
 *
 * The fixture is read anew by each test: it is small.
 */
#include "tests/support/pictures.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "tests/support/test_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const char GOLDEN[] = "tests/golden/pictures.jsonl";

static uint8_t *file_at(const char *path, size_t *n_bytes)
{
    struct err err = {0};
    uint8_t *bytes = image_read_file(path, n_bytes, &err);
    if (!bytes) fail_msg("%s: %s", path, err.message);
    return bytes;
}

uint8_t *picture_file(const char *name, size_t *n_bytes)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/pictures/%s", name);
    return file_at(path, n_bytes);
}

void picture_by_formula(size_t width, size_t height, struct image *image)
{
    uint8_t *rgb = mem_new(width * height, 3, NULL);
    assert_non_null(rgb);
    *image = (struct image){width, height, rgb};
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                *rgb++ = (uint8_t)((x * 73856093u ^ y * 19349663u ^ (c + 1) * 83492791u) >> 8);
}

void assert_digest(const void *bytes, size_t n_bytes, const char *expected)
{
    char hex[SHA256_HEX_BYTES];
    struct sha256 *hash = sha256_new(NULL);
    assert_non_null(hash);
    sha256_update(hash, bytes, n_bytes);
    sha256_finish(hash, hex);
    sha256_free(hash);
    assert_string_equal(hex, expected);
}

static void decode_file(const char *path, struct image *image)
{
    struct err err = {0};
    size_t n_bytes, width, height;
    uint8_t *bytes = file_at(path, &n_bytes);
    if (!image_decode(bytes, n_bytes, path, image, &err)) fail_msg("%s: %s", path, err.message);
    assert_true(image_size(bytes, n_bytes, path, &width, &height, &err));
    assert_int_equal(width, image->width);
    assert_int_equal(height, image->height);
    free(bytes);
}

/* False where the shared data are missing. */
static bool make_picture(const struct json *line, struct image *image)
{
    char path[512], relative[256];
    size_t width = (size_t)json_as_integer(json_get(line, "width"), 0);
    size_t height = (size_t)json_as_integer(json_get(line, "height"), 0);
    const char *file = json_as_string(json_get(line, "file"), NULL);
    const char *shared = json_as_string(json_get(line, "shared"), NULL);
    if (shared) {
        snprintf(relative, sizeof relative, "vision/images/%s", shared);
        if (!test_data_path(path, sizeof path, relative)) return false;
        decode_file(path, image);
    } else if (file) {
        snprintf(path, sizeof path, "tests/golden/pictures/%s", file);
        decode_file(path, image);
    } else picture_by_formula(width, height, image);
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    return true;
}

struct visit {
    const char *key;
    picture_check_fn *check;
    size_t n;
};

static bool visit_line(void *context, const struct json *line, int i_line, struct err *err)
{
    (void)i_line, (void)err;
    struct visit *visit = context;
    struct image image;
    if (!json_get(line, visit->key) || !make_picture(line, &image)) return true;
    assert_digest(image.rgb, image.width * image.height * 3,
                  json_as_string(json_get(line, "rgb"), ""));
    visit->check(line, &image);
    image_free(&image);
    visit->n++;
    return true;
}

size_t picture_each(const char *key, picture_check_fn *check)
{
    struct visit visit = {key, check, 0};
    struct err err = {0};
    if (!json_read_lines(GOLDEN, visit_line, &visit, &err)) fail_msg("%s", err.message);
    return visit.n;
}
