/* task_file.h - reads the files that describe tasks (docs/tasks.md): those of suites/tasks, which
 * travel inside the program, and a user's own.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_TASK_FILE_H
#define PHIBENCH_HARNESS_CONFIG_TASK_FILE_H

#include "base/embedded.h"
#include "suites/task.h"

/* A built-in task's file; NULL if there is none of that name. */
const struct embedded_file *task_file_find(const char *name);

/* Reads the text of a task file. ERR_CONFIG with the place and what would be right. Free with
 * task_free. */
struct task *config_task_parse(const char *text, size_t n_bytes, const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* A built-in task by its name, or that of a file by its path: what has a '/' or ends in .yaml is a
 * path. ERR_CONFIG for what is neither. */
struct task *config_task_open(const char *name, struct err *err)
    __attribute__((warn_unused_result));

#endif
