/* visible.h - text from outside made fit for a terminal, a message or a drawing.
 *
 * Questions, answers, names, vocabularies and what servers say may hold bytes that a terminal obeys
 * (escape sequences), that turn the order of a line round (bidi controls) or that nobody sees (zero
 * width). They are shown as escapes: "\x1b", "\u202e", "\U000e0041"; bytes that are not UTF-8 as
 * "\xff". A backslash in the text stays as it is, so that the escapes are to be read, not to be
 * undone. Files and pipes for programs get the text itself. Thread-safe; allocates only where said.
 */
#ifndef PHIBENCH_BASE_VISIBLE_H
#define PHIBENCH_BASE_VISIBLE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum visible_form {
    VISIBLE_LINE, /* one line: line breaks and tabs become "\n" and "\t" */
    VISIBLE_LINES /* line breaks and tabs stay */
};

/* True for what is not shown as it is: C0 and C1 controls, DEL, bidi controls, zero width
 * characters, line and paragraph separators, tags, and codes that stand for no character. */
bool visible_is_hidden(uint32_t code);

/* Writes text[0..n_bytes) to a stream, without allocating. */
void visible_print(FILE *out, const char *text, size_t n_bytes, enum visible_form form);
void visible_append(struct buf *out, const char *text, size_t n_bytes, enum visible_form form);

/* fprintf whose result is shown as lines. Allocates; out of memory, the format alone is printed. */
void visible_printf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text that programs may read as well: as lines if the stream is a terminal, otherwise as it is. */
void visible_write(FILE *out, const char *text, size_t n_bytes);

/* How many characters the text has as one line. */
size_t visible_width(const char *text, size_t n_bytes);

#endif
