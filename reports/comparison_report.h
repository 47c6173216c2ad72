/* comparison_report.h - a comparison of two runs in the forms that people and scripts read: text,
 * Markdown, JSON, a page with charts, JUnit's XML of a gate's checks.
 */
#ifndef PHIBENCH_REPORTS_COMPARISON_REPORT_H
#define PHIBENCH_REPORTS_COMPARISON_REPORT_H

#include "base/log.h"
#include "results/gate_judge.h"

#include <stdio.h>

enum comparison_format { COMPARISON_TABLE, COMPARISON_JSON, COMPARISON_MARKDOWN };

/* The format of that name: "table", "json" or "md"; NULL is "table". ERR_USAGE for others. */
bool comparison_format_parse(const char *name, enum comparison_format *format, struct err *err)
    __attribute__((warn_unused_result));

/* Prints the comparison, or what a gate says of it first: its power, before its verdict. gate may
 * be NULL. */
bool comparison_print(const struct comparison *comparison, const struct gate *gate,
                      enum comparison_format format, FILE *out, struct err *err)
    __attribute__((warn_unused_result));

/* Writes index.html, comparison.md, comparison.json and charts into the folder. */
bool comparison_write(const struct comparison *comparison, const struct gate *gate,
                      const char *folder, const char *gnuplot, const struct log *log,
                      struct err *err) __attribute__((warn_unused_result));

/* Appends the checks as JUnit's XML (testsuite, testcase, failure, skipped). strict: what cannot be
 * told is a failure. */
void comparison_junit(const struct gate *gate, bool is_strict, struct buf *out);

#endif
