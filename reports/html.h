/* html.h - pieces of an HTML page: escaping, and the frame with its style; and the escaping of
 * Markdown, which may hold HTML.
 *
 * Every text that came from outside goes through html_text or markdown_text.
 * Pure functions on buffers.
 */
#ifndef PHIBENCH_REPORTS_HTML_H
#define PHIBENCH_REPORTS_HTML_H

#include "base/buf.h"

/* Appends text with &, <, >, and quotes as entities; malformed UTF-8 and what visible.h hides, but
 * for white space, become U+FFFD, so that the page is well-formed and in its own order. */
void html_text(struct buf *out, const char *text);

/* Appends text as one line of Markdown that is neither a link, nor code, nor HTML, nor the end of a
 * cell. */
void markdown_text(struct buf *out, const char *text);

/* The page up to and including the opening of main, and its end. No external reference: style is
 * inside, light and dark follow the reader's system. */
void html_begin(struct buf *out, const char *title);
void html_end(struct buf *out);

#endif
