/* letter_case.c - see letter_case.h. The table is printed by tools/make-letter-case.
 *
 * Letters come in runs: those of an alphabet in a row, or capitals and small letters in turn.
 */
#include "base/letter_case.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

struct run {
    uint32_t first, last, step;
    int32_t delta;
};

/* clang-format off */
static const struct run RUNS[] = {
/* Unicode 14.0.0. */
    {0x41, 0x5a, 1, 32}, {0xc0, 0xd6, 1, 32}, {0xd8, 0xde, 1, 32}, {0x100, 0x12e, 2, 1},
    {0x132, 0x136, 2, 1}, {0x139, 0x147, 2, 1}, {0x14a, 0x176, 2, 1}, {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1}, {0x181, 0x181, 1, 210}, {0x182, 0x184, 2, 1}, {0x186, 0x186, 1, 206},
    {0x187, 0x187, 1, 1}, {0x189, 0x18a, 1, 205}, {0x18b, 0x18b, 1, 1}, {0x18e, 0x18e, 1, 79},
    {0x18f, 0x18f, 1, 202}, {0x190, 0x190, 1, 203}, {0x191, 0x191, 1, 1}, {0x193, 0x193, 1, 205},
    {0x194, 0x194, 1, 207}, {0x196, 0x196, 1, 211}, {0x197, 0x197, 1, 209}, {0x198, 0x198, 1, 1},
    {0x19c, 0x19c, 1, 211}, {0x19d, 0x19d, 1, 213}, {0x19f, 0x19f, 1, 214}, {0x1a0, 0x1a4, 2, 1},
    {0x1a6, 0x1a6, 1, 218}, {0x1a7, 0x1a7, 1, 1}, {0x1a9, 0x1a9, 1, 218}, {0x1ac, 0x1ac, 1, 1},
    {0x1ae, 0x1ae, 1, 218}, {0x1af, 0x1af, 1, 1}, {0x1b1, 0x1b2, 1, 217}, {0x1b3, 0x1b5, 2, 1},
    {0x1b7, 0x1b7, 1, 219}, {0x1b8, 0x1b8, 1, 1}, {0x1bc, 0x1bc, 1, 1}, {0x1c4, 0x1c4, 1, 2},
    {0x1c5, 0x1c5, 1, 1}, {0x1c7, 0x1c7, 1, 2}, {0x1c8, 0x1c8, 1, 1}, {0x1ca, 0x1ca, 1, 2},
    {0x1cb, 0x1db, 2, 1}, {0x1de, 0x1ee, 2, 1}, {0x1f1, 0x1f1, 1, 2}, {0x1f2, 0x1f4, 2, 1},
    {0x1f6, 0x1f6, 1, -97}, {0x1f7, 0x1f7, 1, -56}, {0x1f8, 0x21e, 2, 1}, {0x220, 0x220, 1, -130},
    {0x222, 0x232, 2, 1}, {0x23a, 0x23a, 1, 10795}, {0x23b, 0x23b, 1, 1}, {0x23d, 0x23d, 1, -163},
    {0x23e, 0x23e, 1, 10792}, {0x241, 0x241, 1, 1}, {0x243, 0x243, 1, -195}, {0x244, 0x244, 1, 69},
    {0x245, 0x245, 1, 71}, {0x246, 0x24e, 2, 1}, {0x370, 0x372, 2, 1}, {0x376, 0x376, 1, 1},
    {0x37f, 0x37f, 1, 116}, {0x386, 0x386, 1, 38}, {0x388, 0x38a, 1, 37}, {0x38c, 0x38c, 1, 64},
    {0x38e, 0x38f, 1, 63}, {0x391, 0x3a1, 1, 32}, {0x3a3, 0x3ab, 1, 32}, {0x3cf, 0x3cf, 1, 8},
    {0x3d8, 0x3ee, 2, 1}, {0x3f4, 0x3f4, 1, -60}, {0x3f7, 0x3f7, 1, 1}, {0x3f9, 0x3f9, 1, -7},
    {0x3fa, 0x3fa, 1, 1}, {0x3fd, 0x3ff, 1, -130}, {0x400, 0x40f, 1, 80}, {0x410, 0x42f, 1, 32},
    {0x460, 0x480, 2, 1}, {0x48a, 0x4be, 2, 1}, {0x4c0, 0x4c0, 1, 15}, {0x4c1, 0x4cd, 2, 1},
    {0x4d0, 0x52e, 2, 1}, {0x531, 0x556, 1, 48}, {0x10a0, 0x10c5, 1, 7264},
    {0x10c7, 0x10c7, 1, 7264}, {0x10cd, 0x10cd, 1, 7264}, {0x13a0, 0x13ef, 1, 38864},
    {0x13f0, 0x13f5, 1, 8}, {0x1c90, 0x1cba, 1, -3008}, {0x1cbd, 0x1cbf, 1, -3008},
    {0x1e00, 0x1e94, 2, 1}, {0x1e9e, 0x1e9e, 1, -7615}, {0x1ea0, 0x1efe, 2, 1},
    {0x1f08, 0x1f0f, 1, -8}, {0x1f18, 0x1f1d, 1, -8}, {0x1f28, 0x1f2f, 1, -8},
    {0x1f38, 0x1f3f, 1, -8}, {0x1f48, 0x1f4d, 1, -8}, {0x1f59, 0x1f5f, 2, -8},
    {0x1f68, 0x1f6f, 1, -8}, {0x1f88, 0x1f8f, 1, -8}, {0x1f98, 0x1f9f, 1, -8},
    {0x1fa8, 0x1faf, 1, -8}, {0x1fb8, 0x1fb9, 1, -8}, {0x1fba, 0x1fbb, 1, -74},
    {0x1fbc, 0x1fbc, 1, -9}, {0x1fc8, 0x1fcb, 1, -86}, {0x1fcc, 0x1fcc, 1, -9},
    {0x1fd8, 0x1fd9, 1, -8}, {0x1fda, 0x1fdb, 1, -100}, {0x1fe8, 0x1fe9, 1, -8},
    {0x1fea, 0x1feb, 1, -112}, {0x1fec, 0x1fec, 1, -7}, {0x1ff8, 0x1ff9, 1, -128},
    {0x1ffa, 0x1ffb, 1, -126}, {0x1ffc, 0x1ffc, 1, -9}, {0x2126, 0x2126, 1, -7517},
    {0x212a, 0x212a, 1, -8383}, {0x212b, 0x212b, 1, -8262}, {0x2132, 0x2132, 1, 28},
    {0x2160, 0x216f, 1, 16}, {0x2183, 0x2183, 1, 1}, {0x24b6, 0x24cf, 1, 26},
    {0x2c00, 0x2c2f, 1, 48}, {0x2c60, 0x2c60, 1, 1}, {0x2c62, 0x2c62, 1, -10743},
    {0x2c63, 0x2c63, 1, -3814}, {0x2c64, 0x2c64, 1, -10727}, {0x2c67, 0x2c6b, 2, 1},
    {0x2c6d, 0x2c6d, 1, -10780}, {0x2c6e, 0x2c6e, 1, -10749}, {0x2c6f, 0x2c6f, 1, -10783},
    {0x2c70, 0x2c70, 1, -10782}, {0x2c72, 0x2c72, 1, 1}, {0x2c75, 0x2c75, 1, 1},
    {0x2c7e, 0x2c7f, 1, -10815}, {0x2c80, 0x2ce2, 2, 1}, {0x2ceb, 0x2ced, 2, 1},
    {0x2cf2, 0x2cf2, 1, 1}, {0xa640, 0xa66c, 2, 1}, {0xa680, 0xa69a, 2, 1}, {0xa722, 0xa72e, 2, 1},
    {0xa732, 0xa76e, 2, 1}, {0xa779, 0xa77b, 2, 1}, {0xa77d, 0xa77d, 1, -35332},
    {0xa77e, 0xa786, 2, 1}, {0xa78b, 0xa78b, 1, 1}, {0xa78d, 0xa78d, 1, -42280},
    {0xa790, 0xa792, 2, 1}, {0xa796, 0xa7a8, 2, 1}, {0xa7aa, 0xa7aa, 1, -42308},
    {0xa7ab, 0xa7ab, 1, -42319}, {0xa7ac, 0xa7ac, 1, -42315}, {0xa7ad, 0xa7ad, 1, -42305},
    {0xa7ae, 0xa7ae, 1, -42308}, {0xa7b0, 0xa7b0, 1, -42258}, {0xa7b1, 0xa7b1, 1, -42282},
    {0xa7b2, 0xa7b2, 1, -42261}, {0xa7b3, 0xa7b3, 1, 928}, {0xa7b4, 0xa7c2, 2, 1},
    {0xa7c4, 0xa7c4, 1, -48}, {0xa7c5, 0xa7c5, 1, -42307}, {0xa7c6, 0xa7c6, 1, -35384},
    {0xa7c7, 0xa7c9, 2, 1}, {0xa7d0, 0xa7d0, 1, 1}, {0xa7d6, 0xa7d8, 2, 1}, {0xa7f5, 0xa7f5, 1, 1},
    {0xff21, 0xff3a, 1, 32}, {0x10400, 0x10427, 1, 40}, {0x104b0, 0x104d3, 1, 40},
    {0x10570, 0x1057a, 1, 39}, {0x1057c, 0x1058a, 1, 39}, {0x1058c, 0x10592, 1, 39},
    {0x10594, 0x10595, 1, 39}, {0x10c80, 0x10cb2, 1, 64}, {0x118a0, 0x118bf, 1, 32},
    {0x16e40, 0x16e5f, 1, 32}, {0x1e900, 0x1e921, 1, 34},
};
/* Letters that begin a word otherwise than by letter_upper, from Python's str.capitalize. */
static const struct title {
    uint32_t code, title[3];
} TITLES[] = {
    {0xb5, {0x39c}}, {0xdf, {0x53, 0x73}}, {0x131, {0x49}}, {0x149, {0x2bc, 0x4e}}, {0x17f, {0x53}},
    {0x1c4, {0x1c5}}, {0x1c6, {0x1c5}}, {0x1c7, {0x1c8}}, {0x1c9, {0x1c8}}, {0x1ca, {0x1cb}},
    {0x1cc, {0x1cb}}, {0x1f0, {0x4a, 0x30c}}, {0x1f1, {0x1f2}}, {0x1f3, {0x1f2}}, {0x345, {0x399}},
    {0x390, {0x399, 0x308, 0x301}}, {0x3b0, {0x3a5, 0x308, 0x301}}, {0x3d0, {0x392}},
    {0x3d1, {0x398}}, {0x3d5, {0x3a6}}, {0x3d6, {0x3a0}}, {0x3f0, {0x39a}}, {0x3f1, {0x3a1}},
    {0x3f5, {0x395}}, {0x587, {0x535, 0x582}}, {0x1c80, {0x412}}, {0x1c81, {0x414}},
    {0x1c82, {0x41e}}, {0x1c83, {0x421}}, {0x1c84, {0x422}}, {0x1c85, {0x422}}, {0x1c86, {0x42a}},
    {0x1c87, {0x462}}, {0x1c88, {0xa64a}}, {0x1e96, {0x48, 0x331}}, {0x1e97, {0x54, 0x308}},
    {0x1e98, {0x57, 0x30a}}, {0x1e99, {0x59, 0x30a}}, {0x1e9a, {0x41, 0x2be}}, {0x1e9b, {0x1e60}},
    {0x1f50, {0x3a5, 0x313}}, {0x1f52, {0x3a5, 0x313, 0x300}}, {0x1f54, {0x3a5, 0x313, 0x301}},
    {0x1f56, {0x3a5, 0x313, 0x342}}, {0x1fb2, {0x1fba, 0x345}}, {0x1fb4, {0x386, 0x345}},
    {0x1fb6, {0x391, 0x342}}, {0x1fb7, {0x391, 0x342, 0x345}}, {0x1fbe, {0x399}},
    {0x1fc2, {0x1fca, 0x345}}, {0x1fc4, {0x389, 0x345}}, {0x1fc6, {0x397, 0x342}},
    {0x1fc7, {0x397, 0x342, 0x345}}, {0x1fd2, {0x399, 0x308, 0x300}},
    {0x1fd3, {0x399, 0x308, 0x301}}, {0x1fd6, {0x399, 0x342}}, {0x1fd7, {0x399, 0x308, 0x342}},
    {0x1fe2, {0x3a5, 0x308, 0x300}}, {0x1fe3, {0x3a5, 0x308, 0x301}}, {0x1fe4, {0x3a1, 0x313}},
    {0x1fe6, {0x3a5, 0x342}}, {0x1fe7, {0x3a5, 0x308, 0x342}}, {0x1ff2, {0x1ffa, 0x345}},
    {0x1ff4, {0x38f, 0x345}}, {0x1ff6, {0x3a9, 0x342}}, {0x1ff7, {0x3a9, 0x342, 0x345}},
    {0xfb00, {0x46, 0x66}}, {0xfb01, {0x46, 0x69}}, {0xfb02, {0x46, 0x6c}},
    {0xfb03, {0x46, 0x66, 0x69}}, {0xfb04, {0x46, 0x66, 0x6c}}, {0xfb05, {0x53, 0x74}},
    {0xfb06, {0x53, 0x74}}, {0xfb13, {0x544, 0x576}}, {0xfb14, {0x544, 0x565}},
    {0xfb15, {0x544, 0x56b}}, {0xfb16, {0x54e, 0x576}}, {0xfb17, {0x544, 0x56d}},
};
/* clang-format on */
enum {
    N_TITLES = COUNT_OF(TITLES),
    N_RUNS = COUNT_OF(RUNS),
    CAPITAL_SIGMA = 0x3a3,
    FINAL_SIGMA = 0x3c2,
    DOTTED_CAPITAL_I = 0x130
};

