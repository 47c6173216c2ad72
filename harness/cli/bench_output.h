/* bench_output.h - what phibench bench prints: tables of medians, or every repetition as data.
 *
 * The rows of models and of kernels are alike; a kernel's test is "kernel:gemm q4_0".
 * Measures and stores nothing.
 */
#ifndef PHIBENCH_HARNESS_CLI_BENCH_OUTPUT_H
#define PHIBENCH_HARNESS_CLI_BENCH_OUTPUT_H

#include "results/store.h"

enum bench_format {
    BENCH_TABLE,
    BENCH_JSON,
    BENCH_JSONL,
    BENCH_CSV,
    BENCH_MARKDOWN,
    BENCH_FORMATS
};

struct bench_results {
    const char *model, *quantization;   /* of all records; "kernels" and "" */
    const struct speed_record *records; /* in the order of measuring, warm-up left out */
    size_t n;
};

/* The format of that name: "table", "json", "jsonl", "csv" or "md"; NULL is "table". ERR_USAGE for
 * others. */
bool bench_format_parse(const char *name, enum bench_format *format, struct err *err)
    __attribute__((warn_unused_result));

/* Prints the results to stdout; `heading` stands above tables alone. */
bool bench_print(const struct bench_results *results, enum bench_format format, const char *heading,
                 struct err *err) __attribute__((warn_unused_result));

#endif
