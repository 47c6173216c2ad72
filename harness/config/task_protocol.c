/* task_protocol.c - the protocols of a task file: prompts, what is asked of the model, metrics.
 *
 * A protocol asks for choices, a continuation or a generation, and its metrics are those that this
 * kind of answer can have.
 */
#include "base/mem.h"
#include "harness/config/grammar.h"
#include "harness/config/task_values.h"

#include <string.h>

/* Templates and texts that a protocol may leave out: the field then stays as it is. */
static bool read_optional_template(struct task *task, const struct config_node *map,
                                   const char *key, const struct template **out, struct err *err)
{
    const struct config_node *node = config_find(map, key);
    return !node || task_read_template(task, node, key, out, err);
}

static bool read_optional_raw(struct task *task, const struct config_node *map, const char *key,
                              const char **out, struct err *err)
{
    const struct config_node *node = config_find(map, key);
    return !node || task_read_raw(task, node, key, out, err);
}

static bool read_generate(struct task *task, const struct config_node *map,
                          struct task_protocol *protocol, struct err *err)
{
    if (!config_read_map(task->arena, map, &CONFIG_TABLES[MAP_GENERATE], protocol, err))
        return false;
    const struct config_node *stops = config_find(map, "stops");
    if (!stops) return true;
    if (stops->kind != CONFIG_LIST)
        return config_fail(stops, err, "stops must be a list of templates");
    return task_read_value(task, stops, "stops", &protocol->stops, err);
}

/* What is asked of the model: choices, a continuation or a generation. */
static bool read_kind(struct task *task, const struct config_node *map,
                      struct task_protocol *protocol, struct err *err)
{
    const struct config_node *choices = config_find(map, "choices");
    const struct config_node *continuation = config_find(map, "continuation");
    const struct config_node *generate = config_find(map, "generate");
    const struct config_node *stems = config_find(map, "stems");
    if (!choices + !continuation + !generate != 2)
        return config_fail(map, err,
                           "a protocol has one of the keys choices, continuation and generate");
    if (stems && !choices) return config_fail_key(stems, err, "stems take the key choices");
    protocol->kind = choices ? TASK_CHOICES : continuation ? TASK_CONTINUATION : TASK_GENERATE;
    if (continuation)
        return task_read_template(task, continuation, "continuation", &protocol->continuation, err);
    if (!(protocol->answer = template_parse(task->templates, "{answer}", err)) ||
        !read_optional_template(task, map, "answer", &protocol->answer, err))
        return false;
    if (generate) return read_generate(task, generate, protocol, err);
    return task_read_value(task, choices, "choices", &protocol->choices, err) &&
           (!stems || task_read_value(task, stems, "stems", &protocol->stems, err));
}

static const struct {
    const char *name;
    enum task_metric_kind kind;
    enum task_kind of;
} METRICS[] = {
    {"acc", METRIC_ACC, TASK_CHOICES},
    {"acc_norm", METRIC_ACC_NORM, TASK_CHOICES},
    {"mc2", METRIC_MC2, TASK_CHOICES},
    {"acc", METRIC_ACC, TASK_CONTINUATION},
    {"ppl", METRIC_PERPLEXITY, TASK_CONTINUATION},
};
enum { N_METRICS = COUNT_OF(METRICS) };

static bool find_metric(const struct config_node *node, enum task_kind kind,
                        struct task_metric *metric, struct err *err)
{
    char hint[400];
    const char *known[N_METRICS];
    size_t n = 0;
    for (size_t i = 0; i < N_METRICS; i++) {
        if (METRICS[i].of != kind) continue;
        known[n++] = METRICS[i].name;
        if (node->kind != CONFIG_SCALAR || strcmp(METRICS[i].name, node->text) != 0) continue;
        *metric = (struct task_metric){.name = METRICS[i].name, .kind = METRICS[i].kind};
        return true;
    }
    config_suggest(node->kind == CONFIG_SCALAR ? node->text : "", known, n, hint, sizeof hint);
    return config_fail(node, err, "there is no such metric of %s%s",
                       kind == TASK_CHOICES ? "choices" : "a continuation", hint);
}

