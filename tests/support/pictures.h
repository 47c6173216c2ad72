/* pictures.h - pictures for tests, and what the reference sees of them.
 *
 * tests/golden/pictures.jsonl has a line for each: files in tests/golden/pictures, sizes that a
 * formula fills, and the real pictures of the shared data. tools/golden/pictures.py made it. What
 * goes wrong here fails the running test.
 */
#ifndef PHIBENCH_TESTS_SUPPORT_PICTURES_H
#define PHIBENCH_TESTS_SUPPORT_PICTURES_H

#include "base/image.h"
#include "base/json.h"

/* The bytes of a file in tests/golden/pictures; free() them. */
uint8_t *picture_file(const char *name, size_t *n_bytes);

/* A picture of noise, the same everywhere; image_free it. */
void picture_by_formula(size_t width, size_t height, struct image *image);

/* Calls check for each picture whose line has this key ("file", "formula" or "shared"), once its
 * pixels are those of the reference; returns how many there are, 0 where the shared data are
 * missing. */
typedef void picture_check_fn(const struct json *line, const struct image *image);
size_t picture_each(const char *key, picture_check_fn *check);

/* Fails the test unless the SHA-256 of the bytes is the text. */
void assert_digest(const void *bytes, size_t n_bytes, const char *expected);

#endif
