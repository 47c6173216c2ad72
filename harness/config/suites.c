/* suites.c - the `suites` of a configuration: each is a map of one member, the suite's name.
 *
 * Protocols are known by the suites themselves. Data are looked for here and loaded when the plan
 * is made.
 */
#include "harness/config/keys.h"
#include "harness/config/parts.h"
#include "harness/config/task_file.h"

#include <string.h>

enum {
    MAX_SHOTS = 100,
    MAX_TOKENS = 1 << 22,
    MAX_SEQUENCES = 4096,
    MAX_THREADS = 1024,
    MAX_REPEAT = 10000
};

/* ---- Suites of items ---- */

struct raw_items {
    const char *data;
    const struct config_node *protocol;
    int64_t shots, limit;
    struct config_texts subjects;
    int split;
};

static const char *const split_names[] = {"test", "val", "dev", NULL};

static const struct config_key MMLU_KEYS[] = {
    {.name = "data",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_items, data),
     .required = true},
    {.name = "protocol", .type = CONFIG_NODE, .offset = offsetof(struct raw_items, protocol)},
    {.name = "shots",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_items, shots),
     .low = 0,
     .high = MAX_SHOTS},
    {.name = "subjects", .type = CONFIG_TEXTS, .offset = offsetof(struct raw_items, subjects)},
    {.name = "split",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_items, split),
     .choices = split_names},
    {.name = "limit",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_items, limit),
     .low = 1,
     .high = INT32_MAX},
};

bool config_read_protocol(struct config *config, const struct config_node *node,
                          const struct suite *suite, const char **protocol, struct err *err)
{
    char hint[400];
    *protocol = suite->protocols[0];
    if (!node) return true;
    if (!config_read_text(config->arena, node, "protocol", CONFIG_TEXT, protocol, err))
        return false;
    size_t n = 0;
    for (; suite->protocols[n]; n++)
        if (!strcmp(suite->protocols[n], *protocol)) return true;
    if (!strcmp(suite->name, "mmlu") && !strcmp(*protocol, "generative")) {
        config_fail(node, err, "not supported yet: the protocol generative");
        if (err) err->code = ERR_UNSUPPORTED;
        return false;
    }
    config_suggest(*protocol, suite->protocols, n, hint, sizeof hint);
    return config_fail(node, err, "%s has no protocol \"%s\"%s", suite->name, *protocol, hint);
}

static bool read_mmlu(struct config *config, const struct config_node *map,
                      struct config_suite *suite, struct err *err)
{
    struct raw_items raw = {.shots = -1};
    suite->kind = CONFIG_SUITE_ITEMS;
    suite->suite = suite_find("mmlu");
    struct suite_options *options = &suite->options;
    if (!config_read_map(config->arena, map, "suite mmlu", MMLU_KEYS,
                         sizeof MMLU_KEYS / sizeof MMLU_KEYS[0], &raw, err) ||
        !config_read_protocol(config, raw.protocol, suite->suite, &options->protocol, err))
        return false;
    options->data = raw.data;
    options->shots = (int)raw.shots;
    options->limit = (size_t)raw.limit;
    options->subsets = raw.subjects.items;
    options->n_subsets = raw.subjects.n;
    options->split = split_names[raw.split];
    return true;
}

/* ---- Texts ---- */

struct raw_text {
    const char *data, *reference, *save_reference;
    int64_t chunk_tokens, limit;
};

static const struct config_key PERPLEXITY_KEYS[] = {
    {.name = "data",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_text, data),
     .required = true},
    {.name = "context",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_text, chunk_tokens),
     .low = 4,
     .high = MAX_TOKENS},
    {.name = "limit",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_text, limit),
     .low = 1,
     .high = INT32_MAX},
    {.name = "reference", .type = CONFIG_PATH, .offset = offsetof(struct raw_text, reference)},
    {.name = "save_reference",
     .type = CONFIG_PATH,
     .offset = offsetof(struct raw_text, save_reference)},
};

static bool read_perplexity(struct config *config, const struct config_node *map,
                            struct config_suite *suite, struct err *err)
{
    struct raw_text raw = {.chunk_tokens = 512};
    if (!config_read_map(config->arena, map, "suite perplexity", PERPLEXITY_KEYS,
                         sizeof PERPLEXITY_KEYS / sizeof PERPLEXITY_KEYS[0], &raw, err))
        return false;
    suite->kind = CONFIG_SUITE_TEXT;
    suite->suite = suite_find("perplexity");
    suite->options = (struct suite_options){.data = raw.data, .limit = (size_t)raw.limit};
    suite->chunk_tokens = (size_t)raw.chunk_tokens;
    suite->reference = raw.reference;
    suite->save_reference = raw.save_reference;
    if (raw.save_reference && config->n_models * config->models[0].n_variants > 1)
        return config_fail_key(config_find(map, "save_reference"), err,
                               "one file keeps the logits of one model in one quantization");
    return true;
}

