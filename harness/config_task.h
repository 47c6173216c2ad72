/* config_task.h - reads the files that describe tasks (docs/tasks.md): those of suites/tasks, which
 * travel inside the program, and a user's own.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_TASK_H
#define PHIBENCH_HARNESS_CONFIG_TASK_H

#include "suites/task.h"

/* A file of suites/tasks. */
struct task_file {
    const char *name; /* "arc_easy" */
    const char *path; /* "suites/tasks/arc_easy.yaml", for messages */
    const char *text;
};
extern const struct task_file TASK_FILES[]; /* by name; the last has no name */

/* NULL if there is none of that name. */
const struct task_file *task_file_find(const char *name);

/* Reads the text of a task file. ERR_CONFIG with the place and what would be right. Free with
 * task_free. */
struct task *config_task_parse(const char *text, size_t n_bytes, const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* A built-in task by its name, or that of a file by its path: what has a '/' or ends in .yaml is a
 * path. ERR_CONFIG for what is neither. */
struct task *config_task_open(const char *name, struct err *err)
    __attribute__((warn_unused_result));

#endif
