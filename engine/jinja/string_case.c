/* string_case.c - upper and lower case, and classes of characters.
 *
 * Lower case is Python's. Upper case is its inverse, with the capital of sharp s, which is two
 * letters: docs/jinja.md says for which letters Python's differs. Classes are known for ASCII
 * alone; a character outside it, where it would decide, is refused rather than guessed.
 */
#include "engine/jinja/strings.h"

#include "base/letter_case.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

static const uint32_t SHARP_S = 0xdf;

static void append_code(struct buf *out, uint32_t code)
{
    char bytes[4];
    buf_append(out, bytes, utf8_encode(code, bytes));
}

/* One character at text in upper case, malformed bytes as they are; the number of bytes read. */
static size_t append_upper(struct buf *out, const char *text, size_t n_bytes, bool as_title)
{
    uint32_t code;
    bool valid;
    size_t n = utf8_decode(text, n_bytes, &code, &valid);
    if (!valid) buf_append(out, text, n);
    else if (code == SHARP_S) buf_text(out, as_title ? "Ss" : "SS");
    else append_code(out, letter_upper(code));
    return n;
}

void jinja_append_upper(struct buf *out, const char *bytes, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) at += append_upper(out, bytes + at, n_bytes - at, false);
}

bool jinja_upper(struct jinja_invocation *call)
{
    struct buf out = jinja_buffer(call->run);
    /* Each letter is looked for in a table. */
    if (!jinja_charge(call->run, 16 * call->self.text->n_bytes)) return false;
    jinja_append_upper(&out, call->self.text->bytes, call->self.text->n_bytes);
    return jinja_give_buffer(call, &out);
}

bool jinja_lower(struct jinja_invocation *call)
{
    struct buf out = jinja_buffer(call->run);
    if (!jinja_charge(call->run, 16 * call->self.text->n_bytes)) return false;
    letter_lower_text(&out, call->self.text->bytes, call->self.text->n_bytes);
    return jinja_give_buffer(call, &out);
}

bool jinja_capitalize(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    struct buf out = jinja_buffer(call->run), first = {0}, lower = jinja_buffer(call->run);
    if (!jinja_charge(call->run, 16 * text->n_bytes)) return false;
    size_t n = text->n_bytes ? append_upper(&out, text->bytes, text->n_bytes, true) : 0;
    /* The rest is cut from the whole in lower case, where a sigma knows what stands before it. */
    letter_lower_text(&first, text->bytes, n);
    letter_lower_text(&lower, text->bytes, text->n_bytes);
    if (!lower.failed && !first.failed && lower.n_bytes > first.n_bytes)
        buf_append(&out, lower.data + first.n_bytes, lower.n_bytes - first.n_bytes);
    buf_free(&lower);
    buf_free(&first);
    return jinja_give_buffer(call, &out);
}

static bool is_cased(uint32_t code)
{
    return letter_lower(code) != code || letter_upper(code) != code || code == SHARP_S;
}

/* Letters after what is no letter in upper case, all others in lower case. */
bool jinja_title_case(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    struct buf out = jinja_buffer(call->run);
    if (!jinja_charge(call->run, 32 * text->n_bytes)) return false;
    bool after_letter = false;
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        if (after_letter) letter_lower_text(&out, text->bytes + at, n);
        else append_upper(&out, text->bytes + at, n, true);
        after_letter = is_cased(code);
    }
    return jinja_give_buffer(call, &out);
}

bool jinja_swap_case(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    struct buf out = jinja_buffer(call->run);
    if (!jinja_charge(call->run, 32 * text->n_bytes)) return false;
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        if (letter_lower(code) != code) letter_lower_text(&out, text->bytes + at, n);
        else append_upper(&out, text->bytes + at, n, false);
    }
    return jinja_give_buffer(call, &out);
}

static bool is_of_class(unsigned char c, enum jinja_class class)
{
    switch (class) {
    case CLASS_DIGIT: return isdigit(c);
    case CLASS_LETTER: return isalpha(c);
    case CLASS_LETTER_OR_DIGIT: return isalnum(c);
    default: return true;
    }
}

bool jinja_is_class(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    enum jinja_class class = (enum jinja_class)call->builtin->variant;
    bool holds = text->n_bytes > 0 || class == CLASS_ASCII, is_ascii = true;
    if (!jinja_charge(call->run, text->n_bytes)) return false;
    for (size_t at = 0, n; at < text->n_bytes && holds; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        if (code >= 0x80) is_ascii = false;
        if (class == CLASS_ASCII) holds = is_ascii;
        else if (class == CLASS_SPACE) holds = letter_is_space(code);
        else if (code < 0x80) holds = is_of_class((unsigned char)code, class);
    }
    if (holds && !is_ascii && class >= CLASS_DIGIT)
        return jinja_refuse(call->run, "\"%s\" of a character outside ASCII", call->builtin->name);
    *call->out = jinja_bool(holds);
    return true;
}

bool jinja_is_cased(struct jinja_invocation *call)
{
    const struct jinja_text *text = call->self.text;
    bool wants_upper = call->builtin->variant, has_right = false, has_wrong = false,
         is_ascii = true;
    if (!jinja_charge(call->run, 16 * text->n_bytes)) return false;
    for (size_t at = 0, n; at < text->n_bytes; at += n) {
        uint32_t code;
        n = utf8_decode(text->bytes + at, text->n_bytes - at, &code, NULL);
        bool is_upper = letter_lower(code) != code, is_lower = letter_upper(code) != code;
        if (is_upper || is_lower) *(is_upper == wants_upper ? &has_right : &has_wrong) = true;
        else if (code >= 0x80) is_ascii = false;
    }
    if (!has_wrong && !is_ascii)
        return jinja_refuse(call->run, "\"%s\" of a character outside ASCII", call->builtin->name);
    *call->out = jinja_bool(has_right && !has_wrong);
    return true;
}
