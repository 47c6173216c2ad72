/* unicode.c - see unicode.h; the only file that knows of utf8proc.
 *
 * Most text is in form C already, and most of that is told from its bytes: below U+0300 every code
 * point is composed and combines with nothing before it. utf8proc takes characters apart and puts
 * them together; marks are ordered here, since its way takes time quadratic in their number.
 */
#include "base/unicode.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_below(const char *text, size_t n_bytes, unsigned char lead)
{
    for (size_t i = 0; i < n_bytes; i++)
        if ((unsigned char)text[i] >= lead) return false;
    return true;
}

/* Code points on their way through a form. */
struct codes {
    utf8proc_int32_t *items;
    size_t n, capacity;
};

static bool grow(struct codes *codes, size_t n, struct err *err)
{
    return mem_grow((void **)&codes->items, &codes->capacity, codes->n + n, sizeof *codes->items,
                    SIZE_MAX / sizeof *codes->items, err);
}

/* Appends the text with every character taken apart. */
static bool decompose(const char *text, size_t n_bytes, utf8proc_option_t options,
                      struct codes *codes, struct err *err)
{
    enum { MOST_PARTS = 32 }; /* U+FDFA has 18 */
    for (size_t at = 0; at < n_bytes;) {
        uint32_t code;
        int last = 0;
        at += utf8_decode(text + at, n_bytes - at, &code, NULL);
        if (!grow(codes, MOST_PARTS, err)) return false;
        utf8proc_ssize_t n = utf8proc_decompose_char(
            (utf8proc_int32_t)code, codes->items + codes->n, MOST_PARTS, options, &last);
        if (n < 0 || n > MOST_PARTS)
            return err_set(err, ERR_INPUT, "normalizing a text: U+%04X", (unsigned)code);
        codes->n += (size_t)n;
    }
    return true;
}

static unsigned class_of(utf8proc_int32_t code)
{
    return (unsigned)utf8proc_get_property(code)->combining_class;
}

/* Orders a run of marks by their classes, those of one class as they stand: by counting, since a
 * text may have a million in a row. `spare` has room for them. */
static void order_run(utf8proc_int32_t *run, size_t n, utf8proc_int32_t *spare)
{
    size_t ends[257] = {0};
    for (size_t i = 0; i < n; i++) ends[class_of(run[i]) + 1]++;
    for (size_t i = 1; i < 257; i++) ends[i] += ends[i - 1];
    for (size_t i = 0; i < n; i++) spare[ends[class_of(run[i])]++] = run[i];
    memcpy(run, spare, n * sizeof *run);
}

/* The canonical order of marks (The Unicode Standard, D109). */
static bool order_marks(struct codes *codes, struct err *err)
{
    struct codes spare = {0};
    bool ok = true;
    for (size_t i = 0, n; ok && i < codes->n; i += n) {
        bool is_ordered = true;
        for (n = 0; i + n < codes->n && class_of(codes->items[i + n]); n++)
            if (n && class_of(codes->items[i + n - 1]) > class_of(codes->items[i + n]))
                is_ordered = false;
        if (!is_ordered) {
            ok = grow(&spare, n, err);
            if (ok) order_run(codes->items + i, n, spare.items);
        }
        if (!n) n = 1;
    }
    free(spare.items);
    return ok;
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
    struct codes codes = {0};
    bool ok = decompose(text, n_bytes, OPTIONS[form], &codes, err) && order_marks(&codes, err);
    if (ok && (OPTIONS[form] & UTF8PROC_COMPOSE))
        codes.n =
            (size_t)utf8proc_normalize_utf32(codes.items, (utf8proc_ssize_t)codes.n, OPTIONS[form]);
    for (size_t i = 0; ok && i < codes.n; i++) {
        char character[4];
        buf_append(out, character, utf8_encode((uint32_t)codes.items[i], character));
    }
    free(codes.items);
    return ok;
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

size_t unicode_skip_space(const char *text, size_t n_bytes, size_t at)
{
    for (uint32_t code; at < n_bytes;) {
        size_t n = utf8_decode(text + at, n_bytes - at, &code, NULL);
        if (!unicode_is_space(code)) break;
        at += n;
    }
    return at;
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

bool unicode_is_digit(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_ND;
}
