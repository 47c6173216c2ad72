/* task_file.c - see task_file.h: YAML into a struct task, and templates parsed.
 *
 * A task that is `like` another takes from that one every top-level key that it does not have. What
 * a task means is hashed after that.
 */
#include "harness/config/task_file.h"

#include "base/file.h"
#include "base/sha256.h"
#include "harness/config/keys.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 20, MAX_ARENA_BYTES = 64 << 20, MAX_VERSION = 1000000 };

/* ---- Small values ---- */

static bool keep_string(struct task *task, const char *text, const char **out, struct err *err)
{
    return (*out = arena_string(task->arena, text, err)) != NULL;
}

/* Text as it stands, also where it looks like a number, and also if it is empty. */
static bool read_raw(struct task *task, const struct config_node *node, const char *what,
                     const char **out, struct err *err)
{
    if (node->kind != CONFIG_SCALAR) return config_fail(node, err, "%s must be text", what);
    return keep_string(task, node->text, out, err);
}

static bool read_template(struct task *task, const struct config_node *node, const char *what,
                          const struct template **out, struct err *err)
{
    struct err reason = {0};
    if (node->kind != CONFIG_SCALAR) return config_fail(node, err, "%s must be a template", what);
    if ((*out = template_parse(task->templates, node->text, &reason))) return true;
    if (reason.code == ERR_MEMORY && err) *err = reason;
    return reason.code != ERR_MEMORY && config_fail(node, err, "%s: %s", what, reason.message);
}

/* A template, or a list of them. */
static bool read_value(struct task *task, const struct config_node *node, const char *what,
                       struct task_value *out, struct err *err)
{
    out->is_list = node->kind == CONFIG_LIST;
    out->n = out->is_list ? config_count(node) : 1;
    if (!out->n) return config_fail(node, err, "%s is an empty list", what);
    const struct template **templates = arena_alloc(task->arena, out->n, sizeof *templates, err);
    if (!templates) return false;
    const struct config_node *element = out->is_list ? node->first : node;
    for (size_t i = 0; i < out->n; i++, element = element->next)
        if (!read_template(task, element, what, &templates[i], err)) return false;
    out->templates = templates;
    return true;
}

/* The names of a map's members, and how many there are. */
static bool read_names(struct task *task, const struct config_node *map, const char *what,
                       const char *const **names, size_t *n, struct err *err)
{
    if (map->kind != CONFIG_MAP || !map->first)
        return config_fail(map, err, "%s must be a map that is not empty", what);
    *n = config_count(map);
    const char **out = arena_alloc(task->arena, *n, sizeof *out, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; out && i < *n; i++, node = node->next)
        if (!keep_string(task, node->key, &out[i], err)) return false;
    *names = out;
    return out != NULL;
}

/* ---- Records, subsets, layouts ---- */

struct raw_records {
    const char *member, *files, *level;
    int made;
    struct config_texts columns;
    const struct config_node *texts;
};

static const char *const MADE[] = {"", "needle", NULL};

static const struct config_key RECORDS_KEYS[] = {
    {.name = "made",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_records, made),
     .choices = MADE},
    {.name = "member", .type = CONFIG_TEXT, .offset = offsetof(struct raw_records, member)},
    {.name = "columns", .type = CONFIG_TEXTS, .offset = offsetof(struct raw_records, columns)},
    {.name = "files", .type = CONFIG_TEXT, .offset = offsetof(struct raw_records, files)},
    {.name = "level", .type = CONFIG_TEXT, .offset = offsetof(struct raw_records, level)},
    {.name = "texts", .type = CONFIG_NODE, .offset = offsetof(struct raw_records, texts)},
};

static bool read_texts(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!read_names(task, map, "texts", &names, &task->n_texts, err)) return false;
    struct task_text *texts = arena_alloc(task->arena, task->n_texts, sizeof *texts, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; texts && i < task->n_texts; i++, node = node->next) {
        texts[i].name = names[i];
        if (!read_template(task, node, names[i], &texts[i].path, err)) return false;
    }
    task->texts = texts;
    return texts != NULL;
}

static bool read_records(struct task *task, const struct config_node *node, struct err *err)
{
    struct raw_records raw = {.level = "subset"};
    if (!config_read_map(task->arena, node, "records", RECORDS_KEYS,
                         sizeof RECORDS_KEYS / sizeof *RECORDS_KEYS, &raw, err))
        return false;
    const char *mark = raw.files ? strstr(file_name(raw.files), "{subset}") : NULL;
    if (raw.files && !mark)
        return config_fail(config_find(node, "files"), err,
                           "files must have {subset} in the file's name, as in "
                           "\"questions_{subset}.jsonl\"");
    if (raw.texts && !raw.files)
        return config_fail_key(raw.texts, err,
                               "texts are files beside those of subsets: they take "
                               "the key \"files\"");
    if (raw.made && (raw.files || raw.member || raw.columns.n))
        return config_fail(node, err, "records that are made are read from no file");
    task->is_made = raw.made;
    task->member = raw.member;
    task->files = raw.files;
    task->level = raw.level;
    task->columns = raw.columns.items;
    task->n_columns = raw.columns.n;
    return !raw.texts || read_texts(task, raw.texts, err);
}

