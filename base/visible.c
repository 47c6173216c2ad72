/* visible.c - see visible.h. What is hidden is a table of ranges of the Unicode Standard: chapter
 * 23 has the controls, the layout and format characters, and the noncharacters; the bidi controls
 * are those of UAX #9, table 2.
 */
#include "base/visible.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    uint32_t first, last;
} HIDDEN[] = {
    {0x0000, 0x001f},   /* C0 */
    {0x007f, 0x009f},   /* DEL, C1 */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x061c, 0x061c},   /* Arabic letter mark */
    {0x180e, 0x180e},   /* Mongolian vowel separator */
    {0x200b, 0x200f},   /* zero width, marks of direction */
    {0x2028, 0x202e},   /* separators, embeddings and overrides */
    {0x2060, 0x206f},   /* word joiner, isolates */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* interlinear annotation */
    {0xe0000, 0xe007f}, /* tags */
};

bool visible_is_hidden(uint32_t code)
{
    if ((code & 0xfffe) == 0xfffe) return true; /* the two noncharacters that end each plane */
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++)
        if (code >= HIDDEN[i].first && code <= HIDDEN[i].last) return true;
    return false;
}

enum { SHOWN_BYTES = 12 }; /* "\U0010ffff" and its end */

/* Writes what stands for the first character of the text; how many bytes of the text it takes. */
static size_t show_next(const char *text, size_t n_bytes, enum visible_form form,
                        char shown[SHOWN_BYTES])
{
    uint32_t code;
    bool valid;
    size_t n = utf8_decode(text, n_bytes, &code, &valid);
    bool stays = form == VISIBLE_LINES && (code == '\n' || code == '\t');
    if (!valid) snprintf(shown, SHOWN_BYTES, "\\x%02x", (unsigned char)*text);
    else if (stays || !visible_is_hidden(code)) {
        memcpy(shown, text, n);
        shown[n] = 0;
    } else if (code == '\n' || code == '\t' || code == '\r')
        snprintf(shown, SHOWN_BYTES, "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
    else if (code < 0x80) snprintf(shown, SHOWN_BYTES, "\\x%02x", (unsigned)code);
    else snprintf(shown, SHOWN_BYTES, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
    return n;
}

void visible_print(FILE *out, const char *text, size_t n_bytes, enum visible_form form)
{
    char shown[SHOWN_BYTES];
    for (size_t at = 0; at < n_bytes;) {
        at += show_next(text + at, n_bytes - at, form, shown);
        fputs(shown, out);
    }
}

void visible_append(struct buf *out, const char *text, size_t n_bytes, enum visible_form form)
{
    char shown[SHOWN_BYTES];
    for (size_t at = 0; at < n_bytes;) {
        at += show_next(text + at, n_bytes - at, form, shown);
        buf_text(out, shown);
    }
}

void visible_printf(FILE *out, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        fputs(format, out);
        return;
    }
    visible_print(out, text, (size_t)n, VISIBLE_LINES);
    free(text);
}

void visible_write(FILE *out, const char *text, size_t n_bytes)
{
    if (isatty(fileno(out))) visible_print(out, text, n_bytes, VISIBLE_LINES);
    else fwrite(text, 1, n_bytes, out);
}

size_t visible_width(const char *text, size_t n_bytes)
{
    char shown[SHOWN_BYTES];
    size_t width = 0;
    for (size_t at = 0; at < n_bytes;) {
        at += show_next(text + at, n_bytes - at, VISIBLE_LINE, shown);
        width += utf8_count(shown, strlen(shown));
    }
    return width;
}
