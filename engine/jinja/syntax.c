/* syntax.c - walks over the tree; see syntax.h.
 *
 * The order of children is that of Jinja2's nodes, because it decides whether a body reads a
 * special name such as "caller" before it assigns it.
 */
#include "engine/jinja/syntax.h"

struct walk {
    jinja_visit_fn *visit;
    void *context;
};

static bool visit_one(const struct walk *walk, struct jinja_node *node, enum jinja_role role)
{
    return !node || walk->visit(walk->context, node, role);
}

static bool visit_all(const struct walk *walk, const struct jinja_nodes *nodes,
                      enum jinja_role role)
{
    for (size_t i = 0; i < nodes->n; i++)
        if (!visit_one(walk, nodes->items[i], role)) return false;
    return true;
}

static bool visit_call(const struct walk *walk, const struct jinja_call_syntax *call)
{
    return !call || (visit_all(walk, &call->positional, ROLE_READ) &&
                     visit_all(walk, &call->keyword_values, ROLE_READ) &&
                     visit_one(walk, call->star, ROLE_READ) &&
                     visit_one(walk, call->double_star, ROLE_READ));
}

static bool visit_expression(const struct walk *walk, struct jinja_node *node, enum jinja_role role)
{
    switch (node->kind) {
    case NODE_CONST:
    case NODE_NAME:
    case NODE_ATTRIBUTE_TARGET:
    case NODE_DATA:
    case NODE_BREAK:
    case NODE_CONTINUE: return true;
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_DICT:
    case NODE_SLICE:
    case NODE_CONCAT:
    case NODE_BODY: return visit_all(walk, &node->list, role);
    case NODE_COMPARE: return visit_all(walk, &node->compare.operands, ROLE_READ);
    default:
        return visit_one(walk, node->left, ROLE_READ) && visit_one(walk, node->right, ROLE_READ) &&
               visit_one(walk, node->otherwise, ROLE_READ) && visit_call(walk, node->arguments);
    }
}

static bool visit_macro(const struct walk *walk, struct jinja_node *node)
{
    return visit_one(walk, node->macro.call, ROLE_READ) &&
           visit_all(walk, &node->macro.signature.names, ROLE_PARAMETER) &&
           visit_all(walk, &node->macro.signature.defaults, ROLE_READ) &&
           visit_one(walk, node->macro.body, ROLE_READ);
}

bool jinja_visit_children(struct jinja_node *node, enum jinja_role role, jinja_visit_fn *visit,
                          void *context)
{
    const struct walk walk = {visit, context};
    switch (node->kind) {
    case NODE_IF:
        return visit_one(&walk, node->branch.test, ROLE_READ) &&
               visit_one(&walk, node->branch.body, ROLE_READ) &&
               visit_one(&walk, node->branch.otherwise, ROLE_READ);
    case NODE_FOR:
        return visit_one(&walk, node->loop.target, ROLE_STORED) &&
               visit_one(&walk, node->loop.items, ROLE_READ) &&
               visit_one(&walk, node->loop.body, ROLE_READ) &&
               visit_one(&walk, node->loop.otherwise, ROLE_READ) &&
               visit_one(&walk, node->loop.test, ROLE_READ);
    case NODE_SET:
    case NODE_SET_BLOCK:
        return visit_one(&walk, node->set.target, ROLE_STORED) &&
               visit_one(&walk, node->set.value, ROLE_READ) &&
               visit_one(&walk, node->set.body, ROLE_READ);
    case NODE_FILTER_BLOCK:
    case NODE_GENERATION:
        return visit_one(&walk, node->set.body, ROLE_READ) &&
               visit_one(&walk, node->set.value, ROLE_READ);
    case NODE_WITH:
        return visit_all(&walk, &node->with.targets, ROLE_PARAMETER) &&
               visit_all(&walk, &node->with.values, ROLE_READ) &&
               visit_one(&walk, node->with.body, ROLE_READ);
    case NODE_MACRO:
    case NODE_CALL_BLOCK: return visit_macro(&walk, node);
    default: return visit_expression(&walk, node, role);
    }
}

struct mention {
    const char *name;
    bool is_read;
};

/* Stops at the first mention. */
static bool find_mention(void *context, struct jinja_node *node, enum jinja_role role)
{
    struct mention *mention = context;
    if (node->kind != NODE_NAME) return jinja_visit_children(node, role, find_mention, mention);
    if (!jinja_text_is(node->name, mention->name)) return true;
    mention->is_read = role == ROLE_READ;
    return false;
}

bool jinja_body_reads(struct jinja_node *body, const char *name)
{
    struct mention mention = {.name = name};
    find_mention(&mention, body, ROLE_READ);
    return mention.is_read;
}

struct assignment {
    const char *name;
    const struct jinja_node *found;
};

static bool find_assignment(void *context, struct jinja_node *node, enum jinja_role role)
{
    struct assignment *assignment = context;
    if (node->kind != NODE_NAME) return jinja_visit_children(node, role, find_assignment, context);
    if (role != ROLE_STORED || !jinja_text_is(node->name, assignment->name)) return true;
    assignment->found = node;
    return false;
}

const struct jinja_node *jinja_find_assignment(struct jinja_node *node, const char *name)
{
    struct assignment assignment = {.name = name};
    find_assignment(&assignment, node, ROLE_STORED);
    return assignment.found;
}
