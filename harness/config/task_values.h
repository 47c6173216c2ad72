/* task_values.h - texts, templates and names of a task file, and the protocols that are made of
 * them.
 *
 * Internal to harness/config/. What is read lives in the task.
 */
#ifndef PHIBENCH_HARNESS_CONFIG_TASK_VALUES_H
#define PHIBENCH_HARNESS_CONFIG_TASK_VALUES_H

#include "harness/config/tree.h"
#include "suites/task.h"

bool task_keep_string(struct task *task, const char *text, const char **out, struct err *err)
    __attribute__((warn_unused_result));
/* Text as it stands, also where it looks like a number, and also if it is empty. */
bool task_read_raw(struct task *task, const struct config_node *node, const char *what,
                   const char **out, struct err *err) __attribute__((warn_unused_result));
bool task_read_template(struct task *task, const struct config_node *node, const char *what,
                        const struct template **out, struct err *err)
    __attribute__((warn_unused_result));
/* A template, or a list of them. */
bool task_read_value(struct task *task, const struct config_node *node, const char *what,
                     struct task_value *out, struct err *err) __attribute__((warn_unused_result));
/* The names of a map's members, and how many there are. */
bool task_read_names(struct task *task, const struct config_node *map, const char *what,
                     const char *const **names, size_t *n, struct err *err)
    __attribute__((warn_unused_result));

/* The map `protocols` (task_protocol.c). */
bool task_read_protocols(struct task *task, const struct config_node *map, struct err *err)
    __attribute__((warn_unused_result));

#endif
