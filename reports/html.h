/* html.h - pieces of an HTML page: escaping, and the frame with its style.
 *
 * Every text that came from outside goes through html_text.
 * Pure functions on buffers.
 */
#ifndef PHIBENCH_REPORTS_HTML_H
#define PHIBENCH_REPORTS_HTML_H

#include "base/buf.h"

/* Appends text with &, <, >, and quotes as entities, malformed UTF-8 replaced. */
void html_text(struct buf *out, const char *text);

/* The page up to and including the opening of main, and its end. No external reference: style is
 * inside, light and dark follow the reader's system. */
void html_begin(struct buf *out, const char *title);
void html_end(struct buf *out);

#endif