uint32_t letter_lower(uint32_t code)
{
    size_t low = 0, high = N_RUNS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct run *run = &RUNS[middle];
        if (code > run->last) low = middle + 1;
        else if (code < run->first) high = middle;
        else return (code - run->first) % run->step ? code : (uint32_t)((int64_t)code + run->delta);
    }
    return code;
}

uint32_t letter_upper(uint32_t code)
{
    if (code == FINAL_SIGMA) return CAPITAL_SIGMA;
    for (size_t i = 0; i < N_RUNS; i++) {
        const struct run *run = &RUNS[i];
        uint32_t capital = (uint32_t)((int64_t)code - run->delta);
        bool is_in_run = capital >= run->first && capital <= run->last;
        if (is_in_run && (capital - run->first) % run->step == 0) return capital;
    }
    return code;
}

/* Greek letters, and others that have two cases: enough to see whether a sigma ends its word. */
static bool is_cased(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || letter_lower(code) != code ||
           (code >= 0xdf && code <= 0x24f && code != 0xf7) || (code >= 0x386 && code <= 0x52f) ||
           (code >= 0x1f00 && code <= 0x1fff);
}

/* Signs within and above words, which do not end them: those of Latin and Greek texts. */
static bool is_passed_over(uint32_t code)
{
    static const uint32_t signs[] = {'\'',  '.',    ':',    '^',    '`',   0xa8,  0xad,
                                     0xaf,  0xb4,   0xb7,   0xb8,   0x37a, 0x384, 0x385,
                                     0x387, 0x2018, 0x2019, 0x2024, 0x2027};
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (code == signs[i]) return true;
    return code >= 0x2b0 && code <= 0x36f;
}

