/* gnuplot.h - runs gnuplot on a script. The only place that knows how the program is called.
 *
 * Everything else only writes scripts as text.
 * Thread-safe; waits for the child.
 */
#ifndef PHIBENCH_REPORTS_GNUPLOT_H
#define PHIBENCH_REPORTS_GNUPLOT_H

#include "base/err.h"

#include <stddef.h>

/* Runs `program` (NULL: "gnuplot") on the script `name` inside `folder` and waits. ERR_IO with what
 * it printed if it fails, or with how to install it if it is not there. */
bool gnuplot_run(const char *program, const char *folder, const char *name, struct err *err)
    __attribute__((warn_unused_result));

/* Writes what `gnuplot --version` prints, without its line break. */
bool gnuplot_version(const char *program, char *version, size_t n_bytes, struct err *err)
    __attribute__((warn_unused_result));

#endif
