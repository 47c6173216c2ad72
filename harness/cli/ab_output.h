/* ab_output.h - what phibench ab prints: a table with sentences for people, Markdown for a merge
 * request, JSON with every block for scripts.
 *
 * Compares and decides nothing.
 */
#ifndef PHIBENCH_HARNESS_CLI_AB_OUTPUT_H
#define PHIBENCH_HARNESS_CLI_AB_OUTPUT_H

#include "base/buf.h"
#include "harness/run/ab.h"

enum ab_format { AB_TABLE, AB_JSON, AB_MARKDOWN, AB_FORMATS };

/* The format of that name: "table", "json" or "md"; NULL is "table". ERR_USAGE for others. */
bool ab_format_parse(const char *name, enum ab_format *format, struct err *err)
    __attribute__((warn_unused_result));

/* Prints the result to stdout. What the comparison can see stands before its verdict. */
bool ab_print(const struct ab_options *options, const struct ab_result *result,
              enum ab_format format, struct err *err) __attribute__((warn_unused_result));

/* Appends the verdict with its reason: "SLOWER: decode -5.1% (-5.6% to -4.5%), beyond the margin of
 * 2%". */
void ab_describe_verdict(const struct ab_options *options, const struct ab_result *result,
                         struct buf *out);

#endif
