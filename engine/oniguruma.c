/* oniguruma.c - see oniguruma.h. The syntax is Ruby's, which `tokenizers` asks for (Oniguruma's
 * doc/RE): what both libraries read alike is copied, what they read otherwise is written out.
 *
 *   \s{2,}[^\s\p{L}]$   becomes   [\p{Z}\t-\r\x85]{2,}[^\p{Z}\t-\r\x85\p{L}](?m:$)
 */
#include "engine/oniguruma.h"

#include "engine/pre_types.h"

#include <string.h>

/* Outside of classes Oniguruma looks up what is below U+0100 in a table that has superscripts and
 * fractions, too. */
#define LONE_WORD ONIGURUMA_WORD "\\xb2\\xb3\\xb9\\xbc-\\xbe"

static bool refuse(const char *what, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "not supported yet: %s in a regular expression", what);
}

/* The escape at *at, which stands behind its backslash; *at moves past it. */
static bool translate_escape(const char **at, bool in_class, struct buf *out, struct err *err)
{
    static const char AS_THEY_ARE[] = "pPdDtrnfaexAzZ0123456789";
    char c = *(*at)++;
    bool is_word = ((unsigned char)c | 0x20) == 'w', is_negative = c == 'S' || c == 'W';
    if (!c) return err_set(err, ERR_INPUT, "a regular expression ends in a backslash");
    if (((unsigned char)c | 0x20) == 's' || is_word) {
        /* Within a class the native one, which calls U+180E white space; there is no other. */
        if (in_class && is_negative && is_word) return refuse("\\W in a class", err);
        if (in_class && is_negative) return buf_text(out, "\\S"), true;
        if (in_class) buf_text(out, is_word ? ONIGURUMA_WORD : PRE_TYPE_SPACE);
        else
            buf_printf(out, "[%s%s]", is_negative ? "^" : "", is_word ? LONE_WORD : PRE_TYPE_SPACE);
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

/* Whether a sign behind a counted repetition would make it possessive, where Ruby reads another
 * repetition. */
static bool is_counted_plus(const char *expression, const char *at)
{
    const char *begin = at;
    if (*at != '+' || at == expression || at[-1] != '}') return false;
    for (begin -= 2; begin > expression && strchr("0123456789,", *begin);) begin--;
    return *begin == '{' && begin + 2 < at && (begin == expression || begin[-1] != 'p');
}

/* What both libraries take but read otherwise, at a sign outside of classes; NULL: nothing. */
static const char *find_other_meaning(const char *expression, const char *at)
{
    if (is_counted_plus(expression, at)) return "\"}+\"";
    if (strncmp(at, "{,", 2) == 0) return "\"{,\"";
    if (strncmp(at, "(?", 2) != 0) return NULL;
    const char *letters = at + 2;
    size_t n = strspn(letters, "abcdefghijklmnopqrstuvwxyz-");
    bool is_option = n && (letters[n] == ':' || letters[n] == ')');
    return is_option && strspn(letters, "i-") < n ? "an option other than (?i)" : NULL;
}

/* A sign within a class, behind the [ and the ^ that it may begin with. */
static bool translate_in_class(char c, const char *at, struct buf *out, struct err *err)
{
    if (c == '[' && *at == ':') return refuse("a POSIX class", err);
    if (c == '[') return refuse("a class within a class", err);
    if (c == '&' && *at == '&') return refuse("an intersection of classes", err);
    return buf_char(out, c), true;
}

bool oniguruma_translate(const char *expression, struct buf *out, struct err *err)
{
    const char *class_begin = NULL; /* of the class that at is in */
    for (const char *at = expression; *at;) {
        char c = *at++;
        const char *other = class_begin ? NULL : find_other_meaning(expression, at - 1);
        if (other) return refuse(other, err);
        if (c == '\\') {
            if (!translate_escape(&at, class_begin != NULL, out, err)) return false;
        } else if (class_begin) {
            if (!translate_in_class(c, at, out, err)) return false;
            if (c == ']' && at - 1 > class_begin) class_begin = NULL;
        } else if (c == '^' || c == '$') {
            buf_printf(out, "(?m:%c)", c); /* the ends of every line */
        } else {
            if (c == '[') class_begin = at + (*at == '^');
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
