/* suite_task.c - a task in the `suites` of a configuration: which, and on what data.
 *
 * Task files themselves are read by task_file.c.
 */
#include "harness/config/keys.h"
#include "harness/config/parts.h"
#include "harness/config/task_file.h"
#include "suites/needle.h"

#include <string.h>

struct raw_suite {
    const char *file, *data, *examples;
    const struct config_node *protocol;
    int64_t shots, limit, count, seed;
    struct config_texts subsets;
    struct config_integers words, depths;
};

enum { MAX_HAYSTACK_WORDS = 1 << 22, MAX_HAYSTACKS = 10000 };

#define KEY(field, kind)                                                                           \
    {                                                                                              \
        .name = #field, .type = kind, .offset = offsetof(struct raw_suite, field)                  \
    }

static const struct config_key SUITE_KEYS[] = {
    KEY(data, CONFIG_EXISTING),
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
    {.name = "words",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_suite, words),
     .low = 1,
     .high = MAX_HAYSTACK_WORDS},
    {.name = "depths",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_suite, depths),
     .low = 0,
     .high = 100},
    {.name = "count",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_suite, count),
     .low = 1,
     .high = MAX_HAYSTACKS},
    {.name = "seed",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_suite, seed),
     .low = 0,
     .high = INT64_MAX},
    {.name = "file", /* the last: only of a task that is not built in */
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_suite, file),
     .required = true},
};
enum { N_KEYS = sizeof SUITE_KEYS / sizeof *SUITE_KEYS };

/* Data are read or made: each way has keys of its own. */
static bool check_source(const struct config_node *map, const struct config_suite *suite,
                         struct err *err)
{
    static const char *const OF_MADE[] = {"words", "depths", "count", "seed"};
    static const char *const OF_READ[] = {"examples", "subsets", "shots"};
    bool is_made = suite->task->is_made;
    const char *const *others = is_made ? OF_READ : OF_MADE;
    size_t n = is_made ? sizeof OF_READ / sizeof *OF_READ : sizeof OF_MADE / sizeof *OF_MADE;
    for (size_t i = 0; i < n; i++) {
        const struct config_node *node = config_find(map, others[i]);
        if (node)
            return config_fail_key(node, err, "%s %s its questions: it has no %s",
                                   suite->suite->name, is_made ? "makes" : "reads", others[i]);
    }
    return is_made || config_find(map, "data") ||
           config_fail(map, err, "suite %s needs the key \"data\"", map->key);
}

static bool keep_needles(struct config *config, const struct raw_suite *raw,
                         struct config_suite *suite, struct err *err)
{
    struct needle_options *needles = arena_alloc(config->arena, 1, sizeof *needles, err);
    if (!needles) return false;
    *needles = (struct needle_options){.words = raw->words.values,
                                       .n_words = raw->words.n,
                                       .depths = raw->depths.values,
                                       .n_depths = raw->depths.n,
                                       .count = raw->count,
                                       .seed = (uint64_t)raw->seed};
    suite->options.needles = needles;
    return true;
}

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
    if (!check_source(map, suite, err) || !keep_needles(config, &raw, suite, err)) return false;
    return config_read_protocol(config, raw.protocol, suite->suite, &suite->options.protocol, err);
}
