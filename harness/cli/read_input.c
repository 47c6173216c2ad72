/* read_input.c - see read_input.h.
 *
 * Reads in pieces and stops at the limit, so that a wrong pipe does not fill the memory.
 * Knows nothing of what the text means.
 */
#include "harness/cli/read_input.h"

#include "base/interrupt.h"

#include <stdio.h>

bool read_input(struct buf *out, struct err *err)
{
    static const size_t MAXIMUM_BYTES = (size_t)256 << 20;
    char piece[65536];
    size_t n;
    out->maximum = MAXIMUM_BYTES;
    while (!interrupt_requested() && (n = fread(piece, 1, sizeof piece, stdin)) > 0)
        if (!buf_append(out, piece, n))
            return err_set(err, ERR_INPUT, "standard input is longer than %zu MiB",
                           MAXIMUM_BYTES >> 20);
    if (!interrupt_check(err)) return false;
    return !ferror(stdin) || err_set_errno(err, "cannot read standard input");
}
