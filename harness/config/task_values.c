/* task_values.c - see task_values.h: what task files are made of at the smallest.
 *
 * Messages name the key as the caller calls it; places are those of the node.
 */
#include "harness/config/task_values.h"

bool task_keep_string(struct task *task, const char *text, const char **out, struct err *err)
{
    return (*out = arena_string(task->arena, text, err)) != NULL;
}

bool task_read_raw(struct task *task, const struct config_node *node, const char *what,
                   const char **out, struct err *err)
{
    if (node->kind != CONFIG_SCALAR) return config_fail(node, err, "%s must be text", what);
    return task_keep_string(task, node->text, out, err);
}

bool task_read_template(struct task *task, const struct config_node *node, const char *what,
                        const struct template **out, struct err *err)
{
    struct err reason = {0};
    if (node->kind != CONFIG_SCALAR) return config_fail(node, err, "%s must be a template", what);
    if ((*out = template_parse(task->templates, node->text, &reason))) return true;
    if (reason.code == ERR_MEMORY && err) *err = reason;
    return reason.code != ERR_MEMORY && config_fail(node, err, "%s: %s", what, reason.message);
}

bool task_read_value(struct task *task, const struct config_node *node, const char *what,
                     struct task_value *out, struct err *err)
{
    out->is_list = node->kind == CONFIG_LIST;
    out->n = out->is_list ? config_count(node) : 1;
    if (!out->n) return config_fail(node, err, "%s is an empty list", what);
    const struct template **templates = arena_alloc(task->arena, out->n, sizeof *templates, err);
    if (!templates) return false;
    const struct config_node *element = out->is_list ? node->first : node;
    for (size_t i = 0; i < out->n; i++, element = element->next)
        if (!task_read_template(task, element, what, &templates[i], err)) return false;
    out->templates = templates;
    return true;
}

bool task_read_names(struct task *task, const struct config_node *map, const char *what,
                     const char *const **names, size_t *n, struct err *err)
{
    if (map->kind != CONFIG_MAP || !map->first)
        return config_fail(map, err, "%s must be a map that is not empty", what);
    *n = config_count(map);
    const char **out = arena_alloc(task->arena, *n, sizeof *out, err);
    const struct config_node *node = map->first;
    for (size_t i = 0; out && i < *n; i++, node = node->next)
        if (!task_keep_string(task, node->key, &out[i], err)) return false;
    *names = out;
    return out != NULL;
}
