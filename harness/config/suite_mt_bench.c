/* suite_mt_bench.c - who judges the suite mt_bench of a configuration, and against whom.
 *
 * Whether the data are as they should be is found when the plan is made.
 */
#include "base/file.h"
#include "harness/config/grammar.h"
#include "harness/config/parts.h"

#include <string.h>

static bool read_rule(const struct config_node *map, const char *rule, struct config_suite *suite,
                      struct err *err)
{
    suite->options.protocol = suite->suite->protocols[0];
    return !strcmp(rule, suite->options.protocol) ||
           config_fail(config_find(map, "rule"), err, "the rule of mt_bench is %s, not \"%s\"",
                       suite->options.protocol, rule);
}

/* Where the judge's prompts are: beside the questions, if nothing else is said. */
static bool find_prompts(struct config *config, const struct config_node *map,
                         struct config_suite *suite, struct err *err)
{
    const char *prompts = suite->judge->prompts;
    if (!prompts)
        prompts = arena_printf(config->arena, err, "%s/judge_prompts.jsonl", suite->options.data);
    suite->options.judge_prompts = prompts;
    if (!prompts) return false;
    return file_exists(prompts) ||
           config_fail(map, err, "a judge needs its prompts, and there is no file %s", prompts);
}

static bool read_judge(struct config *config, const struct config_node *map,
                       struct config_suite *suite, struct err *err)
{
    const struct config_node *api = config_find(map, "api");
    struct config_judge *judge = arena_alloc(config->arena, 1, sizeof *judge, err);
    if (!judge || !config_read_map(config->arena, map, &CONFIG_TABLES[MAP_JUDGE], judge, err))
        return false;
    if (!!judge->rule + !!api + !!judge->path + !!judge->import != 1)
        return config_fail(map, err, "a judge is one of rule, api, model and import");
    if (judge->rule) return read_rule(map, judge->rule, suite, err);
    if (api && !config_read_api(config, api, &judge->api, &judge->key_env, err)) return false;
    suite->judge = judge;
    suite->options.judgments = judge->import;
    suite->options.judge = judge->name   ? judge->name
                           : judge->api  ? judge->api->model
                           : judge->path ? file_name(judge->path)
                                         : NULL; /* that of the judgments */
    return find_prompts(config, map, suite, err);
}

/* A model of the configuration, or a file of answers. */
static bool read_baseline(const struct config *config, const struct config_node *map,
                          struct config_suite *suite, struct err *err)
{
    const struct config_node *node = config_find(map, "baseline");
    const char *baseline = suite->options.baseline;
    if (!baseline) return true;
    if (!suite->judge)
        return config_fail(node, err, "the rule judges single answers, not pairs: no baseline");
    suite->options.judges_pairs = true;
    for (size_t i = 0; i < config->n_models; i++)
        if (!strcmp(config->models[i].id, baseline)) {
            suite->baseline = baseline;
            suite->options.baseline = NULL;
            return true;
        }
    return file_exists(baseline) ||
           config_fail(node, err, "baseline: there is no model %s here, and no such file",
                       baseline);
}

bool config_read_judging(struct config *config, const struct config_node *map,
                         struct config_suite *suite, struct err *err)
{
    return read_judge(config, config_find(map, "judge"), suite, err) &&
           read_baseline(config, map, suite, err);
}
