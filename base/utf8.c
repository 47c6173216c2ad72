/* utf8.c - see utf8.h. The table of well-formed sequences is that of the Unicode Standard, section
 * 3.9, table 3-7:
 *
 *   00..7F                              U+0000..U+007F
 *   C2..DF 80..BF                       U+0080..U+07FF
 *   E0..EF 80..BF 80..BF                U+0800..U+FFFF    after E0: A0..BF, after ED: 80..9F
 *   F0..F4 80..BF 80..BF 80..BF         U+10000..U+10FFFF after F0: 90..BF, after F4: 80..8F
 *
 * The narrower second bytes are what keeps overlong forms, surrogates and codes past U+10FFFF out.
 */
#include "base/utf8.h"

#include <string.h>

static const uint32_t REPLACEMENT = 0xfffd;

/* Bytes of the sequence that `lead` begins; 0 if none begins with it. */
static size_t sequence_bytes(unsigned char lead)
{
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return 2;
    if (lead < 0xf0) return 3;
    return lead < 0xf5 ? 4 : 0;
}

static bool may_continue(unsigned char lead, size_t i, unsigned char byte)
{
    unsigned char low = 0x80, high = 0xbf;
    if (i == 1) {
        if (lead == 0xe0) low = 0xa0;
        if (lead == 0xed) high = 0x9f;
        if (lead == 0xf0) low = 0x90;
        if (lead == 0xf4) high = 0x8f;
    }
    return byte >= low && byte <= high;
}

/* How many bytes at text are the beginning of, or all of, the sequence that the first one
 * announces. */
static size_t matching_bytes(const unsigned char *text, size_t n_bytes, size_t wanted)
{
    size_t n = 1;
    while (n < wanted && n < n_bytes && may_continue(text[0], n, text[n])) n++;
    return n;
}

size_t utf8_decode(const char *text, size_t n_bytes, uint32_t *code, bool *valid)
{
    if (!n_bytes) return 0;
    const unsigned char *bytes = (const unsigned char *)text;
    size_t wanted = sequence_bytes(bytes[0]);
    bool ok = wanted && matching_bytes(bytes, n_bytes, wanted) == wanted;
    if (valid) *valid = ok;
    if (!ok) {
        *code = REPLACEMENT;
        return 1;
    }
    uint32_t value = wanted == 1 ? bytes[0] : bytes[0] & (0xffu >> (wanted + 1));
    for (size_t i = 1; i < wanted; i++) value = value << 6 | (bytes[i] & 0x3f);
    *code = value;
    return wanted;
}

size_t utf8_encode(uint32_t code, char out[4])
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) code = REPLACEMENT;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> n & 0xf0u) | code);
    return n;
}

bool utf8_is_valid(const char *text, size_t n_bytes)
{
    bool valid = true;
    uint32_t code;
    for (size_t at = 0; valid && at < n_bytes;)
        at += utf8_decode(text + at, n_bytes - at, &code, &valid);
    return valid;
}

size_t utf8_run(const char *text, size_t n_bytes, bool *valid)
{
    size_t at = 0;
    for (bool this_valid; at < n_bytes;) {
        uint32_t code;
        size_t n = utf8_decode(text + at, n_bytes - at, &code, &this_valid);
        if (at && this_valid != *valid) break;
        *valid = this_valid;
        at += n;
    }
    return at;
}

size_t utf8_count(const char *text, size_t n_bytes)
{
    size_t n = 0;
    uint32_t code;
    for (size_t at = 0; at < n_bytes; n++) at += utf8_decode(text + at, n_bytes - at, &code, NULL);
    return n;
}

void utf8_append_valid(struct buf *out, const char *text, size_t n_bytes)
{
    uint32_t code;
    bool valid;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        n = utf8_decode(text + at, n_bytes - at, &code, &valid);
        if (valid) buf_append(out, text + at, n);
        else buf_text(out, "\xef\xbf\xbd");
    }
}

size_t utf8_complete_prefix(const char *text, size_t n_bytes)
{
    const unsigned char *bytes = (const unsigned char *)text;
    /* Only a sequence that begins in the last three bytes can be cut by the end. */
    for (size_t back = 1; back <= 3 && back <= n_bytes; back++) {
        const unsigned char *start = bytes + n_bytes - back;
        size_t wanted = sequence_bytes(start[0]);
        if (wanted > back && matching_bytes(start, back, wanted) == back) return n_bytes - back;
    }
    return n_bytes;
}

static bool begins(const char *text, size_t n_bytes, const char *mark, size_t n_mark)
{
    return n_bytes >= n_mark && !memcmp(text, mark, n_mark);
}

bool utf8_skip_mark(const char **text, size_t *n_bytes, const char *file, struct err *err)
{
    const char *at = *text;
    size_t n = *n_bytes;
    bool is_32 = begins(at, n, "\xff\xfe\0\0", 4) || begins(at, n, "\0\0\xfe\xff", 4);
    bool is_16 = begins(at, n, "\xff\xfe", 2) || begins(at, n, "\xfe\xff", 2);
    if (is_32 || is_16)
        return err_set_at(err, ERR_INPUT, file, 1, 1, "this is a text in UTF-%d: save it as UTF-8",
                          is_32 ? 32 : 16);
    if (begins(at, n, "\xef\xbb\xbf", 3)) {
        *text += 3;
        *n_bytes -= 3;
    }
    return true;
}