static bool read_groups(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!read_names(task, map, "groups", &names, &task->n_groups, err)) return false;
    size_t most = ITEM_MAX_GROUPS - (task->files ? 1 : 0);
    if (task->n_groups > most) return config_fail(map, err, "more than %zu groups", most);
    struct task_group *groups = arena_alloc(task->arena, task->n_groups, sizeof *groups, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; groups && i < task->n_groups; i++, node = node->next) {
        groups[i].level = names[i];
        if (!read_template(task, node, names[i], &groups[i].name, err)) return false;
    }
    task->groups = groups;
    return groups != NULL;
}

/* A map of texts, as values. */
static bool read_words(struct task *task, const struct config_node *map, struct value *out,
                       struct err *err)
{
    const char *const *names;
    size_t n;
    if (!read_names(task, map, "a subset", &names, &n, err)) return false;
    struct value *items = arena_alloc(task->arena, n, sizeof *items, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; items && i < n; i++, node = node->next) {
        const char *text = NULL;
        if (!read_raw(task, node, names[i], &text, err)) return false;
        items[i] = value_text(text);
    }
    *out = (struct value){.kind = VALUE_MAP, .items = items, .keys = names, .n = n};
    return items != NULL;
}

static bool read_subsets(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    size_t n;
    if (!read_names(task, map, "subsets", &names, &n, err)) return false;
    struct value *subsets = arena_alloc(task->arena, 1, sizeof *subsets, err);
    struct value *items = arena_alloc(task->arena, n, sizeof *items, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; items && i < n; i++, node = node->next)
        if (!read_words(task, node, &items[i], err)) return false;
    if (!subsets || !items) return false;
    *subsets = (struct value){.kind = VALUE_MAP, .items = items, .keys = names, .n = n};
    task->subsets = subsets;
    return true;
}

static bool read_layout(struct task *task, const struct config_node *map,
                        struct task_layout *layout, struct err *err)
{
    if (!read_names(task, map, "a layout", &layout->names, &layout->n_fields, err)) return false;
    struct task_value *values = arena_alloc(task->arena, layout->n_fields, sizeof *values, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; values && i < layout->n_fields; i++, node = node->next)
        if (!read_value(task, node, node->key, &values[i], err)) return false;
    layout->values = values;
    return values != NULL;
}

static bool read_layouts(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!read_names(task, map, "layouts", &names, &task->n_layouts, err)) return false;
    struct task_layout *layouts = arena_alloc(task->arena, task->n_layouts, sizeof *layouts, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; layouts && i < task->n_layouts; i++, node = node->next) {
        layouts[i].name = names[i];
        if (!read_layout(task, node, &layouts[i], err)) return false;
    }
    task->layouts = layouts;
    return layouts != NULL;
}

/* ---- Protocols ---- */

struct raw_protocol {
    int64_t shots;
    int examples, fit;
    const struct config_node *preamble, *prompt, *delimiter, *separator, *choices, *stems,
        *continuation, *generate, *answer, *target, *metrics;
};

static const char *const EXAMPLE_WAYS[] = {"random", "random-other", "first", "fixed", NULL};
enum { WAY_RANDOM, WAY_RANDOM_OTHER, WAY_FIRST, WAY_FIXED };
static const char *const FITS[] = {"keep-end", "fewer-shots", NULL};

#define NODE_KEY(key)                                                                              \
    {                                                                                              \
        .name = #key, .type = CONFIG_NODE, .offset = offsetof(struct raw_protocol, key)            \
    }

static const struct config_key PROTOCOL_KEYS[] = {
    {.name = "shots",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_protocol, shots),
     .low = 0,
     .high = TASK_MAX_SHOTS},
    {.name = "examples",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_protocol, examples),
     .choices = EXAMPLE_WAYS},
    {.name = "fit",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct raw_protocol, fit),
     .choices = FITS},
    NODE_KEY(preamble),
    {.name = "prompt",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_protocol, prompt),
     .required = true},
    NODE_KEY(delimiter),
    NODE_KEY(separator),
    NODE_KEY(choices),
    NODE_KEY(stems),
    NODE_KEY(continuation),
    NODE_KEY(generate),
    NODE_KEY(answer),
    NODE_KEY(target),
    {.name = "metrics",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_protocol, metrics),
     .required = true},
};

struct raw_generate {
    int64_t max_tokens;
    const struct config_node *stops;
};

