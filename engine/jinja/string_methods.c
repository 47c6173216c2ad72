/* string_methods.c - the methods of Python's str that search, cut, join and pad.
 *
 * Positions are those of characters. A method of markup gives markup, whose text that comes from
 * outside is escaped. Methods that need tables of Unicode which phibench does not have, and those
 * that templates do not use, are rows without a function. Case is in string_case.c.
 */
#include "engine/jinja/render.h"
#include "engine/jinja/strings.h"

#include "base/letter_case.h"
#include "base/utf8.h"

#include <string.h>

bool jinja_give(struct jinja_invocation *call, const char *bytes, size_t n_bytes)
{
    if (!jinja_text_of(call->run, bytes, n_bytes, call->out)) return false;
    call->out->is_markup = call->self.is_markup;
    return true;
}

bool jinja_give_buffer(struct jinja_invocation *call, struct buf *text)
{
    if (!jinja_text_take(call->run, text, call->out)) return false;
    call->out->is_markup = call->self.is_markup;
    return true;
}

static bool push_piece(struct jinja_invocation *call, const char *bytes, size_t n_bytes)
{
    struct jinja_value piece;
    if (!jinja_text_of(call->run, bytes, n_bytes, &piece)) return false;
    piece.is_markup = call->self.is_markup;
    return jinja_list_push(call->run, call->out->list, piece);
}

/* ---- strip */

static bool holds(const struct jinja_text *chars, const char *bytes, size_t n_bytes)
{
    if (chars) return memmem(chars->bytes, chars->n_bytes, bytes, n_bytes);
    uint32_t code;
    utf8_decode(bytes, n_bytes, &code, NULL);
    return letter_is_space(code);
}

static size_t last_char_bytes(const char *bytes, size_t n_bytes)
{
    for (size_t n = 1; n <= 4 && n <= n_bytes; n++) {
        uint32_t code;
        bool valid;
        if (utf8_decode(bytes + n_bytes - n, n, &code, &valid) == n && valid) return n;
    }
    return 1;
}

/* The variant says which ends: 1 the left, 2 the right, 3 both. */
static bool strip(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text, *chars = NULL;
    if (jinja_is_given(call, 0) && !jinja_string_argument(call, 0, &chars)) return false;
    const char *at = text->bytes;
    size_t n = text->n_bytes;
    if (!jinja_charge(call->run, chars ? n + chars->n_bytes * 8 : n)) return false;
    while (n && call->builtin->variant & 1) {
        uint32_t code;
        size_t n_first = utf8_decode(at, n, &code, NULL);
        if (!holds(chars, at, n_first)) break;
        at += n_first;
        n -= n_first;
    }
    while (n && call->builtin->variant & 2) {
        size_t n_last = last_char_bytes(at, n);
        if (!holds(chars, at + n - n_last, n_last)) break;
        n -= n_last;
    }
    return jinja_give(call, at, n);
}

/* ---- split */

static bool reverse_pieces(struct jinja_list *list)
{
    for (size_t i = 0; i < list->n / 2; i++) {
        struct jinja_value other = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = other;
    }
    return true;
}

static bool split_space(struct jinja_invocation *call, int64_t most)
{
    const char *at = call->self.text->bytes;
    size_t n = call->self.text->n_bytes;
    at = letter_strip(at, &n, false);
    while (n) {
        size_t end = 0;
        uint32_t code;
        while (end < n) {
            size_t n_char = utf8_decode(at + end, n - end, &code, NULL);
            if (letter_is_space(code)) break;
            end += n_char;
        }
        if (most-- == 0) end = n;
        if (!push_piece(call, at, end)) return false;
        at += end;
        n -= end;
        at = letter_strip(at, &n, false);
    }
    return true;
}

/* The length without white space, or without anything else, at the end. */
static size_t without_end(const char *bytes, size_t n, bool of_space)
{
    while (n) {
        uint32_t code;
        size_t n_last = last_char_bytes(bytes, n);
        utf8_decode(bytes + n - n_last, n_last, &code, NULL);
        if (letter_is_space(code) != of_space) break;
        n -= n_last;
    }
    return n;
}

