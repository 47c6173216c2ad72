/* gnuplot.h - runs gnuplot on a script, and writes texts so that it takes them for nothing else.
 *
 * The only place that knows how the program is called and what its strings hold; everything else
 * only writes scripts as text.
 * Thread-safe; waits for the child.
 */
#ifndef PHIBENCH_REPORTS_GNUPLOT_H
#define PHIBENCH_REPORTS_GNUPLOT_H

#include "base/buf.h"

#include <stddef.h>

/* Appends the text, which may hold anything, as a string literal that gnuplot shows as visible.h
 * does: one line, of at most max_characters and then an ellipsis. is_format: the label of a tic,
 * which gnuplot takes for a format of the tic's number. Where it stands has to be noenhanced. */
void gnuplot_string(struct buf *out, const char *text, size_t max_characters, bool is_format);

/* Runs `program` (NULL: "gnuplot") on the script `name` inside `folder` and waits. ERR_IO with what
 * it printed if it fails, or with how to install it if it is not there. */
bool gnuplot_run(const char *program, const char *folder, const char *name, struct err *err)
    __attribute__((warn_unused_result));

/* Writes what `gnuplot --version` prints, without its line break. */
bool gnuplot_version(const char *program, char *version, size_t n_bytes, struct err *err)
    __attribute__((warn_unused_result));

#endif
