/* task_records.h - the records of a data file, whatever its format: CSV, TSV, JSON, JSONL, or lines
 * of text. Internal to suites/task*.c.
 *
 * The format is told by the name's ending. Records are maps from names to values.
 */
#ifndef PHIBENCH_SUITES_TASK_RECORDS_H
#define PHIBENCH_SUITES_TASK_RECORDS_H

#include "suites/task.h"

struct record {
    struct value fields; /* a map, in the reader's arena */
    const char *file;
    int line;   /* 1-based; 0 in a JSON file, which does not know */
    int number; /* 1-based, among the file's records */
};

/* Called for every record while it answers true; a failure without a place gets the record's. */
typedef bool record_fn(void *context, const struct record *record, struct err *err);

/* Reads a text that stood in the file. Errors, those of `take` too, have the file and the line. */
bool records_read(const struct task *task, const char *file, const char *text, size_t n_bytes,
                  struct arena *arena, record_fn *take, void *context, struct err *err)
    __attribute__((warn_unused_result));

#endif