static bool rsplit_space(struct jinja_invocation *call, int64_t most)
{
    const char *bytes = call->self.text->bytes;
    size_t n = call->self.text->n_bytes;
    while ((n = without_end(bytes, n, true))) {
        size_t begin = most-- == 0 ? 0 : without_end(bytes, n, false);
        if (!push_piece(call, bytes + begin, n - begin)) return false;
        n = begin;
    }
    return true;
}

static bool split_at(struct jinja_invocation *call, const struct jinja_text *separator,
                     int64_t most)
{
    const char *at = call->self.text->bytes, *found;
    size_t n = call->self.text->n_bytes;
    while (most-- != 0 && (found = memmem(at, n, separator->bytes, separator->n_bytes))) {
        if (!push_piece(call, at, (size_t)(found - at))) return false;
        n -= (size_t)(found - at) + separator->n_bytes;
        at = found + separator->n_bytes;
    }
    return push_piece(call, at, n);
}

/* The last place of the needle; NULL: none. */
static const char *find_last(const char *bytes, size_t n, const struct jinja_text *needle)
{
    for (size_t at = n >= needle->n_bytes ? n - needle->n_bytes + 1 : 0; at-- > 0;)
        if (memcmp(bytes + at, needle->bytes, needle->n_bytes) == 0) return bytes + at;
    return NULL;
}

static bool rsplit_at(struct jinja_invocation *call, const struct jinja_text *separator,
                      int64_t most)
{
    const char *bytes = call->self.text->bytes, *found;
    size_t n = call->self.text->n_bytes;
    while (most-- != 0 && (found = find_last(bytes, n, separator))) {
        const char *piece = found + separator->n_bytes;
        if (!push_piece(call, piece, n - (size_t)(piece - bytes))) return false;
        n = (size_t)(found - bytes);
    }
    return push_piece(call, bytes, n);
}

/* split and, as the variant, rsplit. */
static bool split(struct jinja_invocation *call)
{
    const struct jinja_text *separator = NULL;
    int64_t most;
    bool is_right = call->builtin->variant;
    if ((jinja_is_given(call, 0) && !jinja_string_argument(call, 0, &separator)) ||
        !jinja_integer_argument(call, 1, -1, &most) ||
        !jinja_list_new(call->run, JINJA_LIST, 0, call->out) ||
        !jinja_charge(call->run, call->self.text->n_bytes))
        return false;
    if (separator && !separator->n_bytes)
        return jinja_fail(call->run, "\"%s\" takes a separator that is not empty",
                          call->builtin->name);
    bool ok = separator  ? (is_right ? rsplit_at : split_at)(call, separator, most)
              : is_right ? rsplit_space(call, most)
                         : split_space(call, most);
    return ok && (!is_right || reverse_pieces(call->out->list));
}

static bool is_line_end(uint32_t code)
{
    return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
           code == 0x2028 || code == 0x2029;
}

size_t jinja_line_bytes(const char *bytes, size_t n_bytes, size_t *n_end)
{
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(bytes + at, n_bytes - at, &code, NULL);
        if (!is_line_end(code)) continue;
        *n_end = code == '\r' && at + 1 < n_bytes && bytes[at + 1] == '\n' ? 2 : n;
        return at;
    }
    *n_end = 0;
    return n_bytes;
}

static bool splitlines(struct jinja_invocation *call)
{
    const char *at = call->self.text->bytes;
    size_t n = call->self.text->n_bytes, n_end;
    bool keeps = jinja_truth_argument(call, 0, false);
    if (!jinja_list_new(call->run, JINJA_LIST, 0, call->out)) return false;
    while (n) {
        size_t n_line = jinja_line_bytes(at, n, &n_end);
        if (!push_piece(call, at, n_line + (keeps ? n_end : 0))) return false;
        at += n_line + n_end;
        n -= n_line + n_end;
    }
    return true;
}

/* partition and, as the variant, rpartition. */
static bool partition(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text, *separator;
    if (!jinja_string_argument(call, 0, &separator) ||
        !jinja_list_new(call->run, JINJA_TUPLE, 3, call->out))
        return false;
    if (!separator->n_bytes) return jinja_fail(call->run, "the separator is empty");
    bool is_right = call->builtin->variant;
    const char *found =
        is_right ? find_last(text->bytes, text->n_bytes, separator)
                 : memmem(text->bytes, text->n_bytes, separator->bytes, separator->n_bytes);
    const char *end = text->bytes + text->n_bytes;
    const char *left_end = found ? found : is_right ? text->bytes : end;
    const char *right = found ? found + separator->n_bytes : left_end;
    return push_piece(call, text->bytes, (size_t)(left_end - text->bytes)) &&
           push_piece(call, left_end, (size_t)(right - left_end)) &&
           push_piece(call, right, (size_t)(end - right));
}

