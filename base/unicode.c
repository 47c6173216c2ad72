/* unicode.c - see unicode.h; the only file that knows of utf8proc.
 *
 * Most text is in form C already, and most of that is told from its bytes: below U+0300 every code
 * point is composed and combines with nothing before it.
 */
#include "base/unicode.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_below(const char *text, size_t n_bytes, unsigned char lead)
{
    for (size_t i = 0; i < n_bytes; i++)
        if ((unsigned char)text[i] >= lead) return false;
    return true;
}

static bool append_form(enum unicode_form form, const char *text, size_t n_bytes, struct buf *out,
                        struct err *err)
{
    static const utf8proc_option_t OPTIONS[] = {
        [UNICODE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [UNICODE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [UNICODE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [UNICODE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    utf8proc_uint8_t *mapped = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n_bytes,
                                      &mapped, OPTIONS[form]);
    if (n < 0) return err_set(err, ERR_MEMORY, "normalizing a text: %s", utf8proc_errmsg(n));
    buf_append(out, mapped, (size_t)n);
    free(mapped);
    return true;
}

bool unicode_is_surely(enum unicode_form form, const char *text, size_t n_bytes)
{
    enum { LEAD_OF_U0300 = 0xcc, FIRST_NOT_ASCII = 0x80 };
    return is_below(text, n_bytes, form == UNICODE_NFC ? LEAD_OF_U0300 : FIRST_NOT_ASCII);
}

bool unicode_normalize(enum unicode_form form, const char *text, size_t n_bytes, struct buf *out,
                       struct err *err)
{
    bool valid = true;
    if (unicode_is_surely(form, text, n_bytes)) {
        buf_append(out, text, n_bytes);
        return buf_check(out, err);
    }
    for (size_t at = 0, n; at < n_bytes; at += n) {
        n = utf8_run(text + at, n_bytes - at, &valid);
        if (!valid) buf_append(out, text + at, n);
        else if (!append_form(form, text + at, n, out, err)) return false;
    }
    return buf_check(out, err);
}

bool unicode_is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == ' ' || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

/* The symbols that Unicode calls alphabetic: letters in circles and squares. */
static bool is_enclosed_letter(uint32_t code)
{
    return (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
           (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
}

bool unicode_is_word(uint32_t code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return code == 0x200c || code == 0x200d || is_enclosed_letter(code);
    }
}