static const struct config_key GENERATE_KEYS[] = {
    {.name = "max_tokens",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_generate, max_tokens),
     .low = 1,
     .high = 1 << 20},
    {.name = "stops", .type = CONFIG_NODE, .offset = offsetof(struct raw_generate, stops)},
};

static bool read_generate(struct task *task, const struct config_node *map,
                          struct task_protocol *protocol, struct err *err)
{
    struct raw_generate raw = {.max_tokens = 256};
    if (!config_read_map(task->arena, map, "generate", GENERATE_KEYS,
                         sizeof GENERATE_KEYS / sizeof *GENERATE_KEYS, &raw, err))
        return false;
    protocol->max_tokens = (size_t)raw.max_tokens;
    if (!raw.stops) return true;
    if (raw.stops->kind != CONFIG_LIST)
        return config_fail(raw.stops, err, "stops must be a list of templates");
    return read_value(task, raw.stops, "stops", &protocol->stops, err);
}

/* What is asked of the model: choices, a continuation or a generation. */
static bool read_kind(struct task *task, const struct config_node *map,
                      const struct raw_protocol *raw, struct task_protocol *protocol,
                      struct err *err)
{
    if (!raw->choices + !raw->continuation + !raw->generate != 2)
        return config_fail(map, err,
                           "a protocol has one of the keys choices, continuation and generate");
    if (raw->stems && !raw->choices)
        return config_fail_key(raw->stems, err, "stems take the key choices");
    protocol->kind = raw->choices        ? TASK_CHOICES
                     : raw->continuation ? TASK_CONTINUATION
                                         : TASK_GENERATE;
    if (protocol->kind == TASK_CONTINUATION)
        return read_template(task, raw->continuation, "continuation", &protocol->continuation, err);
    if (!(protocol->answer = template_parse(task->templates, "{answer}", err)) ||
        (raw->answer && !read_template(task, raw->answer, "answer", &protocol->answer, err)))
        return false;
    if (protocol->kind == TASK_GENERATE) return read_generate(task, raw->generate, protocol, err);
    return read_value(task, raw->choices, "choices", &protocol->choices, err) &&
           (!raw->stems || read_value(task, raw->stems, "stems", &protocol->stems, err));
}

/* ---- Metrics ---- */

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
enum { N_METRICS = sizeof METRICS / sizeof *METRICS };

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
        } else if (!keep_string(task, child->key, &metric->name, err) ||
                   !read_template(task, child, child->key, &metric->reads, err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(protocol->metrics[k].name, metric->name))
                return config_fail(child, err, "the metric %s stands here a second time",
                                   metric->name);
    }
    return true;
}

static bool read_protocol(struct task *task, const struct config_node *map,
                          struct task_protocol *protocol, struct err *err)
{
    struct raw_protocol raw = {.examples = WAY_RANDOM};
    if (!keep_string(task, map->key, &protocol->name, err) ||
        !config_read_map(task->arena, map, "a protocol", PROTOCOL_KEYS,
                         sizeof PROTOCOL_KEYS / sizeof *PROTOCOL_KEYS, &raw, err))
        return false;
    protocol->shots = (int)raw.shots;
    protocol->fixed_shots = raw.examples == WAY_FIXED;
    protocol->draw = raw.examples == WAY_RANDOM_OTHER ? DRAW_RANDOM_OTHER
                     : raw.examples == WAY_RANDOM     ? DRAW_RANDOM
                                                      : DRAW_FIRST;
    protocol->fit = raw.fit ? FIT_FEWER_SHOTS : FIT_KEEP_END;
    protocol->delimiter = " ";
    protocol->separator = "\n\n";
    if (protocol->fixed_shots && (!raw.preamble || !raw.shots))
        return config_fail(map, err,
                           "fixed examples stand in the preamble, and shots says how many");
    return read_template(task, raw.prompt, "prompt", &protocol->prompt, err) &&
           (!raw.preamble ||
            read_template(task, raw.preamble, "preamble", &protocol->preamble, err)) &&
           (!raw.delimiter ||
            read_raw(task, raw.delimiter, "delimiter", &protocol->delimiter, err)) &&
           (!raw.separator ||
            read_raw(task, raw.separator, "separator", &protocol->separator, err)) &&
           (!raw.target || read_template(task, raw.target, "target", &protocol->target, err)) &&
           read_kind(task, map, &raw, protocol, err) &&
           read_metrics(task, raw.metrics, protocol, err);
}

static bool read_protocols(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!read_names(task, map, "protocols", &names, &task->n_protocols, err)) return false;
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

/* ---- The whole ---- */

struct raw_task {
    const char *name, *summary, *like;
    int64_t version;
    const struct config_node *records, *groups, *subsets, *layouts, *protocols;
};

