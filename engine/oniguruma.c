/* oniguruma.c - see oniguruma.h. The syntax is Ruby's, which `tokenizers` asks for (Oniguruma's
 * doc/RE): what both libraries read alike is copied, what they read otherwise is written out.
 *
 *   \s{2,}[^\s\p{L}]$   becomes   [\p{Z}\t-\r\x85]{2,}[^\p{Z}\t-\r\x85\p{L}](?m:$)
 */
#include "engine/oniguruma.h"

#include "engine/pre_types.h"

#include <string.h>

#define WORD                                                                                       \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"                    \
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

static bool refuse(const char *what, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: %s in a regular expression", what);
}

/* The escape at *at, which stands behind its backslash; *at moves past it. */
static bool translate_escape(const char **at, bool in_class, struct buf *out, struct err *err)
{
    static const char AS_THEY_ARE[] = "pPdDtrnfaexAzZbB0123456789";
    char c = *(*at)++;
    bool is_word = ((unsigned char)c | 0x20) == 'w', is_negative = c == 'S' || c == 'W';
    if (!c) return err_set(err, ERR_INPUT, "a regular expression ends in a backslash");
    if (((unsigned char)c | 0x20) == 's' || is_word) {
        /* Within a class the native one, which calls U+180E white space; there is no other. */
        if (in_class && is_negative && is_word) return refuse("\\W in a class", err);
        if (in_class && is_negative) return buf_text(out, "\\S"), true;
        buf_printf(out, in_class ? "%s%s" : "[%s%s]", is_negative ? "^" : "",
                   is_word ? WORD : PRE_TYPE_SPACE);
        return true;
    }
    if (c == 'u') {
        if (strspn(*at, "0123456789abcdefABCDEF") < 4)
            return err_set(err, ERR_INPUT, "\\u without four digits in a regular expression");
        buf_printf(out, "\\x{%.4s}", *at);
        *at += 4;
        return true;
    }
    bool is_letter = (((unsigned char)c | 0x20) >= 'a' && ((unsigned char)c | 0x20) <= 'z') ||
                     (c >= '0' && c <= '9');
    if (is_letter && !strchr(AS_THEY_ARE, c)) {
        char what[] = {'\\', c, 0};
        return refuse(what, err);
    }
    buf_printf(out, "\\%c", c);
    return true;
}

/* Whether a possessive sign stands behind a counted repetition, which Ruby reads as another one. */
static bool is_counted_plus(const char *expression, const char *at)
{
    const char *begin = at;
    if (*at != '+' || at == expression || at[-1] != '}') return false;
    for (begin -= 2; begin > expression && strchr("0123456789,", *begin);) begin--;
    return *begin == '{' && begin + 2 < at && (begin == expression || begin[-1] != 'p');
}

bool oniguruma_translate(const char *expression, struct buf *out, struct err *err)
{
    bool in_class = false;
    const char *class_begin = NULL;
    for (const char *at = expression; *at;) {
        char c = *at++;
        if (c == '\\') {
            if (!translate_escape(&at, in_class, out, err)) return false;
        } else if (in_class) {
            if (c == '[' && *at != ':') return refuse("a class within a class", err);
            if (c == '&' && *at == '&') return refuse("an intersection of classes", err);
            if (c == '[') { /* "[:alpha:]" */
                const char *end = strstr(at, ":]");
                if (!end) return err_set(err, ERR_INPUT, "\"[:\" without \":]\"");
                buf_append(out, at - 1, (size_t)(end + 2 - (at - 1)));
                at = end + 2;
                continue;
            }
            if (c == ']' && at - 1 > class_begin) in_class = false;
            buf_char(out, c);
        } else if (c == '[') {
            in_class = true;
            class_begin = at + (*at == '^');
            buf_char(out, c);
        } else if (c == '^' || c == '$') {
            buf_printf(out, "(?m:%c)", c); /* the ends of every line */
        } else {
            if (is_counted_plus(expression, at - 1)) return refuse("\"}+\"", err);
            buf_char(out, c);
        }
    }
    return buf_check(out, err);
}

struct regex *oniguruma_compile(const char *expression, struct err *err)
{
    struct buf translated = {0};
    struct regex *regex = oniguruma_translate(expression, &translated, err)
                              ? regex_new(buf_string(&translated), err)
                              : NULL;
    buf_free(&translated);
    return regex;
}

void oniguruma_quote(const char *text, struct buf *out)
{
    for (; *text; text++) {
        bool is_sign = (unsigned char)*text < 0x80 && strchr("\\^$.|?*+()[]{}-#", *text);
        if (is_sign) buf_char(out, '\\');
        buf_char(out, *text);
    }
}
