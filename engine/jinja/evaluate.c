/* evaluate.c - expressions of a compiled template.
 *
 * One function for each kind of node, chosen by a table. What a name means was decided when the
 * template was compiled; a slot without a value is undefined.
 */
#include "engine/jinja/render.h"

#include <string.h>

typedef bool evaluate_fn(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *node, struct jinja_value *out);

/* ---- names and assignment */

struct jinja_value *jinja_slot(struct jinja_frame *frame, struct jinja_address address)
{
    for (size_t i = 0; i < address.hops; i++) frame = frame->outer;
    return &frame->slots[address.slot];
}

static bool describe_undefined(struct jinja_run *run, const struct jinja_text *name,
                               struct jinja_value *out)
{
    char *hint =
        arena_printf(run->arena, NULL, "\"%.*s\" is undefined", (int)name->n_bytes, name->bytes);
    *out = jinja_undefined(hint ? hint : "undefined");
    return true;
}

static bool evaluate_name(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    *out = *jinja_slot(frame, node->address);
    return out->kind != JINJA_MISSING || describe_undefined(run, node->name, out);
}

static bool assign_items(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_nodes *targets, struct jinja_value value)
{
    struct jinja_value items;
    if (!jinja_collect(run, value, &items)) return false;
    if (items.list->n != targets->n)
        return jinja_fail(run, "%zu values for %zu names", items.list->n, targets->n);
    for (size_t i = 0; i < targets->n; i++)
        if (!jinja_assign(run, frame, targets->items[i], items.list->items[i])) return false;
    return true;
}

bool jinja_assign(struct jinja_run *run, struct jinja_frame *frame, const struct jinja_node *target,
                  struct jinja_value value)
{
    run->at = target->at;
    if (target->kind == NODE_TUPLE) return assign_items(run, frame, &target->list, value);
    struct jinja_value *slot = jinja_slot(frame, target->address);
    if (target->kind == NODE_NAME) {
        *slot = value;
        return true;
    }
    if (slot->kind != JINJA_NAMESPACE)
        return jinja_fail(run, "an attribute can only be set on a namespace");
    const struct jinja_text *name = target->attribute;
    if (name->bytes[0] == '_')
        return jinja_fail(run, "the attribute \"%.*s\" begins with an underscore",
                          (int)name->n_bytes, name->bytes);
    struct jinja_value key;
    return jinja_text_of(run, name->bytes, name->n_bytes, &key) &&
           jinja_dict_set(run, slot->dict, key, value);
}

/* ---- literals */

static bool evaluate_const(struct jinja_run *run, struct jinja_frame *frame,
                           const struct jinja_node *node, struct jinja_value *out)
{
    (void)run;
    (void)frame;
    *out = node->constant;
    return true;
}

static bool evaluate_list(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    enum jinja_kind kind = node->kind == NODE_LIST ? JINJA_LIST : JINJA_TUPLE;
    if (!jinja_list_new(run, kind, node->list.n, out)) return false;
    for (size_t i = 0; i < node->list.n; i++) {
        struct jinja_value item;
        if (!jinja_evaluate(run, frame, node->list.items[i], &item) ||
            !jinja_list_push(run, out->list, item))
            return false;
    }
    return true;
}

static bool evaluate_dict(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    if (!jinja_dict_new(run, out)) return false;
    for (size_t i = 0; i + 1 < node->list.n; i += 2) {
        struct jinja_value key, value;
        if (!jinja_evaluate(run, frame, node->list.items[i], &key) ||
            !jinja_evaluate(run, frame, node->list.items[i + 1], &value))
            return false;
        run->at = node->list.items[i]->at;
        if (!jinja_dict_set(run, out->dict, key, value)) return false;
    }
    return true;
}

static bool evaluate_concat(struct jinja_run *run, struct jinja_frame *frame,
                            const struct jinja_node *node, struct jinja_value *out)
{
    struct buf text = jinja_buffer(run);
    for (size_t i = 0; i < node->list.n; i++) {
        struct jinja_value part;
        if (!jinja_evaluate(run, frame, node->list.items[i], &part) ||
            !jinja_append_str(run, &text, part)) {
            buf_free(&text);
            return false;
        }
    }
    run->at = node->at;
    return jinja_text_take(run, &text, out);
}

/* ---- attributes, items */

static bool evaluate_attribute(struct jinja_run *run, struct jinja_frame *frame,
                               const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value object;
    if (!jinja_evaluate(run, frame, node->left, &object)) return false;
    run->at = node->at;
    return jinja_attribute(run, object, node->word, out);
}

