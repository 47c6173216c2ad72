/* secrets.c - see secrets.h. Every secret becomes patterns: itself, its hexadecimal digits, and the
 * characters of base64 that it decides alone at each of the three places it may have in a group. A
 * text is compared with them character by character, each of which may be escaped.
 *
 * Base64 has 6 bits a character: of a secret behind r bytes of something else, r modulo 3 being 1
 * or 2, the first 2 or 3 characters of its groups hold bits of what stands before it, and the last
 * may hold some of what comes after. These are not compared, and go with it.
 */
#include "harness/ask/secrets.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum form { PLAIN, HEX, BASE64 };

struct pattern {
    enum form form;
    char *text;
    size_t n_chars, least; /* least: of its beginning, to be taken for it */
};

/* An escape of an escape is followed so far, or a text of nothing else would take for ever. */
enum { MOST_ESCAPES = 8 };
enum { LEAST_SECRET = 5, LEAST_WORD = 8, LEAST_MASKED = 4, LEAST_ENCODED = 10, BASE64_REST = 3 };

struct secrets {
    struct pattern *patterns;
    size_t n, capacity;
    bool may_begin[256]; /* bytes at which a pattern, or an escape, may begin */
};

/* ---- Patterns ---- */

struct secrets *secrets_new(struct err *err)
{
    struct secrets *secrets = mem_new(1, sizeof *secrets, err);
    for (const char *c = "%\\&*.\xe2"; secrets && *c; c++)
        secrets->may_begin[(unsigned char)*c] = true;
    return secrets;
}

void secrets_free(struct secrets *secrets)
{
    if (!secrets) return;
    for (size_t i = 0; i < secrets->n; i++) free(secrets->patterns[i].text);
    free(secrets->patterns);
    free(secrets);
}

static bool add_pattern(struct secrets *secrets, enum form form, const char *text, size_t n,
                        size_t least, struct err *err)
{
    if (!mem_grow((void **)&secrets->patterns, &secrets->capacity, secrets->n + 1,
                  sizeof *secrets->patterns, 1 << 16, err))
        return false;
    struct buf copy = {0};
    buf_append(&copy, text, n);
    struct pattern *pattern = &secrets->patterns[secrets->n];
    *pattern = (struct pattern){form, buf_take(&copy, err), n, least < n ? least : n};
    if (!pattern->text) return false;
    secrets->n++;
    for (int upper = 0; upper < 2; upper++) {
        int c = (unsigned char)*text;
        secrets->may_begin[form == BASE64 ? c : upper ? toupper(c) : tolower(c)] = true;
    }
    if (form == BASE64 && *text == '+') secrets->may_begin['-'] = true;
    if (form == BASE64 && *text == '/') secrets->may_begin['_'] = true;
    return true;
}

static bool add_hex(struct secrets *secrets, const char *secret, size_t n, struct err *err)
{
    struct buf text = {0};
    for (size_t i = 0; i < n; i++) buf_printf(&text, "%02x", (unsigned char)secret[i]);
    bool ok = buf_check(&text, err) &&
              add_pattern(secrets, HEX, buf_string(&text), text.n_bytes, 2 * LEAST_ENCODED, err);
    buf_free(&text);
    return ok;
}

/* What base64 makes of the secret where n_before bytes of its first group are something else's. */
static bool add_base64(struct secrets *secrets, const char *secret, size_t n, size_t n_before,
                       struct err *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf text = {0};
    unsigned bits = 0;
    int n_bits = 0;
    size_t n_mixed = n_before ? n_before + 1 : 0; /* characters that hold bits of others */
    for (size_t i = 0; i < n_before + n; i++) {
        bits = bits << 8 | (i < n_before ? 0 : (unsigned char)secret[i - n_before]);
        for (n_bits += 8; n_bits >= 6; n_bits -= 6)
            buf_char(&text, digits[bits >> (n_bits - 6) & 63]);
    }
    bool ok = buf_check(&text, err);
    if (ok && text.n_bytes >= n_mixed + LEAST_MASKED)
        ok = add_pattern(secrets, BASE64, buf_string(&text) + n_mixed, text.n_bytes - n_mixed,
                         2 * LEAST_ENCODED, err);
    buf_free(&text);
    return ok;
}

static bool is_worth_hiding(const char *secret, size_t n)
{
    size_t n_letters = 0;
    while (isalpha((unsigned char)secret[n_letters])) n_letters++;
    return n >= LEAST_WORD || (n >= LEAST_SECRET && n_letters < n);
}