/* Whether the text begins with a letter, after signs. */
static bool goes_on(const char *text, size_t n_bytes)
{
    uint32_t code = 0;
    for (size_t at = 0, n; (n = utf8_decode(text + at, n_bytes - at, &code, NULL)); at += n)
        if (!is_passed_over(code)) return is_cased(code);
    return false;
}

static void lower_from(struct buf *out, const char *text, size_t n_bytes, bool after_letter)
{
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        bool valid;
        char bytes[4];
        n = utf8_decode(text + at, n_bytes - at, &code, &valid);
        if (!valid) buf_append(out, text + at, n);
        else if (code == DOTTED_CAPITAL_I) buf_text(out, "i\xcc\x87");
        else if (code == CAPITAL_SIGMA && after_letter && !goes_on(text + at + n, n_bytes - at - n))
            buf_text(out, "\xcf\x82");
        else buf_append(out, bytes, utf8_encode(letter_lower(code), bytes));
        if (!valid || !is_passed_over(code)) after_letter = valid && is_cased(code);
    }
}

void letter_lower_text(struct buf *out, const char *text, size_t n_bytes)
{
    lower_from(out, text, n_bytes, false);
}

/* Appends what a word begins with for this letter. */
static void append_title(struct buf *out, uint32_t code)
{
    char bytes[4];
    size_t i = 0;
    while (i < N_TITLES && TITLES[i].code != code) i++;
    if (i < N_TITLES) {
        for (size_t k = 0; k < 3 && TITLES[i].title[k]; k++)
            buf_append(out, bytes, utf8_encode(TITLES[i].title[k], bytes));
        return;
    }
    bool is_georgian = code >= 0x10d0 && code <= 0x10ff; /* they have capitals, and no title form */
    buf_append(out, bytes, utf8_encode(is_georgian ? code : letter_upper(code), bytes));
}

