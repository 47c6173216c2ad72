/* fuzz_csv.c - any bytes are either read as CSV or refused with a place inside the text; fields
 * that were read and written again read as the same fields.
 *
 * The first byte chooses the separator, the rest is the text.
 */
#include "base/csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void check_same(const char **fields, size_t n_fields, const struct buf *written,
                       char separator)
{
    struct csv *again = csv_new(written->data, written->n_bytes, "written", separator, NULL);
    char **same;
    size_t n_same;
    int line;
    if (!again || csv_next(again, &same, &n_same, &line, NULL) != 1 || n_same != n_fields) abort();
    for (size_t i = 0; i < n_fields; i++)
        if (strcmp(fields[i], same[i]) != 0) abort();
    if (csv_next(again, &same, &n_same, &line, NULL) != 0) abort();
    csv_free(again);
}

/* One record back to text. A record of one empty field would be an empty line, which is no record,
 * and a byte order mark would be skipped: both begin with another field here. */
static void check_record(char **fields, size_t n_fields, char separator)
{
    struct buf written = {0};
    const char **all = malloc((n_fields + 1) * sizeof *all);
    if (!all) abort();
    all[0] = "x";
    for (size_t i = 0; i < n_fields; i++) all[i + 1] = fields[i];
    for (size_t i = 0; i <= n_fields; i++) {
        if (i) buf_char(&written, separator);
        csv_put(&written, all[i], separator);
    }
    buf_char(&written, '\n');
    if (!buf_check(&written, NULL)) abort();
    check_same(all, n_fields + 1, &written, separator);
    buf_free(&written);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (!n_bytes) return 0;
    char separator = bytes[0] & 1 ? '\t' : ',';
    struct err err = {0};
    struct csv *csv = csv_new((const char *)bytes + 1, n_bytes - 1, "input", separator, &err);
    if (!csv) abort();
    char **fields;
    size_t n_fields;
    int line, last_line = 0, status;
    while ((status = csv_next(csv, &fields, &n_fields, &line, &err)) == 1) {
        if (!n_fields || line <= last_line) abort();
        last_line = line;
        check_record(fields, n_fields, separator);
    }
    if (status < 0 && (err.code != ERR_INPUT || err.line < 1 || err.column < 1)) abort();
    csv_free(csv);
    return 0;
}