static bool evaluate_item(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value object, key;
    if (!jinja_evaluate(run, frame, node->left, &object) ||
        !jinja_evaluate(run, frame, node->right, &key))
        return false;
    run->at = node->at;
    return jinja_item(run, object, key, out);
}

static bool evaluate_slice(struct jinja_run *run, struct jinja_frame *frame,
                           const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value object, parts[3];
    if (!jinja_evaluate(run, frame, node->list.items[0], &object)) return false;
    for (size_t i = 0; i < 3; i++) {
        parts[i] = jinja_none();
        if (node->list.items[i + 1] &&
            !jinja_evaluate(run, frame, node->list.items[i + 1], &parts[i]))
            return false;
    }
    run->at = node->at;
    return jinja_slice(run, object, parts, out);
}

/* ---- operators */

static bool evaluate_sign(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value value;
    if (!jinja_evaluate(run, frame, node->left, &value)) return false;
    run->at = node->at;
    return jinja_negate(run, value, node->kind == NODE_NEGATIVE, out);
}

static bool evaluate_not(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value value;
    if (!jinja_evaluate(run, frame, node->left, &value)) return false;
    *out = jinja_bool(!jinja_truth(value));
    return true;
}

/* `and` and `or` give one of their operands. */
static bool evaluate_logic(struct jinja_run *run, struct jinja_frame *frame,
                           const struct jinja_node *node, struct jinja_value *out)
{
    if (!jinja_evaluate(run, frame, node->left, out)) return false;
    if (jinja_truth(*out) == (node->kind == NODE_OR)) return true;
    return jinja_evaluate(run, frame, node->right, out);
}

static bool evaluate_binary(struct jinja_run *run, struct jinja_frame *frame,
                            const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value left, right;
    if (!jinja_evaluate(run, frame, node->left, &left) ||
        !jinja_evaluate(run, frame, node->right, &right))
        return false;
    run->at = node->at;
    return jinja_operate(run, node->op, left, right, out);
}

/* a < b < c holds if both do, and does not look at c if a < b does not hold. */
static bool evaluate_comparison(struct jinja_run *run, struct jinja_frame *frame,
                                const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value left, right;
    if (!jinja_evaluate(run, frame, node->compare.operands.items[0], &left)) return false;
    *out = jinja_bool(true);
    for (size_t i = 1; i < node->compare.operands.n && jinja_truth(*out); i++) {
        if (!jinja_evaluate(run, frame, node->compare.operands.items[i], &right)) return false;
        run->at = node->at;
        if (!jinja_operate(run, node->compare.operators[i - 1], left, right, out)) return false;
        left = right;
    }
    return true;
}

static bool evaluate_condition(struct jinja_run *run, struct jinja_frame *frame,
                               const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value test;
    if (!jinja_evaluate(run, frame, node->right, &test)) return false;
    if (jinja_truth(test)) return jinja_evaluate(run, frame, node->left, out);
    if (node->otherwise) return jinja_evaluate(run, frame, node->otherwise, out);
    *out = jinja_undefined("an inline if without else was false");
    return true;
}

/* ---- calls */

static bool add_named(struct jinja_run *run, struct jinja_dict *named, struct jinja_value name,
                      struct jinja_value value)
{
    if (!jinja_is_string(name)) return jinja_fail(run, "the names of arguments must be strings");
    if (jinja_dict_find_text(named, name.text->bytes, name.text->n_bytes))
        return jinja_fail(run, "the argument \"%.*s\" is given twice", (int)name.text->n_bytes,
                          name.text->bytes);
    return jinja_dict_set(run, named, name, value);
}

static bool evaluate_stars(struct jinja_run *run, struct jinja_frame *frame,
                           const struct jinja_call_syntax *call, struct jinja_arguments *arguments)
{
    struct jinja_value value, items;
    if (call->star) {
        if (!jinja_evaluate(run, frame, call->star, &value) || !jinja_collect(run, value, &items))
            return false;
        for (size_t i = 0; i < items.list->n; i++)
            if (!jinja_list_push(run, &arguments->positional, items.list->items[i])) return false;
    }
    if (!call->double_star) return true;
    if (!jinja_evaluate(run, frame, call->double_star, &value)) return false;
    if (value.kind != JINJA_DICT) return jinja_fail(run, "** takes a dict");
    for (size_t i = 0; i < value.dict->n; i++)
        if (!add_named(run, &arguments->named, value.dict->pairs[i].key,
                       value.dict->pairs[i].value))
            return false;
    return true;
}

