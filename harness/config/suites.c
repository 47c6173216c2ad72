/* suites.c - the `suites` of a configuration: each is a map of one member, the suite's name.
 *
 * Protocols are known by the suites themselves. Data are looked for here and loaded when the plan
 * is made.
 */
#include "base/file.h"
#include "base/mem.h"
#include "harness/config/grammar.h"
#include "harness/config/parts.h"
#include "harness/config/task_file.h"
#include "suites/vision_suites.h"

#include <string.h>

/* How a chat is asked says nothing where none is. */
static bool check_chat(const struct config_node *map, const struct config_suite *suite,
                       struct err *err)
{
    static const char *const OF_CHAT[] = {"fewshot_as_multiturn", "system"};
    for (size_t i = 0; !suite->options.chat.is_asked && i < COUNT_OF(OF_CHAT); i++) {
        const struct config_node *node = config_find(map, OF_CHAT[i]);
        if (node) return config_fail_key(node, err, "%s goes with chat: true", OF_CHAT[i]);
    }
    return true;
}

/* The map's `protocol`, which the suite must have; without one the suite's default. */
static bool read_protocol(struct config *config, const struct config_node *map,
                          struct config_suite *suite, struct err *err)
{
    char hint[400];
    const struct config_node *node = config_find(map, "protocol");
    const char *const *known = suite->suite->protocols, **protocol = &suite->options.protocol;
    if (!check_chat(map, suite, err)) return false;
    *protocol = known[0];
    if (!node) return true;
    if (!config_read_text(config->arena, node, "protocol", CONFIG_TEXT, protocol, err))
        return false;
    size_t n = 0;
    for (; known[n]; n++)
        if (!strcmp(known[n], *protocol)) return true;
    if (!strcmp(suite->suite->name, "mmlu") && !strcmp(*protocol, "generative")) {
        config_fail(node, err, "not supported yet: the protocol generative");
        if (err) err->code = ERR_UNSUPPORTED;
        return false;
    }
    config_suggest(*protocol, known, n, hint, sizeof hint);
    return config_fail(node, err, "%s has no protocol \"%s\"%s", suite->suite->name, *protocol,
                       hint);
}

static bool check_references(struct config *config, const struct config_node *map,
                             struct config_suite *suite, struct err *err)
{
    return !suite->save_reference || config->n_models * config->models[0].n_variants == 1 ||
           config_fail_key(config_find(map, "save_reference"), err,
                           "one file keeps the logits of one model in one quantization");
}

/* Without a number of threads as many as models run with. */
static bool choose_threads(struct config *config, const struct config_node *map,
                           struct config_suite *suite, struct err *err)
{
    (void)map;
    if (suite->throughput.threads) return true;
    int64_t *threads = arena_alloc(config->arena, 1, sizeof *threads, err);
    if (!threads) return false;
    *threads = config->n_threads ? config->n_threads : engine_default_threads();
    suite->throughput.threads = threads;
    suite->throughput.n_threads = 1;
    return true;
}

/* `retrieval` makes two suites of one: closed book, which the open book is compared with, and open
 * book. */
static bool read_book(struct config *config, const struct config_node *map,
                      struct config_suite *suite, struct err *err)
{
    struct retrieval_options *options = &suite->retrieval;
    const struct config_node *node = config_find(map, "retrieval");
    if (!read_protocol(config, map, suite, err)) return false;
    suite->options.is_open_book = node != NULL;
    if (!node) return true;
    if (!config_read_map(config->arena, node, &CONFIG_TABLES[MAP_RETRIEVAL], options, err))
        return false;
    return options->index || options->build_from ||
           config_fail(node, err,
                       "retrieval takes the index to search, index: FILE, or the texts to make "
                       "one of, build_from: FILE or FOLDER");
}

/* What the models of pictures were made for; the suite's own where the file says nothing. */
static bool read_pictures(struct config *config, const struct config_node *map,
                          struct config_suite *suite, struct err *err)
{
    const struct config_node *node = config_find(map, "images");
    int num_crops = suite->options.num_crops;
    if (!file_is_folder(suite->options.images))
        return config_fail(node, err, "images is the folder of the pictures, and this is a file");
    if (num_crops && !vision_may_cut(num_crops))
        return config_fail(config_find(map, "num_crops"), err,
                           "num_crops is 4 or 16, as the models of pictures have it, not %d",
                           num_crops);
    return read_protocol(config, map, suite, err);
}

/* Data are read or made: each way has keys of its own. */
static bool check_source(const struct config_node *map, const struct config_suite *suite,
                         struct err *err)
{
    static const char *const OF_MADE[] = {"words", "depths", "count", "seed", NULL};
    static const char *const OF_READ[] = {"examples", "subsets", "shots", NULL};
    bool is_made = suite->task->is_made;
    for (const char *const *other = is_made ? OF_READ : OF_MADE; *other; other++) {
        const struct config_node *node = config_find(map, *other);
        if (node)
            return config_fail_key(node, err, "%s %s its questions: it has no %s",
                                   suite->suite->name, is_made ? "makes" : "reads", *other);
    }
    return is_made || config_find(map, "data") ||
           config_fail(map, err, "suite %s needs the key \"data\"", map->key);
}

