/* test_image.c - pixels are Pillow's, and what is no picture is refused with one message.
 *
 * Hostile files are made of good ones (tests/golden/pictures), or written here chunk by chunk.
 */
#include "base/image.h"

#include "base/file.h"
#include "base/image_format.h"
#include "base/mem.h"
#include "tests/support/pictures.h"
#include "tests/support/test_data.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_nothing(const struct json *line, const struct image *image)
{
    (void)line, (void)image;
}

static void pixels_of_every_kind_of_file_are_pillow_s(void **state)
{
    (void)state;
    assert_true(picture_each("file", check_nothing) > 40);
}

static void pixels_of_real_pictures_are_pillow_s(void **state)
{
    (void)state;
    if (!picture_each("shared", check_nothing)) skip();
}

/* Refused by image_decode; by image_size too, with the same words, if the header shows it. */
static void refuses(const uint8_t *bytes, size_t n_bytes, bool by_header, const char *message)
{
    struct err err = {0}, size_err = {0};
    struct image image;
    size_t width, height;
    assert_false(image_decode(bytes, n_bytes, "a.jpg", &image, &err));
    assert_null(image.rgb);
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, "a.jpg");
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(image_size(bytes, n_bytes, "a.jpg", &width, &height, &size_err), !by_header);
    if (by_header) assert_memory_equal(&err, &size_err, sizeof err);
}

#define CUT_OFF(format) "the " format " ends before its picture does: fetch or save the file again"
#define UNREADABLE(format, why)                                                                    \
    "the " format " cannot be read (" why "): fetch or save the file again"

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static const char expected[] = "the file is no JPEG, PNG or WebP picture: convert it to one";
    static const char *const others[] = {"GIF89a\1\0\1\0",   "BM",       "<svg/>",
                                         "RIFF\0\0\0\0WAVE", "\xff\xd8", "\x89PNG\r\n"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        refuses((const uint8_t *)others[i], strlen(others[i]), true, expected);
        assert_null(image_media_type((const uint8_t *)others[i], strlen(others[i])));
    }
    refuses((const uint8_t *)"", 0, true,
            "the file is empty: a JPEG, PNG or WebP picture is expected");
}

static void a_file_is_known_by_its_first_bytes_and_not_by_its_name(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"420.jpg", "image/jpeg"}, {"rgb.png", "image/png"}, {"lossy.webp", "image/webp"}};
    for (size_t i = 0; i < 3; i++) {
        size_t n_bytes;
        struct image image;
        uint8_t *bytes = picture_file(names[i][0], &n_bytes);
        assert_string_equal(image_media_type(bytes, n_bytes), names[i][1]);
        assert_true(image_decode(bytes, n_bytes, "a.gif", &image, NULL));
        image_free(&image);
        free(bytes);
    }
}

static void check_read_fails(const char *path, enum err_code code, const char *message)
{
    size_t n_bytes;
    struct err err = {0};
    assert_null(image_read_file(path, &n_bytes, &err));
    assert_string_equal(err.message, message);
    assert_string_equal(err.file, path);
    assert_int_equal(err.code, code);
}

static void a_missing_file_a_folder_and_a_huge_file_are_refused(void **state)
{
    (void)state;
    char folder[256], path[512];
    assert_non_null(test_make_folder(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/a.jpg", folder);
    check_read_fails(path, ERR_IO, "cannot open: No such file or directory");
    check_read_fails(folder, ERR_IO, "cannot read: Is a directory");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, IMAGE_MAX_BYTES + 1), 0);
    close(fd);
    check_read_fails(path, ERR_INPUT, "the file is larger than the limit of 67108864 bytes");
    test_remove_folder(folder);
}

/* A copy of the exact size: a sanitizer sees a read past the end. */
static void refuses_beginning(const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *cut = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(cut);
    memcpy(cut, bytes, n_bytes);
    struct err err = {0};
    struct image image;
    if (image_decode(cut, n_bytes, "a", &image, &err)) fail_msg("%zu bytes suffice", n_bytes);
    assert_int_equal(err.code, ERR_INPUT);
    assert_string_equal(err.file, "a");
    free(cut);
}

static void no_file_is_a_picture_before_its_end(void **state)
{
    (void)state;
    static const char *const names[] = {
        "420.jpg",      "progressive.jpg", "inks.jpg",   "one_pixel.jpg",
        "rgba.png",     "interlaced.png",  "lossy.webp", "lossless_alpha.webp",
        "animated.webp"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t n_bytes;
        uint8_t *bytes = picture_file(names[i], &n_bytes);
        for (size_t n = 0; n < n_bytes; n += n < 64 || n + 16 > n_bytes ? 1 : 13)
            refuses_beginning(bytes, n);
        free(bytes);
    }
}

