/* config_suite_task.c - a task in the `suites` of a configuration: which, and on what data.
 *
 * Task files themselves are read by config_task.c.
 */
#include "harness/config_keys.h"
#include "harness/config_parts.h"
#include "harness/config_task.h"

#include <string.h>

struct raw_suite {
    const char *file, *data, *examples;
    const struct config_node *protocol;
    int64_t shots, limit;
    struct config_texts subsets;
};

#define KEY(field, kind)                                                                           \
    {                                                                                              \
        .name = #field, .type = kind, .offset = offsetof(struct raw_suite, field)                  \
    }

static const struct config_key SUITE_KEYS[] = {
    {.name = "data",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_suite, data),
     .required = true},
    KEY(examples, CONFIG_EXISTING),
    KEY(protocol, CONFIG_NODE),
    KEY(subsets, CONFIG_TEXTS),
    {.name = "shots",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_suite, shots),
     .low = 0,
     .high = TASK_MAX_SHOTS},
    {.name = "limit",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_suite, limit),
     .low = 1,
     .high = INT32_MAX},
    {.name = "file", /* the last: only of a task that is not built in */
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_suite, file),
     .required = true},
};
enum { N_KEYS = sizeof SUITE_KEYS / sizeof *SUITE_KEYS };

bool config_read_task(struct config *config, const struct config_node *map,
                      struct config_suite *suite, struct err *err)
{
    struct raw_suite raw = {.shots = -1};
    char what[80];
    bool is_built_in = task_file_find(map->key) != NULL;
    snprintf(what, sizeof what, "suite %s", map->key);
    if (!config_read_map(config->arena, map, what, SUITE_KEYS, is_built_in ? N_KEYS - 1 : N_KEYS,
                         &raw, err))
        return false;
    suite->task = config_task_open(is_built_in ? map->key : raw.file, err);
    if (!suite->task) return false;
    suite->kind = CONFIG_SUITE_ITEMS;
    suite->suite = &suite->task->suite;
    suite->task_file = is_built_in ? NULL : raw.file;
    suite->options = (struct suite_options){.data = raw.data,
                                            .examples = raw.examples,
                                            .shots = (int)raw.shots,
                                            .limit = (size_t)raw.limit,
                                            .subsets = raw.subsets.items,
                                            .n_subsets = raw.subsets.n};
    return config_read_protocol(config, raw.protocol, suite->suite, &suite->options.protocol, err);
}
