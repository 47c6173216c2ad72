/* random_lines.c - the generator that tools/golden/pre_types.py has too: one must change with the
 * other. Parts that tokenizers are known to differ on stand between characters of every kind.
 */
#include "tests/support/random_lines.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_LINES = 10000, BLOCK = 1000 };

static const char *const PARTS[] = {
    "'s",
    "'t",
    "'re",
    "'VE",
    "'m",
    "'ll",
    "'D",
    "'",
    "\342\200\231s",
    "'\305\277",
    "it's",
    "We'll",
    "Hello",
    " world",
    "HTTPServer",
    "camelCase",
    "CAPS",
    "snake_case",
    "x86",
    "1",
    "12",
    "123",
    "1234567",
    " 3",
    " 2024",
    "3.14",
    "1,000",
    " ",
    "  ",
    "    ",
    "\011",
    "\012",
    "\012\012",
    "\015\012",
    " \012",
    "\302\240",
    "\343\200\200",
    "\342\200\203",
    "\302\205",
    "\342\200\250",
    "\342\200\213",
    "\341\240\216",
    ".",
    "...",
    "!?",
    " (",
    ")",
    "[0]",
    "$5",
    "+=",
    "//",
    "/\012",
    "`x`",
    "_",
    "\342\200\246",
    "\343\200\202",
    "\357\274\214",
    "\340\245\244",
    "\342\200\234quoted\342\200\235",
    "#include <a.h>",
    "e\314\201",
    "\303\274ber",
    "\320\270 \320\274\320\270\321\200",
    "\346\274\242\345\255\227",
    "\343\201\213\343\201\252",
    "\355\225\234\352\265\255\354\226\264",
    "\340\244\271\340\244\277\340\244\250\340\245\215\340\244\246\340\245\200",
    "\331\243\331\244",
    "\302\275",
    "\342\205\247",
    "\360\237\246\231",
    "\360\237\221\250\342\200\215\360\237\221\251",
    "\360\220\220\200",
    "<|endoftext|>",
    "<|im_end|>",
    "<|",
    "|>",
    "</s>"};

/* Characters from first to before end, all of them assigned for long. */
struct range {
    uint32_t first, end;
};

static const struct range RANGES[] = {
    {0x20, 0x7f},      {0x20, 0x7f},     {0x80, 0x250},    {0x2b0, 0x2ee},     {0x391, 0x3a2},
    {0x400, 0x460},    {0x5d0, 0x5eb},   {0x621, 0x63b},   {0x64b, 0x66a},     {0x905, 0x93a},
    {0x1e00, 0x1e9c},  {0x2000, 0x2065}, {0x20a0, 0x20b2}, {0x2100, 0x214c},   {0x2153, 0x2184},
    {0x2190, 0x2400},  {0x2460, 0x2600}, {0x3041, 0x3097}, {0x30a1, 0x30ff},   {0x3105, 0x312a},
    {0x4e00, 0x9fa6},  {0xac00, 0xd7a4}, {0xff01, 0xff5f}, {0x10400, 0x10450}, {0x1d400, 0x1d455},
    {0x1f600, 0x1f640}};

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % n;
}

static void make_line(uint64_t *state, struct buf *line)
{
    enum { MOST_PARTS = 12 };
    buf_clear(line);
    for (uint32_t n = 1 + draw(state, MOST_PARTS); n > 0; n--) {
        if (draw(state, 3)) {
            buf_text(line, PARTS[draw(state, COUNT_OF(PARTS))]);
            continue;
        }
        const struct range *range = &RANGES[draw(state, COUNT_OF(RANGES))];
        char text[4];
        buf_append(line, text,
                   utf8_encode(range->first + draw(state, range->end - range->first), text));
    }
}

static void check_block(const char *name, size_t i_block, struct sha256 *hash,
                        const struct json *expected)
{
    char hex[SHA256_HEX_BYTES];
    sha256_finish(hash, hex);
    sha256_free(hash);
    if (strcmp(hex, json_as_string(json_at(expected, i_block), "")) != 0)
        fail_msg("%s: one of lines %zu to %zu", name, i_block * BLOCK, (i_block + 1) * BLOCK - 1);
}

void random_lines_check_some(const char *name, const struct json *golden, size_t n_lines,
                             random_line_numbers_fn *numbers_of, void *context)
{
    const struct json *first = json_get(golden, "first"), *hashes = json_get(golden, "hashes");
    struct buf line = {0}, numbers = {0}, expected = {0};
    struct sha256 *hash = NULL;
    uint64_t state = 1;
    assert_true(n_lines > 0 && n_lines % BLOCK == 0);
    assert_int_equal(json_length(hashes), n_lines / BLOCK);
    assert_true(json_length(first) > 0);
    for (size_t i = 0; i < n_lines; i++) {
        if (i % BLOCK == 0) assert_non_null(hash = sha256_new(NULL));
        make_line(&state, &line);
        buf_clear(&numbers);
        numbers_of(context, buf_string(&line), line.n_bytes, &numbers);
        if (i < json_length(first)) {
            const struct json *row = json_at(first, i);
            buf_clear(&expected);
            for (size_t k = 0; k < json_length(row); k++)
                buf_printf(&expected, k ? " %lld" : "%lld",
                           (long long)json_as_integer(json_at(row, k), -1));
            if (strcmp(buf_string(&numbers), buf_string(&expected)) != 0)
                fail_msg("%s: \"%s\" gives %s for %s", name, buf_string(&line),
                         buf_string(&numbers), buf_string(&expected));
        }
        buf_char(&numbers, '\n');
        sha256_update(hash, buf_string(&numbers), numbers.n_bytes);
        if (i % BLOCK == BLOCK - 1) check_block(name, i / BLOCK, hash, hashes);
    }
    buf_free(&line);
    buf_free(&numbers);
    buf_free(&expected);
}

void random_lines_check(const char *name, const struct json *golden,
                        random_line_numbers_fn *numbers_of, void *context)
{
    random_lines_check_some(name, golden, N_LINES, numbers_of, context);
}

struct json *random_lines_golden(void)
{
    enum { FILE_LIMIT = 1 << 20 };
    struct err err = {0};
    size_t n_bytes;
    char *text = file_read("tests/golden/pre_types.json", FILE_LIMIT, &n_bytes, &err);
    struct json *golden = text ? json_parse(text, n_bytes, "pre_types.json", &err) : NULL;
    if (!golden) fail_msg("%s", err.message);
    free(text);
    return golden;
}
