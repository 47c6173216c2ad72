/* suite_mt_bench.c - the suite mt_bench of a configuration: its data, and who judges.
 *
 * Owns these keys only. Whether the data are as they should be is found when the plan is made.
 */
#include "base/file.h"
#include "harness/config/keys.h"
#include "harness/config/parts.h"
#include "suites/judging.h"

#include <string.h>

enum { MAX_NEW_TOKENS = 1 << 22 };

struct raw_mt_bench {
    const char *data, *baseline;
    const struct config_node *judge;
    struct config_texts categories;
    int64_t limit, max_new_tokens;
};

static const struct config_key MT_BENCH_KEYS[] = {
    {.name = "data",
     .type = CONFIG_EXISTING,
     .offset = offsetof(struct raw_mt_bench, data),
     .required = true},
    {.name = "judge",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_mt_bench, judge),
     .required = true},
    {.name = "baseline", .type = CONFIG_PATH, .offset = offsetof(struct raw_mt_bench, baseline)},
    {.name = "categories",
     .type = CONFIG_TEXTS,
     .offset = offsetof(struct raw_mt_bench, categories)},
    {.name = "limit",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_mt_bench, limit),
     .low = 1,
     .high = INT32_MAX},
    {.name = "max_new_tokens",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_mt_bench, max_new_tokens),
     .low = 1,
     .high = MAX_NEW_TOKENS},
};

struct raw_judge {
    const char *rule, *model, *import, *prompts, *name;
    const struct config_node *api;
    int64_t repeat, max_new_tokens;
};

static const struct config_key JUDGE_KEYS[] = {
    {.name = "rule", .type = CONFIG_TEXT, .offset = offsetof(struct raw_judge, rule)},
    {.name = "api", .type = CONFIG_NODE, .offset = offsetof(struct raw_judge, api)},
    {.name = "model", .type = CONFIG_PATH, .offset = offsetof(struct raw_judge, model)},
    {.name = "import", .type = CONFIG_EXISTING, .offset = offsetof(struct raw_judge, import)},
    {.name = "name", .type = CONFIG_TEXT, .offset = offsetof(struct raw_judge, name)},
    {.name = "prompts", .type = CONFIG_EXISTING, .offset = offsetof(struct raw_judge, prompts)},
    {.name = "repeat",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_judge, repeat),
     .low = 1,
     .high = 1000},
    {.name = "max_new_tokens",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_judge, max_new_tokens),
     .low = 1,
     .high = MAX_NEW_TOKENS},
};

static bool read_rule(const struct config_node *map, const struct raw_judge *raw,
                      struct config_suite *suite, struct err *err)
{
    suite->options.protocol = suite->suite->protocols[0];
    return !strcmp(raw->rule, suite->options.protocol) ||
           config_fail(config_find(map, "rule"), err, "the rule of mt_bench is %s, not \"%s\"",
                       suite->options.protocol, raw->rule);
}

/* Where the judge's prompts are: beside the questions, if nothing else is said. */
static bool find_prompts(struct config *config, const struct config_node *map,
                         const struct raw_judge *raw, struct config_suite *suite, struct err *err)
{
    struct suite_options *options = &suite->options;
    options->judge_prompts =
        raw->prompts ? raw->prompts
                     : arena_printf(config->arena, err, "%s/judge_prompts.jsonl", options->data);
    if (!options->judge_prompts) return false;
    return file_exists(options->judge_prompts) ||
           config_fail(map, err, "a judge needs its prompts, and there is no file %s",
                       options->judge_prompts);
}

static bool read_judge(struct config *config, const struct config_node *map,
                       struct config_suite *suite, struct err *err)
{
    struct raw_judge raw = {.repeat = 1, .max_new_tokens = JUDGING_MAX_TOKENS};
    if (!config_read_map(config->arena, map, "judge", JUDGE_KEYS,
                         sizeof JUDGE_KEYS / sizeof JUDGE_KEYS[0], &raw, err))
        return false;
    if (!!raw.rule + !!raw.api + !!raw.model + !!raw.import != 1)
        return config_fail(map, err, "a judge is one of rule, api, model and import");
    if (raw.rule) return read_rule(map, &raw, suite, err);
    struct config_judge *judge = arena_alloc(config->arena, 1, sizeof *judge, err);
    if (!judge || (raw.api && !config_read_api(config, raw.api, &judge->api, &judge->key_env, err)))
        return false;
    judge->path = raw.model;
    judge->import = raw.import;
    judge->repeat = (int)raw.repeat;
    judge->max_new_tokens = (size_t)raw.max_new_tokens;
    suite->judge = judge;
    suite->options.judgments = raw.import;
    suite->options.judge = raw.name    ? raw.name
                           : raw.api   ? judge->api->model
                           : raw.model ? file_name(raw.model)
                                       : NULL; /* that of the judgments */
    return find_prompts(config, map, &raw, suite, err);
}

/* A model of the configuration, or a file of answers. */
static bool read_baseline(const struct config *config, const struct config_node *map,
                          const char *baseline, struct config_suite *suite, struct err *err)
{
    const struct config_node *node = config_find(map, "baseline");
    if (!baseline) return true;
    if (!suite->judge)
        return config_fail(node, err, "the rule judges single answers, not pairs: no baseline");
    suite->options.judges_pairs = true;
    for (size_t i = 0; i < config->n_models; i++)
        if (!strcmp(config->models[i].id, baseline)) {
            suite->baseline = baseline;
            return true;
        }
    suite->options.baseline = baseline;
    return file_exists(baseline) ||
           config_fail(node, err, "baseline: there is no model %s here, and no such file",
                       baseline);
}

bool config_read_mt_bench(struct config *config, const struct config_node *map,
                          struct config_suite *suite, struct err *err)
{
    struct raw_mt_bench raw = {0};
    suite->kind = CONFIG_SUITE_ITEMS;
    suite->suite = suite_find("mt_bench");
    struct suite_options *options = &suite->options;
    if (!config_read_map(config->arena, map, "suite mt_bench", MT_BENCH_KEYS,
                         sizeof MT_BENCH_KEYS / sizeof MT_BENCH_KEYS[0], &raw, err))
        return false;
    options->data = raw.data;
    options->limit = (size_t)raw.limit;
    options->max_new_tokens = (size_t)raw.max_new_tokens;
    options->subsets = raw.categories.items;
    options->n_subsets = raw.categories.n;
    return read_judge(config, raw.judge, suite, err) &&
           read_baseline(config, map, raw.baseline, suite, err);
}