bool secrets_add(struct secrets *secrets, const char *secret, struct err *err)
{
    size_t n = secret ? strlen(secret) : 0;
    if (!n || !is_worth_hiding(secret, n)) return true;
    size_t least = n < LEAST_ENCODED + 2 ? n - 2 : LEAST_ENCODED;
    bool ok =
        add_pattern(secrets, PLAIN, secret, n, least, err) && add_hex(secrets, secret, n, err);
    for (size_t before = 0; ok && before < 3; before++)
        ok = add_base64(secrets, secret, n, before, err);
    return ok;
}

/* ---- Characters ---- */

static int hex_value(const char *text, size_t n_digits)
{
    int value = 0;
    for (size_t i = 0; i < n_digits; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isxdigit(c)) return -1;
        value = value * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
    }
    return value;
}

/* %73, and %2573, which is %73 encoded again. */
static size_t read_percent(const char *text, size_t n, int *code)
{
    size_t at = 1;
    while (at + 4 <= n && at < MOST_ESCAPES && !memcmp(text + at, "25", 2) &&
           hex_value(text + at + 2, 2) >= 0)
        at += 2;
    if (at + 2 > n) return 0;
    *code = hex_value(text + at, 2);
    return at + 2;
}

/* \u0073, \x73, \/ and the like, with one backslash or more. */
static size_t read_backslash(const char *text, size_t n, int *code)
{
    size_t at = 0;
    while (at < n && at < MOST_ESCAPES && text[at] == '\\') at++;
    if (at == n) return 0;
    size_t n_digits = text[at] == 'u' ? 4 : text[at] == 'x' ? 2 : 0;
    *code = n_digits ? -1 : (unsigned char)text[at];
    if (n_digits && at + 1 + n_digits <= n) *code = hex_value(text + at + 1, n_digits);
    return at + 1 + n_digits;
}

/* &#115; &#x73; &amp; */
static size_t read_entity(const char *text, size_t n, int *code)
{
    char digits[8] = "";
    const char *end = memchr(text, ';', n < 10 ? n : 10);
    if (!end) return 0;
    size_t length = (size_t)(end - text) + 1;
    if (length == 5 && !memcmp(text, "&amp;", 5)) *code = '&';
    if (length < 4 || text[1] != '#') return length;
    bool is_hex = text[2] == 'x' || text[2] == 'X';
    memcpy(digits, text + 2 + is_hex, length - 3 - is_hex);
    *code = (int)strtol(digits, NULL, is_hex ? 16 : 10);
    return length;
}

/* The length of the escaped character at text[0..n), 0 if there is none. */
static size_t read_escape(const char *text, size_t n, int *code)
{
    *code = -1;
    size_t length = *text == '%'    ? read_percent(text, n, code)
                    : *text == '\\' ? read_backslash(text, n, code)
                    : *text == '&'  ? read_entity(text, n, code)
                                    : 0;
    return *code < 0 ? 0 : length;
}

static bool is_equal(enum form form, int given, int wanted)
{
    if (form != BASE64) return given < 256 && tolower(given) == tolower(wanted);
    if (given == '-') given = '+';
    if (given == '_') given = '/';
    return given == wanted;
}

/* The length of the wanted character at text[0..n), as it is or escaped; 0: another one. */
static size_t match_character(enum form form, const char *text, size_t n, char wanted)
{
    int code;
    if (!n) return 0;
    if (is_equal(form, (unsigned char)*text, (unsigned char)wanted)) return 1;
    size_t length = read_escape(text, n, &code);
    return length && is_equal(form, code, (unsigned char)wanted) ? length : 0;
}

/* ---- Matches ---- */

/* The length of the first characters of a pattern at text[0..n), as many as there are: *n_matched.
 * Hexadecimal digits may stand in groups. */
static size_t match_beginning(const struct pattern *pattern, const char *text, size_t n,
                              size_t *n_matched)
{
    size_t at = 0, i = 0;
    for (size_t length; i < pattern->n_chars; i++, at += length) {
        bool is_gap =
            pattern->form == HEX && i && i % 2 == 0 && at < n && memchr(" :-", text[at], 3);
        length =
            match_character(pattern->form, text + at + is_gap, n - at - is_gap, pattern->text[i]);
        if (!length) break;
        length += is_gap;
    }
    *n_matched = i;
    return at;
}

/* The length of what stands for characters that are not shown: dots, asterisks, ellipses, bullets.
 */