/* ---- searching */

/* The part of the text that the arguments `start` and `end` leave; *first: index of its first
 * character. False: the part does not exist. */
static bool take_part(struct jinja_invocation *call, int i_start, struct jinja_text *part,
                      int64_t *first, bool *exists)
{
    const struct jinja_text *text = call->self.text;
    int64_t n = (int64_t)text->n_chars, start = 0, end = n;
    if ((jinja_is_given(call, i_start) && !jinja_integer_argument(call, i_start, 0, &start)) ||
        (jinja_is_given(call, i_start + 1) && !jinja_integer_argument(call, i_start + 1, n, &end)))
        return false;
    if (start < 0) start = start < -n ? 0 : start + n;
    if (end < 0) end = end < -n ? 0 : end + n;
    if (end > n) end = n;
    *exists = start <= end;
    *first = start;
    if (!*exists) return true;
    size_t begin = jinja_text_offset(text, (size_t)start);
    size_t last = jinja_text_offset(text, (size_t)end);
    *part = (struct jinja_text){text->bytes + begin, last - begin, (size_t)(end - start)};
    return jinja_charge(call->run, 2 * text->n_bytes);
}

enum search { SEARCH_LAST = 1, SEARCH_MUST_FIND = 2 };

/* find, rfind, index, rindex by the variant. */
static bool find(struct jinja_invocation *call)
{
    const struct jinja_text *needle;
    struct jinja_text part;
    int64_t first;
    bool exists;
    if (!jinja_string_argument(call, 0, &needle) || !take_part(call, 1, &part, &first, &exists))
        return false;
    const char *found = NULL;
    if (exists)
        found = call->builtin->variant & SEARCH_LAST
                    ? find_last(part.bytes, part.n_bytes, needle)
                    : memmem(part.bytes, part.n_bytes, needle->bytes, needle->n_bytes);
    if (!found && call->builtin->variant & SEARCH_MUST_FIND)
        return jinja_fail(call->run, "the text is not found");
    size_t n_before = found ? utf8_count(part.bytes, (size_t)(found - part.bytes)) : 0;
    *call->out = jinja_integer(found ? first + (int64_t)n_before : -1);
    return true;
}

static bool count(struct jinja_invocation *call)
{
    const struct jinja_text *needle;
    struct jinja_text part;
    int64_t first, n = 0;
    bool exists;
    if (!jinja_string_argument(call, 0, &needle) || !take_part(call, 1, &part, &first, &exists))
        return false;
    if (exists && !needle->n_bytes) n = (int64_t)part.n_chars + 1;
    const char *found;
    while (exists && needle->n_bytes &&
           (found = memmem(part.bytes, part.n_bytes, needle->bytes, needle->n_bytes))) {
        n++;
        part.n_bytes -= (size_t)(found - part.bytes) + needle->n_bytes;
        part.bytes = found + needle->n_bytes;
    }
    *call->out = jinja_integer(n);
    return true;
}

static bool has_affix(const struct jinja_text *text, const struct jinja_text *affix, bool at_end)
{
    return text->n_bytes >= affix->n_bytes &&
           (!affix->n_bytes || memcmp(text->bytes + (at_end ? text->n_bytes - affix->n_bytes : 0),
                                      affix->bytes, affix->n_bytes) == 0);
}

/* startswith and, as the variant, endswith. */
static bool starts_or_ends(struct jinja_invocation *call)
{
    struct jinja_text part;
    int64_t first;
    bool exists, found = false, at_end = call->builtin->variant;
    if (!take_part(call, 1, &part, &first, &exists)) return false;
    struct jinja_list one = {.items = &call->bound[0], .n = 1};
    const struct jinja_list *affixes =
        call->bound[0].kind == JINJA_TUPLE ? call->bound[0].list : &one;
    for (size_t i = 0; i < affixes->n; i++) {
        if (affixes->items[i].kind != JINJA_STRING)
            return jinja_fail(call->run, "\"%s\" takes a string or a tuple of strings",
                              call->builtin->name);
        if (exists && has_affix(&part, affixes->items[i].text, at_end)) found = true;
        if (found) break;
    }
    *call->out = jinja_bool(found);
    return true;
}