static void a_file_that_is_cut_off_is_said_to_be(void **state)
{
    (void)state;
    static const char *const names[] = {"420.jpg", "rgb.png", "lossy.webp"};
    static const char *const messages[] = {CUT_OFF("JPEG"), CUT_OFF("PNG"), CUT_OFF("WebP")};
    for (size_t i = 0; i < 3; i++) {
        size_t n_bytes;
        uint8_t *bytes = picture_file(names[i], &n_bytes);
        refuses(bytes, n_bytes - 2, i > 0, messages[i]);
        refuses(bytes, n_bytes - n_bytes / 4, i > 0, messages[i]);
        refuses(bytes, 20, true, messages[i]);
        free(bytes);
    }
}

static void put_big_endian(uint8_t *at, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++) at[i] = (uint8_t)(value >> 8 * (n - 1 - i));
}

/* A PNG's header and its end, with wrong sums: nothing in it is a picture. */
static void refuses_png_of(uint32_t width, uint32_t height, const char *message)
{
    uint8_t bytes[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDRWWWWHHHH\10\2\0\0\0sum!\0\0\0\0IENDsum!";
    put_big_endian(bytes + 16, 4, width);
    put_big_endian(bytes + 20, 4, height);
    refuses(bytes, sizeof bytes - 1, true, message);
}

static void sizes_beyond_the_limits_are_refused_by_the_header(void **state)
{
    (void)state;
    refuses_png_of(8193, 8192,
                   "the picture has 8193 x 8192 pixels, more than the limit of 67108864: make it "
                   "smaller");
    refuses_png_of(0x7fffffff, 0x7fffffff,
                   "the picture has 2147483647 x 2147483647 pixels, more than the limit of "
                   "67108864: make it smaller");
    refuses_png_of(0xffffffff, 1, UNREADABLE("PNG", "its header has no size"));
    refuses_png_of(1, 0, UNREADABLE("PNG", "its header has no size"));
    refuses_png_of(201, 1,
                   "the picture has 201 x 1 pixels, and one side may be at most 200 times as long "
                   "as the other: cut it into pieces");
    refuses_png_of(3, 601,
                   "the picture has 3 x 601 pixels, and one side may be at most 200 times as long "
                   "as the other: cut it into pieces");
    refuses_png_of(4000, 4000,
                   "the file has 45 bytes, too few for a picture of 4000 x 4000 pixels: is it what "
                   "it should be?");
}

static void a_jpeg_and_a_webp_that_promise_too_much_are_refused(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *jpeg = picture_file("420.jpg", &n_bytes);
    size_t frame = 0;
    while (jpeg[frame] != 0xff || jpeg[frame + 1] != 0xc0) frame++;
    put_big_endian(jpeg + frame + 5, 2, 65500);
    put_big_endian(jpeg + frame + 7, 2, 65500);
    refuses(jpeg, n_bytes, true,
            "the picture has 65500 x 65500 pixels, more than the limit of 67108864: make it "
            "smaller");
    free(jpeg);
    /* A canvas of an animation: width and height less one in three bytes each. */
    uint8_t *webp = picture_file("animated.webp", &n_bytes);
    memset(webp + 24, 0x3f, 6);
    struct err err = {0};
    size_t width, height;
    assert_false(image_size(webp, n_bytes, "a", &width, &height, &err));
    free(webp);
}

/* The last scan of a progressive JPEG, once more for each of n. */
static void put_scans(struct buf *out, const uint8_t *bytes, size_t n_bytes, int n)
{
    size_t scan = n_bytes - 2;
    while (bytes[scan] != 0xff || bytes[scan + 1] != 0xda) scan--;
    buf_append(out, bytes, scan);
    for (int i = 0; i < n; i++) buf_append(out, bytes + scan, n_bytes - 2 - scan);
    buf_append(out, bytes + n_bytes - 2, 2);
    assert_true(buf_check(out, NULL));
}

static void a_jpeg_of_countless_scans_is_refused(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *bytes = picture_file("progressive.jpg", &n_bytes);
    struct buf few = {0}, many = {0};
    struct image image;
    put_scans(&few, bytes, n_bytes, 3);
    assert_true(image_decode((uint8_t *)few.data, few.n_bytes, "a", &image, NULL));
    image_free(&image);
    put_scans(&many, bytes, n_bytes, 200);
    refuses((uint8_t *)many.data, many.n_bytes, false,
            "the JPEG has more than 100 scans: save it again");
    buf_free(&few);
    buf_free(&many);
    free(bytes);
}

static void damaged_data_are_refused_with_the_library_s_word(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *png = picture_file("rgb.png", &n_bytes);
    png[n_bytes - 14] ^= 1; /* of the data's sum, which stands before 12 bytes of an end */
    refuses(png, n_bytes, false, UNREADABLE("PNG", "IDAT: CRC error"));
    free(png);
    uint8_t *webp = picture_file("lossless.webp", &n_bytes);
    memset(webp + 40, 0x55, n_bytes - 40);
    refuses(webp, n_bytes, false, UNREADABLE("WebP", "its data are damaged"));
    free(webp);
    static const uint8_t no_header[] = "\x89PNG\r\n\x1a\n\0\0\0\0IENDsum!";
    refuses(no_header, sizeof no_header - 1, true, UNREADABLE("PNG", "its header is misplaced"));
    static const uint8_t no_frame[] = "\xff\xd8\xff\xd9";
    refuses(no_frame, sizeof no_frame - 1, true,
            UNREADABLE("JPEG", "JPEG datastream contains no image"));
}

static int orientation(const char *bytes, size_t n_bytes)
{
    uint8_t *exact = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n_bytes);
    int found = image_exif_orientation(exact, n_bytes);
    free(exact);
    return found;
}