static size_t match_mask(const char *text, size_t n)
{
    static const char *const masks[] = {"*",       ".",       "\u2026",   "\u2022",
                                        "\\u2026", "\\u2022", "&hellip;", "&bull;"};
    size_t at = 0, length;
    do {
        length = 0;
        for (size_t i = 0; !length && i < COUNT_OF(masks); i++) {
            size_t n_mask = strlen(masks[i]);
            if (n - at >= n_mask && !memcmp(text + at, masks[i], n_mask)) length = n_mask;
        }
        at += length;
    } while (length);
    return at >= 2 ? at : 0;
}

/* The length of the longest end of a secret at text[0..n), of `least` characters or more. */
static size_t match_ending(const struct pattern *pattern, const char *text, size_t n, size_t least)
{
    for (size_t skip = 1; skip + least <= pattern->n_chars; skip++) {
        const struct pattern end = {pattern->form, pattern->text + skip, pattern->n_chars - skip,
                                    0};
        size_t n_matched, length = match_beginning(&end, text, n, &n_matched);
        if (n_matched == end.n_chars) return length;
    }
    return 0;
}

static bool is_base64(char c)
{
    return isalnum((unsigned char)c) || memchr("+/-_", c, 4);
}

static size_t match_base64_rest(const char *text, size_t n)
{
    size_t at = 0;
    while (at < n && at < BASE64_REST && is_base64(text[at])) at++;
    while (at < n && text[at] == '=') at++;
    return at;
}

/* How much of text[0..n) is the pattern, whole or in part; 0: nothing. */
static size_t match(const struct pattern *pattern, const char *text, size_t n)
{
    size_t n_matched, length = match_beginning(pattern, text, n, &n_matched);
    if (pattern->form == BASE64)
        return n_matched < pattern->least ? 0
                                          : length + match_base64_rest(text + length, n - length);
    if (n_matched == pattern->n_chars || pattern->form == HEX)
        return n_matched < pattern->least ? 0 : length;
    size_t mask = n_matched < LEAST_MASKED ? 0 : match_mask(text + length, n - length);
    size_t end = length + mask;
    if (mask) return end + match_ending(pattern, text + end, n - end, 1);
    return n_matched < pattern->least ? 0 : length;
}

/* The length of the end of a secret that stands behind a mask at text[0..n). */
static size_t match_masked_ending(const struct secrets *secrets, const char *text, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < secrets->n && !length; i++)
        if (secrets->patterns[i].form == PLAIN)
            length = match_ending(&secrets->patterns[i], text, n, LEAST_MASKED);
    return length;
}

/* What base64 has of a secret before the characters that it decides alone was copied already. */
static void take_back(struct buf *out, size_t n_least)
{
    for (size_t i = 0; i < BASE64_REST && !out->failed && out->n_bytes > n_least; i++) {
        char last = out->data[out->n_bytes - 1];
        if (!is_base64(last)) return;
        out->data[--out->n_bytes] = 0;
    }
}

/* A backslash that made another character of the secret's first one would do so with its stand-in.
 */
static void take_back_escape(struct buf *out, size_t n_least)
{
    size_t n = out->n_bytes;
    while (!out->failed && n > n_least && out->data[n - 1] == '\\') n--;
    if ((out->n_bytes - n) % 2) out->data[--out->n_bytes] = 0;
}

void secrets_redact(const struct secrets *secrets, const char *text, size_t n_bytes,
                    struct buf *out)
{
    size_t kept = out->n_bytes; /* nothing before is taken back */
    for (size_t at = 0; at < n_bytes;) {
        size_t length = 0, i = 0, n_left = n_bytes - at;
        bool may_begin = secrets->may_begin[(unsigned char)text[at]];
        for (; may_begin && !length && i < secrets->n; i++)
            length = match(&secrets->patterns[i], text + at, n_left);
        size_t mask = may_begin && !length ? match_mask(text + at, n_left) : 0;
        if (mask) {
            length = match_masked_ending(secrets, text + at + mask, n_left - mask);
            if (length) length += mask;
        }
        if (!length) {
            size_t n_plain = mask ? mask : 1;
            buf_append(out, text + at, n_plain);
            at += n_plain;
            continue;
        }
        if (!mask && secrets->patterns[i - 1].form == BASE64) take_back(out, kept);
        else take_back_escape(out, kept);
        buf_text(out, SECRET_SHOWN_AS);
        kept = out->n_bytes;
        at += length;
    }
}
