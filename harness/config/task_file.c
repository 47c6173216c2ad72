/* task_file.c - see task_file.h: YAML into a struct task, but for its protocols (task_protocol.c).
 *
 * A task that is `like` another takes from that one every top-level key that it does not have. What
 * a task means is hashed after that.
 */
#include "harness/config/task_file.h"

#include "base/file.h"
#include "base/sha256.h"
#include "harness/config/grammar.h"
#include "harness/config/task_values.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 64 << 20 };

/* ---- Records, subsets, layouts ---- */

static bool read_texts(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!task_read_names(task, map, "texts", &names, &task->n_texts, err)) return false;
    struct task_text *texts = arena_alloc(task->arena, task->n_texts, sizeof *texts, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; texts && i < task->n_texts; i++, node = node->next) {
        texts[i].name = names[i];
        if (!task_read_template(task, node, names[i], &texts[i].path, err)) return false;
    }
    task->texts = texts;
    return texts != NULL;
}

/* Without the map the data are one file of records. */
static bool read_records(struct task *task, const struct config_node *map, struct err *err)
{
    if (!config_read_map(task->arena, map, &CONFIG_TABLES[MAP_RECORDS], task, err)) return false;
    if (!map) return true;
    const struct config_node *texts = config_find(map, "texts");
    if (task->files && !strstr(file_name(task->files), "{subset}"))
        return config_fail(config_find(map, "files"), err,
                           "files must have {subset} in the file's name, as in "
                           "\"questions_{subset}.jsonl\"");
    if (texts && !task->files)
        return config_fail_key(texts, err,
                               "texts are files beside those of subsets: they take "
                               "the key \"files\"");
    if (task->is_made && (task->files || task->member || task->n_columns))
        return config_fail(map, err, "records that are made are read from no file");
    return !texts || read_texts(task, texts, err);
}

static bool read_groups(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!task_read_names(task, map, "groups", &names, &task->n_groups, err)) return false;
    size_t most = ITEM_MAX_GROUPS - (task->files ? 1 : 0);
    if (task->n_groups > most) return config_fail(map, err, "more than %zu groups", most);
    struct task_group *groups = arena_alloc(task->arena, task->n_groups, sizeof *groups, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; groups && i < task->n_groups; i++, node = node->next) {
        groups[i].level = names[i];
        if (!task_read_template(task, node, names[i], &groups[i].name, err)) return false;
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
    if (!task_read_names(task, map, "a subset", &names, &n, err)) return false;
    struct value *items = arena_alloc(task->arena, n, sizeof *items, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; items && i < n; i++, node = node->next) {
        const char *text = NULL;
        if (!task_read_raw(task, node, names[i], &text, err)) return false;
        items[i] = value_text(text);
    }
    *out = (struct value){.kind = VALUE_MAP, .items = items, .keys = names, .n = n};
    return items != NULL;
}

static bool read_subsets(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    size_t n;
    if (!task_read_names(task, map, "subsets", &names, &n, err)) return false;
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
    if (!task_read_names(task, map, "a layout", &layout->names, &layout->n_fields, err))
        return false;
    struct task_value *values = arena_alloc(task->arena, layout->n_fields, sizeof *values, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; values && i < layout->n_fields; i++, node = node->next)
        if (!task_read_value(task, node, node->key, &values[i], err)) return false;
    layout->values = values;
    return values != NULL;
}

static bool read_layouts(struct task *task, const struct config_node *map, struct err *err)
{
    const char *const *names;
    if (!task_read_names(task, map, "layouts", &names, &task->n_layouts, err)) return false;
    struct task_layout *layouts = arena_alloc(task->arena, task->n_layouts, sizeof *layouts, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; layouts && i < task->n_layouts; i++, node = node->next) {
        layouts[i].name = names[i];
        if (!read_layout(task, node, &layouts[i], err)) return false;
    }
    task->layouts = layouts;
    return layouts != NULL;
}

/* ---- The whole ---- */

static bool read_tree(struct task *task, const struct config_node *root, struct err *err)
{
    if (!config_read_map(task->arena, root, &CONFIG_TABLES[MAP_TASK_FILE], task, err)) return false;
    const char *name = task->suite.name;
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
        return config_fail(config_find(root, "name"), err,
                           "a task's name is made of a-z, 0-9, _ and -, and this is \"%s\"", name);
    const struct config_node *groups = config_find(root, "groups");
    const struct config_node *subsets = config_find(root, "subsets");
    return read_records(task, config_find(root, "records"), err) &&
           (!groups || read_groups(task, groups, err)) &&
           (!subsets || read_subsets(task, subsets, err)) &&
           read_layouts(task, config_find(root, "layouts"), err) &&
           task_read_protocols(task, config_find(root, "protocols"), err);
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
    if (task->templates && task_keep_string(task, path, &task->file, err))
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
    char *text = config_read_file(name, &n_bytes, err);
    struct task *task = text ? config_task_parse(text, n_bytes, name, err) : NULL;
    free(text);
    return task;
}
