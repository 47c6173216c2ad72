/* lexer_literals.c - numbers and strings as Jinja2 reads them: Python's, with its rules for
 * underscores and escapes.
 *
 * Jinja2 gets a string's value by writing all that is not ASCII as an escape and reading the result
 * as Python would; so a backslash before such a character ends up as a backslash and that escape.
 */
#include "engine/jinja/lexer.h"

#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LITERAL_BYTES = 400 };

static bool is_digit_of(char c, int base)
{
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : base;
    return digit < base;
}

/* How many bytes are digits with single underscores between them; leading: also before them. */
static size_t count_digits(const char *bytes, size_t n_bytes, int base, bool leading)
{
    size_t n = 0;
    for (;;) {
        size_t skip = n < n_bytes && bytes[n] == '_' && (n > 0 || leading) ? 1 : 0;
        if (n + skip >= n_bytes || !is_digit_of(bytes[n + skip], base)) return n;
        n += skip + 1;
    }
}

/* The length of a number with a fraction or an exponent at bytes; 0: there is none. */
static size_t count_float(const char *bytes, size_t n_bytes)
{
    size_t whole = count_digits(bytes, n_bytes, 10, false), n = whole;
    if (!whole) return 0;
    if (n < n_bytes && bytes[n] == '.') {
        size_t fraction = count_digits(bytes + n + 1, n_bytes - n - 1, 10, false);
        if (fraction) n += 1 + fraction;
    }
    size_t at = n;
    if (at < n_bytes && (bytes[at] == 'e' || bytes[at] == 'E')) {
        at++;
        if (at < n_bytes && (bytes[at] == '+' || bytes[at] == '-')) at++;
        size_t exponent = count_digits(bytes + at, n_bytes - at, 10, false);
        if (exponent) return at + exponent;
    }
    return n > whole ? n : 0;
}

static size_t count_integer(const char *bytes, size_t n_bytes, int *base)
{
    static const struct {
        char letter;
        int base;
    } PREFIXES[] = {{'b', 2}, {'o', 8}, {'x', 16}};
    *base = 10;
    for (size_t i = 0; i < 3 && n_bytes > 2 && bytes[0] == '0'; i++) {
        if (tolower((unsigned char)bytes[1]) != PREFIXES[i].letter) continue;
        size_t n = count_digits(bytes + 2, n_bytes - 2, PREFIXES[i].base, true);
        if (!n) break;
        *base = PREFIXES[i].base;
        return 2 + n;
    }
    /* A zero is followed by no other digit but zeros. */
    return count_digits(bytes, n_bytes, bytes[0] == '0' ? 1 : 10, false);
}

bool jinja_lex_number(struct jinja_run *run, const char *bytes, size_t n_bytes,
                      struct jinja_token *token)
{
    int base = 10;
    bool after_dot = bytes > run->text && bytes[-1] == '.';
    size_t n = after_dot ? 0 : count_float(bytes, n_bytes);
    token->kind = n ? TOKEN_NUMBER : TOKEN_INTEGER;
    if (!n) n = count_integer(bytes, n_bytes, &base);
    token->n_bytes = n;
    char digits[MOST_LITERAL_BYTES + 1];
    size_t n_digits = 0;
    for (size_t i = base == 10 ? 0 : 2; i < n; i++) {
        if (bytes[i] == '_') continue;
        if (n_digits == MOST_LITERAL_BYTES) return jinja_refuse(run, "a number of this length");
        digits[n_digits++] = bytes[i];
    }
    digits[n_digits] = 0;
    errno = 0;
    if (token->kind == TOKEN_NUMBER) {
        token->value = jinja_number(strtod(digits, NULL));
        return !isinf(token->value.number) ||
               jinja_refuse(run, "the number %s does not fit into 64 bits", digits);
    }
    token->value = jinja_integer(strtoll(digits, NULL, base));
    return errno != ERANGE || jinja_refuse(run, "the integer %s does not fit into 64 bits", digits);
}

/* The character of n hexadecimal digits (octal: at most three, at least one) at bytes. */
static bool read_code(struct jinja_run *run, const char **at, const char *end, int n_digits,
                      struct buf *out)
{
    bool is_octal = n_digits == 0;
    int base = is_octal ? 8 : 16, n = 0;
    uint32_t code = 0;
    while (n < (is_octal ? 3 : n_digits) && *at < end && is_digit_of(**at, base)) {
        int digit = **at <= '9' ? **at - '0' : tolower((unsigned char)**at) - 'a' + 10;
        code = code * (uint32_t)base + (uint32_t)digit;
        (*at)++;
        n++;
    }
    if (!is_octal && n < n_digits) return jinja_fail(run, "an escape of %d digits", n_digits);
    if (code > 0x10ffff) return jinja_fail(run, "an escape of no character");
    if (code >= 0xd800 && code <= 0xdfff) return jinja_refuse(run, "half a surrogate pair");
    char bytes[4];
    buf_append(out, bytes, utf8_encode(code, bytes));
    return true;
}

/* The escape after a backslash. */
static bool read_escape(struct jinja_run *run, const char **at, const char *end, struct buf *out)
{
    static const char PLAIN[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    char c = **at;
    for (const char *pair = PLAIN; *pair; pair += 2) {
        if (c != pair[0]) continue;
        (*at)++;
        return buf_char(out, pair[1]) || true;
    }
    if (c >= '0' && c <= '7') return read_code(run, at, end, 0, out);
    if (c == 'N') return jinja_refuse(run, "a character by its name, \\N,");
    if ((unsigned char)c >= 0x80) {
        uint32_t code;
        *at += utf8_decode(*at, (size_t)(end - *at), &code, NULL);
        buf_char(out, '\\');
        buf_printf(out,
                   code < 0x100     ? "x%02x"
                   : code < 0x10000 ? "u%04x"
                                    : "U%08x",
                   (unsigned)code);
        return true;
    }
    (*at)++;
    if (c == '\n') return true;
    if (c == 'x') return read_code(run, at, end, 2, out);
    if (c == 'u') return read_code(run, at, end, 4, out);
    if (c == 'U') return read_code(run, at, end, 8, out);
    buf_char(out, '\\');
    buf_char(out, c);
    return true;
}

bool jinja_lex_string(struct jinja_run *run, const char *bytes, size_t n_bytes,
                      struct jinja_token *token)
{
    char quote = bytes[0];
    size_t close = 1;
    while (close < n_bytes && bytes[close] != quote) close += bytes[close] == '\\' ? 2 : 1;
    if (close >= n_bytes) return jinja_fail(run, "a string is never closed");
    token->kind = TOKEN_STRING;
    token->n_bytes = close + 1;
    struct buf text = jinja_buffer(run);
    bool ok = true;
    for (const char *at = bytes + 1, *end = bytes + close; ok && at < end;) {
        if (*at != '\\') {
            buf_char(&text, *at++);
        } else {
            at++;
            ok = read_escape(run, &at, end, &text);
        }
    }
    if (ok) return jinja_text_take(run, &text, &token->value);
    buf_free(&text);
    return false;
}