/* ---- Throughput ---- */

struct raw_throughput {
    struct config_integers prompt, generate, batch, threads;
    int64_t repeat;
};

static const struct config_key THROUGHPUT_KEYS[] = {
    {.name = "prompt",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_throughput, prompt),
     .low = 1,
     .high = MAX_TOKENS},
    {.name = "generate",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_throughput, generate),
     .low = 1,
     .high = MAX_TOKENS},
    {.name = "batch",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_throughput, batch),
     .low = 1,
     .high = MAX_SEQUENCES},
    {.name = "threads",
     .type = CONFIG_INTEGERS,
     .offset = offsetof(struct raw_throughput, threads),
     .low = 1,
     .high = MAX_THREADS},
    {.name = "repeat",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_throughput, repeat),
     .low = 1,
     .high = MAX_REPEAT},
};

static bool read_throughput(struct config *config, const struct config_node *map,
                            struct config_suite *suite, struct err *err)
{
    static const int64_t one = 1, prompt = 512, generate = 128;
    int64_t *threads = arena_alloc(config->arena, 1, sizeof *threads, err);
    if (!threads) return false;
    *threads = config->n_threads ? config->n_threads : engine_default_threads();
    struct raw_throughput raw = {{&prompt, 1}, {&generate, 1}, {&one, 1}, {threads, 1}, 5};
    if (!config_read_map(config->arena, map, "suite throughput", THROUGHPUT_KEYS,
                         sizeof THROUGHPUT_KEYS / sizeof THROUGHPUT_KEYS[0], &raw, err))
        return false;
    suite->kind = CONFIG_SUITE_THROUGHPUT;
    suite->throughput = (struct throughput_options){
        .prompt = raw.prompt.values,
        .n_prompt = raw.prompt.n,
        .generate = raw.generate.values,
        .n_generate = raw.generate.n,
        .batch = raw.batch.values,
        .n_batch = raw.batch.n,
        .threads = raw.threads.values,
        .n_threads = raw.threads.n,
        .repeat = (int)raw.repeat,
    };
    return true;
}

/* ---- The list ---- */

static const struct {
    const char *name;
    bool (*read)(struct config *config, const struct config_node *map, struct config_suite *suite,
                 struct err *err);
} SUITES[] = {
    {"mmlu", read_mmlu},
    {"perplexity", read_perplexity},
    {"throughput", read_throughput},
    {"triviaqa", config_read_trivia},
    {"mt_bench", config_read_mt_bench},
    {"task", config_read_task},
};
enum { N_SUITES = sizeof SUITES / sizeof SUITES[0], MAX_TASKS = 64 };

static bool read_suite(struct config *config, const struct config_node *node,
                       struct config_suite *suite, struct err *err)
{
    char hint[400];
    const char *names[N_SUITES + MAX_TASKS];
    size_t n_known = 0;
    if (node->kind != CONFIG_MAP || !node->first || node->first->next)
        return config_fail(
            node, err, "a suite is one name with its settings, as in \"- mmlu: {data: FOLDER}\"");
    const struct config_node *map = node->first;
    for (size_t i = 0; i < N_SUITES; i++) {
        if (SUITES[i].read) names[n_known++] = SUITES[i].name;
        if (strcmp(SUITES[i].name, map->key) != 0) continue;
        suite->place = config_place(map);
        if (SUITES[i].read) return SUITES[i].read(config, map, suite, err);
        config_fail_key(map, err, "not supported yet: the suite %s", map->key);
        if (err) err->code = ERR_UNSUPPORTED;
        return false;
    }
    if (task_file_find(map->key)) {
        suite->place = config_place(map);
        return config_read_task(config, map, suite, err);
    }
    for (size_t i = 0; i < MAX_TASKS && EMBEDDED_TASKS[i].name; i++)
        names[n_known++] = EMBEDDED_TASKS[i].name;
    config_suggest(map->key, names, n_known, hint, sizeof hint);
    return config_fail_key(map, err, "there is no suite \"%.64s\"%s", map->key, hint);
}

bool config_read_suites(struct config *config, const struct config_node *list, struct err *err)
{
    if (list->kind != CONFIG_LIST || !list->first)
        return config_fail(list, err, "suites must be a list of at least one suite");
    size_t n_list = config_count(list);
    struct config_suite *suites = arena_alloc(config->arena, 2 * n_list, sizeof *suites, err);
    if (!suites) return false;
    const struct config_node *node = list->first;
    config->suites = suites; /* also of a failure: tasks are freed */
    for (size_t i = 0; i < n_list; i++, node = node->next) {
        struct config_suite *suite = &suites[config->n_suites++];
        if (!read_suite(config, node, suite, err)) return false;
        suite->i_list = i;
        if (!suite->options.is_open_book) continue;
        suites[config->n_suites++] = *suite; /* after the closed book, which it is compared with */
        suite->options.is_open_book = false;
        suite->is_implied = true;
    }
    return true;
}