static bool evaluate_arguments(struct jinja_run *run, struct jinja_frame *frame,
                               const struct jinja_call_syntax *call,
                               struct jinja_arguments *arguments)
{
    *arguments = (struct jinja_arguments){.named = {0}};
    if (!call) return true;
    struct jinja_value value;
    for (size_t i = 0; i < call->positional.n; i++)
        if (!jinja_evaluate(run, frame, call->positional.items[i], &value) ||
            !jinja_list_push(run, &arguments->positional, value))
            return false;
    for (size_t i = 0; i < call->keyword_values.n; i++)
        if (!jinja_evaluate(run, frame, call->keyword_values.items[i], &value) ||
            !add_named(run, &arguments->named, call->keyword_names.items[i], value))
            return false;
    return evaluate_stars(run, frame, call, arguments);
}

bool jinja_evaluate_call(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *node, const struct jinja_value *caller,
                         struct jinja_value *out)
{
    static const struct jinja_text caller_text = {"caller", 6, 6};
    struct jinja_value callee, caller_name = {.kind = JINJA_STRING, .text = &caller_text};
    struct jinja_arguments arguments;
    if (!jinja_evaluate(run, frame, node->left, &callee) ||
        !evaluate_arguments(run, frame, node->arguments, &arguments))
        return false;
    run->at = node->at;
    if (caller && !add_named(run, &arguments.named, caller_name, *caller)) return false;
    return jinja_call(run, callee, &arguments, out);
}

static bool evaluate_call(struct jinja_run *run, struct jinja_frame *frame,
                          const struct jinja_node *node, struct jinja_value *out)
{
    return jinja_evaluate_call(run, frame, node, NULL, out);
}

/* A filter or test applied to a value. */
static bool apply(struct jinja_run *run, struct jinja_frame *frame, const struct jinja_node *node,
                  struct jinja_value value, struct jinja_value *out)
{
    struct jinja_arguments arguments;
    if (!evaluate_arguments(run, frame, node->arguments, &arguments)) return false;
    run->at = node->at;
    if (!node->builtin)
        return jinja_fail(run, "there is no %s \"%.*s\"",
                          node->kind == NODE_FILTER ? "filter" : "test", (int)node->word->n_bytes,
                          node->word->bytes);
    return jinja_invoke(run, node->builtin, value, &arguments, out);
}

static bool evaluate_applied(struct jinja_run *run, struct jinja_frame *frame,
                             const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_value value;
    return jinja_evaluate(run, frame, node->left, &value) && apply(run, frame, node, value, out);
}

bool jinja_apply_filters(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *filters, struct jinja_value text,
                         struct jinja_value *out)
{
    struct jinja_value value = text;
    if (filters->left && !jinja_apply_filters(run, frame, filters->left, text, &value))
        return false;
    return apply(run, frame, filters, value, out);
}

bool jinja_evaluate(struct jinja_run *run, struct jinja_frame *frame, const struct jinja_node *node,
                    struct jinja_value *out)
{
    static evaluate_fn *const TABLE[] = {
        [NODE_CONST] = evaluate_const,        [NODE_NAME] = evaluate_name,
        [NODE_TUPLE] = evaluate_list,         [NODE_LIST] = evaluate_list,
        [NODE_DICT] = evaluate_dict,          [NODE_ATTRIBUTE] = evaluate_attribute,
        [NODE_ITEM] = evaluate_item,          [NODE_SLICE] = evaluate_slice,
        [NODE_CALL] = evaluate_call,          [NODE_FILTER] = evaluate_applied,
        [NODE_TEST] = evaluate_applied,       [NODE_NOT] = evaluate_not,
        [NODE_NEGATIVE] = evaluate_sign,      [NODE_POSITIVE] = evaluate_sign,
        [NODE_BINARY] = evaluate_binary,      [NODE_AND] = evaluate_logic,
        [NODE_OR] = evaluate_logic,           [NODE_CONCAT] = evaluate_concat,
        [NODE_COMPARE] = evaluate_comparison, [NODE_CONDITION] = evaluate_condition,
    };
    run->at = node->at;
    if (!jinja_charge(run, 0)) return false;
    if (run->depth >= JINJA_CALL_DEPTH)
        return jinja_exhaust(run, "calls are nested more than %d levels deep", JINJA_CALL_DEPTH);
    run->depth++;
    bool ok = TABLE[node->kind](run, frame, node, out);
    run->depth--;
    return ok;
}