/* Of choices a list of names; of a generation a map from names to templates over {response}. */
static bool read_metrics(struct task *task, const struct config_node *node,
                         struct task_protocol *protocol, struct err *err)
{
    bool is_generation = protocol->kind == TASK_GENERATE;
    size_t n = config_count(node);
    if (node->kind != (is_generation ? CONFIG_MAP : CONFIG_LIST) || !n || n > TASK_MAX_METRICS)
        return config_fail(node, err,
                           is_generation
                               ? "metrics of a generation are a map from at most %d names "
                                 "to templates over {response}"
                               : "metrics must be a list of at most %d names",
                           (int)TASK_MAX_METRICS);
    protocol->n_metrics = n;
    const struct config_node *child = node->first;
    for (size_t i = 0; i < n; i++, child = child->next) {
        struct task_metric *metric = &protocol->metrics[i];
        metric->kind = METRIC_MATCH;
        if (!is_generation) {
            if (!find_metric(child, protocol->kind, metric, err)) return false;
        } else if (!task_keep_string(task, child->key, &metric->name, err) ||
                   !task_read_template(task, child, child->key, &metric->reads, err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(protocol->metrics[k].name, metric->name))
                return config_fail(child, err, "the metric %s stands here a second time",
                                   metric->name);
    }
    return true;
}

/* How many examples, which, and what is left out where a prompt is too long. */
static bool read_examples(struct task *task, const struct config_node *map,
                          struct task_protocol *protocol, struct err *err)
{
    static const enum task_draw DRAWS[] = {[EXAMPLES_RANDOM] = DRAW_RANDOM,
                                           [EXAMPLES_RANDOM_OTHER] = DRAW_RANDOM_OTHER,
                                           [EXAMPLES_FIRST] = DRAW_FIRST,
                                           [EXAMPLES_FIXED] = DRAW_FIRST};
    struct config_protocol words;
    if (!config_read_map(task->arena, map, &CONFIG_TABLES[MAP_PROTOCOL], &words, err)) return false;
    protocol->shots = words.shots;
    protocol->fixed_shots = words.examples == EXAMPLES_FIXED;
    protocol->draw = DRAWS[words.examples];
    protocol->fit = words.fit == FEWER_SHOTS ? FIT_FEWER_SHOTS : FIT_KEEP_END;
    return !protocol->fixed_shots || (config_find(map, "preamble") && words.shots) ||
           config_fail(map, err, "fixed examples stand in the preamble, and shots says how many");
}

/* What tells the examples of a preamble apart. */
static bool read_marks(struct task *task, const struct config_node *map,
                       struct task_protocol *protocol, struct err *err)
{
    const struct config_node *marks = config_find(map, "marks");
    if (!marks) return true;
    if (!protocol->fixed_shots)
        return config_fail_key(marks, err, "marks tell fixed examples apart, and these are none");
    return config_read_map(task->arena, marks, &CONFIG_TABLES[MAP_MARKS], protocol, err);
}

static bool read_protocol(struct task *task, const struct config_node *map,
                          struct task_protocol *protocol, struct err *err)
{
    if (strstr(map->key, PROTOCOL_CHAT))
        return config_fail_key(map, err,
                               "no protocol's name may hold " PROTOCOL_CHAT
                               ", which says how a protocol is asked");
    protocol->delimiter = " ";
    protocol->separator = "\n\n";
    return task_keep_string(task, map->key, &protocol->name, err) &&
           read_examples(task, map, protocol, err) &&
           read_optional_template(task, map, "prompt", &protocol->prompt, err) &&
           read_optional_template(task, map, "description", &protocol->description, err) &&
           read_optional_template(task, map, "preamble", &protocol->preamble, err) &&
           read_marks(task, map, protocol, err) &&
           read_optional_raw(task, map, "delimiter", &protocol->delimiter, err) &&
           read_optional_raw(task, map, "separator", &protocol->separator, err) &&
           read_optional_template(task, map, "target", &protocol->target, err) &&
           read_kind(task, map, protocol, err) &&
           read_metrics(task, config_find(map, "metrics"), protocol, err);
}

bool task_read_protocols(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!task_read_names(task, map, "protocols", &names, &task->n_protocols, err)) return false;
    struct task_protocol *protocols =
        arena_alloc(task->arena, task->n_protocols, sizeof *protocols, err);
    if (!protocols) return false;
    const struct config_node *node = map->first;
    for (size_t i = 0; i < task->n_protocols; i++, node = node->next) {
        if (!read_protocol(task, node, &protocols[i], err)) return false;
        if (strcmp(protocols[i].metrics[0].name, protocols[0].metrics[0].name) != 0)
            return config_fail(config_find(node, "metrics"), err,
                               "the first metric must be %s, as in the first protocol",
                               protocols[0].metrics[0].name);
    }
    task->task_protocols = protocols;
    return true;
}