static const struct config_key TASK_KEYS[] = {
    {.name = "name",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct raw_task, name),
     .required = true},
    {.name = "version",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct raw_task, version),
     .required = true,
     .low = 1,
     .high = MAX_VERSION},
    {.name = "summary",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct raw_task, summary),
     .required = true},
    {.name = "like", .type = CONFIG_TEXT, .offset = offsetof(struct raw_task, like)},
    {.name = "records", .type = CONFIG_NODE, .offset = offsetof(struct raw_task, records)},
    {.name = "groups", .type = CONFIG_NODE, .offset = offsetof(struct raw_task, groups)},
    {.name = "subsets", .type = CONFIG_NODE, .offset = offsetof(struct raw_task, subsets)},
    {.name = "layouts",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_task, layouts),
     .required = true},
    {.name = "protocols",
     .type = CONFIG_NODE,
     .offset = offsetof(struct raw_task, protocols),
     .required = true},
};

static bool read_tree(struct task *task, const struct config_node *root, struct err *err)
{
    struct raw_task raw = {0};
    if (!config_read_map(task->arena, root, "the task", TASK_KEYS,
                         sizeof TASK_KEYS / sizeof *TASK_KEYS, &raw, err))
        return false;
    if (raw.name[strspn(raw.name, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
        return config_fail(config_find(root, "name"), err,
                           "a task's name is made of a-z, 0-9, _ and -, and this is \"%s\"",
                           raw.name);
    task->suite.name = raw.name;
    task->suite.version = (int)raw.version;
    task->summary = raw.summary;
    task->level = "subset";
    return (!raw.records || read_records(task, raw.records, err)) &&
           (!raw.groups || read_groups(task, raw.groups, err)) &&
           (!raw.subsets || read_subsets(task, raw.subsets, err)) &&
           read_layouts(task, raw.layouts, err) && read_protocols(task, raw.protocols, err);
}

/* Gives the map the members of the task that it is like, where it has none of that name. */
static bool inherit(struct task *task, struct config_node *root, struct err *err)
{
    struct config_node *like = root->kind == CONFIG_MAP ? config_find(root, "like") : NULL;
    if (!like) return true;
    const struct embedded_file *file =
        like->kind == CONFIG_SCALAR ? task_file_find(like->text) : NULL;
    if (!file) return config_fail(like, err, "there is no built-in task of that name to be like");
    struct config_node *base =
        config_parse(task->arena, file->text, strlen(file->text), file->path, err);
    if (!base) return false;
    if (config_find(base, "like"))
        return config_fail(like, err, "%s is like another task itself: name that one", like->text);
    struct config_node **tail = &root->first;
    while (*tail) tail = &(*tail)->next;
    for (struct config_node *node = base->first, *next; node; node = next) {
        next = node->next;
        if (config_find(root, node->key)) continue;
        node->next = NULL;
        *tail = node;
        tail = &node->next;
    }
    return true;
}

static bool hash_meaning(struct task *task, const struct config_node *root, struct err *err)
{
    struct buf meaning = {0};
    config_canonical(root, &meaning);
    bool ok = buf_check(&meaning, err) && sha256_text(buf_string(&meaning), task->hash, err);
    buf_free(&meaning);
    return ok;
}

struct task *config_task_parse(const char *text, size_t n_bytes, const char *path, struct err *err)
{
    struct arena *arena = arena_new(MAX_ARENA_BYTES, err);
    struct task *task = arena ? arena_alloc(arena, 1, sizeof *task, err) : NULL;
    if (!task) {
        arena_free(arena);
        return NULL;
    }
    task->arena = arena;
    task->templates = templates_new(err);
    struct config_node *root = NULL;
    if (task->templates && keep_string(task, path, &task->file, err))
        root = config_parse(arena, text, n_bytes, path, err);
    if (root && inherit(task, root, err) && read_tree(task, root, err) &&
        hash_meaning(task, root, err) && task_finish(task, err))
        return task;
    task_free(task);
    return NULL;
}

const struct embedded_file *task_file_find(const char *name)
{
    const struct embedded_file *file = EMBEDDED_TASKS;
    while (file->name && strcmp(file->name, name) != 0) file++;
    return file->name ? file : NULL;
}

struct task *config_task_open(const char *name, struct err *err)
{
    const struct embedded_file *file = task_file_find(name);
    if (file) return config_task_parse(file->text, strlen(file->text), file->path, err);
    if (!strchr(name, '/') && !file_name_ends(name, ".yaml")) {
        err_set(err, ERR_CONFIG, "there is no task \"%s\"; 'phibench tasks' lists them", name);
        return NULL;
    }
    size_t n_bytes;
    char *text = file_read(name, MAX_FILE_BYTES, &n_bytes, err);
    if (!text && err && err->code == ERR_IO) err->code = ERR_CONFIG;
    struct task *task = text ? config_task_parse(text, n_bytes, name, err) : NULL;
    free(text);
    return task;
}