/* removeprefix and, as the variant, removesuffix. */
static bool remove_affix(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text, *affix;
    if (!jinja_string_argument(call, 0, &affix)) return false;
    bool at_end = call->builtin->variant;
    size_t n = has_affix(text, affix, at_end) ? affix->n_bytes : 0;
    return jinja_give(call, text->bytes + (at_end ? 0 : n), text->n_bytes - n);
}

/* ---- making */

bool jinja_replace(struct jinja_run *run, const struct jinja_text *text,
                   const struct jinja_text *old, const struct jinja_text *with, int64_t most,
                   struct jinja_value *out)
{
    struct buf result = jinja_buffer(run);
    const char *at = text->bytes, *end = text->bytes + text->n_bytes, *found;
    uint64_t left = most < 0 ? UINT64_MAX : (uint64_t)most;
    if (!jinja_charge(run, text->n_bytes)) return false;
    if (!old->n_bytes) { /* before every character and at the end */
        for (; left && at <= end; left--) {
            uint32_t code;
            buf_append(&result, with->bytes, with->n_bytes);
            if (at == end) {
                at++;
                break;
            }
            size_t n = utf8_decode(at, (size_t)(end - at), &code, NULL);
            buf_append(&result, at, n);
            at += n;
        }
    }
    while (old->n_bytes && left &&
           (found = memmem(at, (size_t)(end - at), old->bytes, old->n_bytes))) {
        buf_append(&result, at, (size_t)(found - at));
        buf_append(&result, with->bytes, with->n_bytes);
        at = found + old->n_bytes;
        left--;
    }
    if (at < end) buf_append(&result, at, (size_t)(end - at));
    return jinja_text_take(run, &result, out);
}

static bool replace(struct jinja_invocation *call)
{
    const struct jinja_text *old;
    struct jinja_value with = call->bound[1];
    int64_t most;
    if (!jinja_string_argument(call, 0, &old) || !jinja_integer_argument(call, 2, -1, &most))
        return false;
    if (with.kind != JINJA_STRING) return jinja_fail(call->run, "\"replace\" takes two strings");
    if (call->self.is_markup && !jinja_escape(call->run, with, &with)) return false;
    if (!jinja_replace(call->run, call->self.text, old, with.text, most, call->out)) return false;
    call->out->is_markup = call->self.is_markup;
    return true;
}

static bool join(struct jinja_invocation *call)
{
    struct jinja_value items;
    struct buf text = jinja_buffer(call->run);
    if (!jinja_collect(call->run, call->bound[0], &items)) return false;
    for (size_t i = 0; i < items.list->n; i++) {
        struct jinja_value item = items.list->items[i];
        bool ok = call->self.is_markup ? jinja_escape(call->run, item, &item)
                                       : item.kind == JINJA_STRING ||
                                             jinja_fail(call->run, "\"join\" takes strings");
        if (!ok) {
            buf_free(&text);
            return false;
        }
        if (i) buf_append(&text, call->self.text->bytes, call->self.text->n_bytes);
        buf_append(&text, item.text->bytes, item.text->n_bytes);
    }
    return jinja_give_buffer(call, &text);
}

enum padding { PAD_LEFT = 1, PAD_RIGHT = 2 };

/* ljust, rjust, center: the variant says where the padding goes. */
static bool pad(struct jinja_invocation *call)
{
    static const struct jinja_text SPACE = {" ", 1, 1};
    const struct jinja_text *text = call->self.text, *fill = &SPACE;
    int64_t width;
    if (!jinja_integer_argument(call, 0, 0, &width) ||
        (call->bound[1].kind != JINJA_MISSING && !jinja_string_argument(call, 1, &fill)))
        return false;
    if (fill->n_chars != 1) return jinja_fail(call->run, "padding takes one character");
    size_t n = width > (int64_t)text->n_chars ? (size_t)width - text->n_chars : 0;
    size_t n_left = call->builtin->variant == PAD_LEFT    ? n
                    : call->builtin->variant == PAD_RIGHT ? 0
                                                          : n / 2 + (n & (size_t)width & 1);
    struct buf out = jinja_buffer(call->run);
    for (size_t i = 0; i < n_left && !out.failed; i++) buf_append(&out, fill->bytes, fill->n_bytes);
    buf_append(&out, text->bytes, text->n_bytes);
    for (size_t i = n_left; i < n && !out.failed; i++) buf_append(&out, fill->bytes, fill->n_bytes);
    return jinja_charge(call->run, n) ? jinja_give_buffer(call, &out) : (buf_free(&out), false);
}