static void damaged_exif_leaves_a_picture_as_it_is(void **state)
{
    (void)state;
#define ENTRY "\x12\1\3\0\1\0\0\0\6\0\0\0"
    static const char good[] = "II*\0\10\0\0\0\2\0\0\1\3\0\1\0\0\0\3\0\0\0" ENTRY;
    assert_int_equal(orientation(good, sizeof good - 1), 6);
    for (size_t n = 0; n < sizeof good - 3; n++) assert_int_equal(orientation(good, n), 1);
    assert_int_equal(orientation("II*\0\xff\xff\xff\xff", 8), 1);
    assert_int_equal(orientation("II*\0\0\0\0\0", 8), 1);
    assert_int_equal(orientation("MI*\0\10\0\0\0\1\0" ENTRY, 22), 1);
    assert_int_equal(orientation("II+\0\10\0\0\0\1\0" ENTRY, 22), 1);
    assert_int_equal(orientation("II*\0\10\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0", 22), 1);
    assert_int_equal(orientation("II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\0\0\0\0", 22), 1);
#undef ENTRY
}

static void check_thumbnail(const struct image *image, size_t most, struct image *small)
{
    struct buf png = {0};
    assert_true(image_thumbnail(image, most, &png, NULL));
    assert_true(image_decode((uint8_t *)png.data, png.n_bytes, "thumbnail", small, NULL));
    buf_free(&png);
}

static void a_thumbnail_is_the_picture_in_small(void **state)
{
    (void)state;
    struct image image, small;
    picture_by_formula(20, 12, &image);
    check_thumbnail(&image, 20, &small);
    assert_int_equal(small.width, 20);
    assert_memory_equal(small.rgb, image.rgb, 20 * 12 * 3);
    image_free(&small);
    check_thumbnail(&image, 10, &small);
    assert_int_equal(small.width, 10);
    assert_int_equal(small.height, 6);
    for (size_t c = 0; c < 3; c++) {
        int sum = image.rgb[c] + image.rgb[3 + c] + image.rgb[60 + c] + image.rgb[63 + c];
        assert_int_equal(small.rgb[c], (sum + 2) / 4);
    }
    image_free(&small);
    image_free(&image);
    picture_by_formula(1, 190, &image);
    check_thumbnail(&image, 64, &small);
    assert_int_equal(small.width, 1);
    assert_int_equal(small.height, 64);
    image_free(&small);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_of_every_kind_of_file_are_pillow_s),
        cmocka_unit_test(pixels_of_real_pictures_are_pillow_s),
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(a_file_is_known_by_its_first_bytes_and_not_by_its_name),
        cmocka_unit_test(a_missing_file_a_folder_and_a_huge_file_are_refused),
        cmocka_unit_test(no_file_is_a_picture_before_its_end),
        cmocka_unit_test(a_file_that_is_cut_off_is_said_to_be),
        cmocka_unit_test(sizes_beyond_the_limits_are_refused_by_the_header),
        cmocka_unit_test(a_jpeg_and_a_webp_that_promise_too_much_are_refused),
        cmocka_unit_test(a_jpeg_of_countless_scans_is_refused),
        cmocka_unit_test(damaged_data_are_refused_with_the_library_s_word),
        cmocka_unit_test(damaged_exif_leaves_a_picture_as_it_is),
        cmocka_unit_test(a_thumbnail_is_the_picture_in_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