static bool open_task(struct config *config, const struct config_node *map,
                      struct config_suite *suite, struct err *err)
{
    suite->task = config_task_open(suite->task_file ? suite->task_file : map->key, err);
    if (!suite->task) return false;
    suite->suite = &suite->task->suite;
    suite->options.needles = &suite->needles;
    return check_source(map, suite, err) && read_protocol(config, map, suite, err);
}

/* How a suite is read: its keys by a table, and what no table can say by `finish`. */
struct reader {
    const char *name;
    enum config_suite_kind kind;
    enum config_map_kind map;
    bool (*finish)(struct config *config, const struct config_node *map, struct config_suite *suite,
                   struct err *err);
};

static const struct reader READERS[] = {
    {"mmlu", CONFIG_SUITE_ITEMS, MAP_MMLU, read_protocol},
    {"perplexity", CONFIG_SUITE_TEXT, MAP_PERPLEXITY, check_references},
    {"throughput", CONFIG_SUITE_THROUGHPUT, MAP_THROUGHPUT, choose_threads},
    {"triviaqa", CONFIG_SUITE_ITEMS, MAP_TRIVIAQA, read_book},
    {"pope", CONFIG_SUITE_ITEMS, MAP_POPE, read_pictures},
    {"scienceqa", CONFIG_SUITE_ITEMS, MAP_SCIENCEQA, read_pictures},
    {"textvqa", CONFIG_SUITE_ITEMS, MAP_TEXTVQA, read_pictures},
    {"mt_bench", CONFIG_SUITE_ITEMS, MAP_MT_BENCH, config_read_judging},
    {"task", CONFIG_SUITE_ITEMS, MAP_TASK, open_task},
};
static const struct reader BUILT_IN_TASK = {NULL, CONFIG_SUITE_ITEMS, MAP_BUILT_IN_TASK, open_task};

enum { MAX_TASKS = 64 };

/* The reader for the map's key; NULL if no suite has this name. */
static const struct reader *find_reader(const struct config_node *map, struct err *err)
{
    char hint[400];
    const char *names[COUNT_OF(READERS) + MAX_TASKS];
    size_t n_known = 0;
    for (; n_known < COUNT_OF(READERS); n_known++) {
        names[n_known] = READERS[n_known].name;
        if (!strcmp(names[n_known], map->key)) return &READERS[n_known];
    }
    if (task_file_find(map->key)) return &BUILT_IN_TASK;
    for (size_t i = 0; i < MAX_TASKS && EMBEDDED_TASKS[i].name; i++)
        names[n_known++] = EMBEDDED_TASKS[i].name;
    config_suggest(map->key, names, n_known, hint, sizeof hint);
    config_fail_key(map, err, "there is no suite \"%.64s\"%s", map->key, hint);
    return NULL;
}

bool config_suite_is_rated(const struct config_suite *suite)
{
    return suite->kind == CONFIG_SUITE_ITEMS && !suite->judge;
}

/* A precision is of scores between 0 and 100%: others are asked whole. */
static bool check_precision(const struct config_node *map, const struct reader *reader,
                            struct err *err)
{
    const struct config_node *node = config_find(map, "precision");
    bool is_rated = reader->kind == CONFIG_SUITE_ITEMS && reader->map != MAP_MT_BENCH;
    return !node || is_rated ||
           config_fail_key(node, err,
                           "a precision is of a score between 0 and 100%%: %s has none, and is "
                           "asked whole",
                           map->key);
}

bool config_suite_is_for(const struct config_suite *suite, const struct config_model *model)
{
    for (size_t i = 0; i < suite->n_model_ids; i++)
        if (!strcmp(suite->model_ids[i], model->id)) return true;
    return suite->n_model_ids == 0;
}

/* The ids under `models` are of models of the configuration, the baseline's among them. */
static bool check_models(const struct config *config, const struct config_node *map,
                         const struct config_suite *suite, struct err *err)
{
    const struct config_node *node = config_find(map, "models");
    for (size_t i = 0; i < suite->n_model_ids; i++) {
        bool is_known = false;
        for (size_t k = 0; k < config->n_models; k++)
            is_known = is_known || !strcmp(suite->model_ids[i], config->models[k].id);
        if (!is_known)
            return config_fail(node, err, "there is no model \"%.64s\"", suite->model_ids[i]);
    }
    for (size_t k = 0; suite->baseline && k < config->n_models; k++)
        if (!strcmp(config->models[k].id, suite->baseline) &&
            !config_suite_is_for(suite, &config->models[k]))
            return config_fail(node, err, "the baseline %.64s is not among the suite's models",
                               suite->baseline);
    return true;
}

static bool read_suite(struct config *config, const struct config_node *node,
                       struct config_suite *suite, struct err *err)
{
    if (node->kind != CONFIG_MAP || !node->first || node->first->next)
        return config_fail(
            node, err, "a suite is one name with its settings, as in \"- mmlu: {data: FOLDER}\"");
    const struct config_node *map = node->first;
    const struct reader *reader = find_reader(map, err);
    if (!reader) return false;
    suite->place = config_place(map);
    suite->kind = reader->kind;
    suite->suite = suite_find(map->key);
    return check_precision(map, reader, err) &&
           config_read_map(config->arena, map, &CONFIG_TABLES[reader->map], suite, err) &&
           reader->finish(config, map, suite, err) && check_models(config, map, suite, err);
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