static bool zfill(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    int64_t width;
    if (!jinja_integer_argument(call, 0, 0, &width)) return false;
    bool has_sign = text->n_bytes && (text->bytes[0] == '+' || text->bytes[0] == '-');
    struct buf out = jinja_buffer(call->run);
    buf_append(&out, text->bytes, has_sign);
    for (int64_t i = (int64_t)text->n_chars; i < width && !out.failed; i++) buf_char(&out, '0');
    buf_append(&out, text->bytes + has_sign, text->n_bytes - has_sign);
    return jinja_give_buffer(call, &out);
}

const struct jinja_builtin JINJA_STRING_METHODS[] = {
    {"strip", strip, 0, "/chars", 3},
    {"lstrip", strip, 0, "/chars", 1},
    {"rstrip", strip, 0, "/chars", 2},
    {"split", split, 0, "sep,maxsplit", 0},
    {"rsplit", split, 0, "sep,maxsplit", 1},
    {"splitlines", splitlines, 0, "keepends", 0},
    {"partition", partition, 1, "/sep", 0},
    {"rpartition", partition, 1, "/sep", 1},
    {"find", find, 1, "/sub,start,end", 0},
    {"rfind", find, 1, "/sub,start,end", SEARCH_LAST},
    {"index", find, 1, "/sub,start,end", SEARCH_MUST_FIND},
    {"rindex", find, 1, "/sub,start,end", SEARCH_LAST | SEARCH_MUST_FIND},
    {"count", count, 1, "/sub,start,end", 0},
    {"startswith", starts_or_ends, 1, "/prefix,start,end", 0},
    {"endswith", starts_or_ends, 1, "/suffix,start,end", 1},
    {"removeprefix", remove_affix, 1, "/prefix", 0},
    {"removesuffix", remove_affix, 1, "/suffix", 1},
    {"replace", replace, 2, "/old,new,count", 0},
    {"join", join, 1, "/iterable", 0},
    {"ljust", pad, 1, "/width,fillchar", PAD_RIGHT},
    {"rjust", pad, 1, "/width,fillchar", PAD_LEFT},
    {"center", pad, 1, "/width,fillchar", PAD_LEFT | PAD_RIGHT},
    {"zfill", zfill, 1, "/width", 0},
    {"upper", jinja_upper, 0, "", 0},
    {"lower", jinja_lower, 0, "", 0},
    {"capitalize", jinja_capitalize, 0, "", 0},
    {"title", jinja_title_case, 0, "", 0},
    {"swapcase", jinja_swap_case, 0, "", 0},
    {"isascii", jinja_is_class, 0, "", CLASS_ASCII},
    {"isspace", jinja_is_class, 0, "", CLASS_SPACE},
    {"isdigit", jinja_is_class, 0, "", CLASS_DIGIT},
    {"isdecimal", jinja_is_class, 0, "", CLASS_DIGIT},
    {"isnumeric", jinja_is_class, 0, "", CLASS_DIGIT},
    {"isalpha", jinja_is_class, 0, "", CLASS_LETTER},
    {"isalnum", jinja_is_class, 0, "", CLASS_LETTER_OR_DIGIT},
    {"isupper", jinja_is_cased, 0, "", true},
    {"islower", jinja_is_cased, 0, "", false},
    {"format", jinja_format, 0, "*", 0},
    {"format_map", NULL, 0, "*", 0},
    {"casefold", NULL, 0, "*", 0},
    {"encode", NULL, 0, "*", 0},
    {"expandtabs", NULL, 0, "*", 0},
    {"isidentifier", NULL, 0, "*", 0},
    {"isprintable", NULL, 0, "*", 0},
    {"istitle", NULL, 0, "*", 0},
    {"maketrans", NULL, 0, "*", 0},
    {"translate", NULL, 0, "*", 0},
};
const size_t JINJA_N_STRING_METHODS = sizeof JINJA_STRING_METHODS / sizeof *JINJA_STRING_METHODS;