void letter_capitalize_text(struct buf *out, const char *text, size_t n_bytes)
{
    uint32_t code;
    bool valid;
    size_t n = utf8_decode(text, n_bytes, &code, &valid);
    if (!n) return;
    if (valid) append_title(out, code);
    else buf_append(out, text, n);
    lower_from(out, text + n, n_bytes - n, valid && is_cased(code) && !is_passed_over(code));
}

bool letter_is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85 ||
           code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

/* The next word from *at on, whose length is *n, 0 at the end; *at moves behind it. */
static const char *next_word(const char **at, size_t *n)
{
    uint32_t code;
    size_t n_bytes;
    while ((n_bytes = utf8_decode(*at, strnlen(*at, 4), &code, NULL)) && letter_is_space(code))
        *at += n_bytes;
    const char *word = *at;
    while ((n_bytes = utf8_decode(*at, strnlen(*at, 4), &code, NULL)) && !letter_is_space(code))
        *at += n_bytes;
    *n = (size_t)(*at - word);
    return word;
}

/* Whether the text begins with all of these words. */
static bool begins_with_words(const char *text, const char *words)
{
    for (;;) {
        size_t n_mine, n_theirs;
        const char *mine = next_word(&text, &n_mine), *theirs = next_word(&words, &n_theirs);
        if (!n_theirs) return true;
        if (n_mine != n_theirs || memcmp(mine, theirs, n_mine) != 0) return false;
    }
}

bool letter_same_words(const char *a, const char *b)
{
    return begins_with_words(a, b) && begins_with_words(b, a);
}

bool letter_has_words(const char *text, const char *words)
{
    const char *at = words;
    size_t n;
    next_word(&at, &n);
    if (!n) return false;
    while (*text) {
        if (begins_with_words(text, words)) return true;
        next_word(&text, &n);
    }
    return false;
}

const char *letter_strip(const char *text, size_t *n_bytes, bool end)
{
    size_t begin = *n_bytes, last = 0;
    for (size_t at = 0, n; at < *n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text + at, *n_bytes - at, &code, NULL);
        if (letter_is_space(code)) continue;
        if (begin == *n_bytes) begin = at;
        last = at + n;
    }
    *n_bytes = (end && begin < last ? last : *n_bytes) - begin;
    return text + begin;
}
