/* scopes.c - see scopes.h. Each scope is read twice: first for the names that it mentions and
 * assigns, without entering the scopes inside; then every name gets its address, and the scopes
 * inside follow.
 *
 * Frames and scopes differ: a loop is a scope of the frame around it, a macro has a frame of its
 * own. Names are slots of a frame by level and text, so that two loops side by side share theirs.
 */
#include "engine/jinja/scopes.h"

#include <string.h>

struct frame_plan {
    struct frame_plan *outer;
    size_t depth; /* frames around it */
    struct plan_slot {
        size_t level;
        const struct jinja_text *name;
    } * slots;
    size_t n, capacity;
};

struct entry {
    const struct jinja_text *name;
    size_t slot;
    bool is_stored, is_parameter;
    enum jinja_load_action action;
    const struct entry *outer;
    const struct scope_plan *outer_scope;
};

struct scope_plan {
    struct jinja_run *run;
    struct scope_plan *outer;
    struct frame_plan *frame;
    size_t level;
    bool is_soft; /* inside a branch: an unknown filter is an error only when it is reached */
    struct entry **entries;
    size_t n, capacity;
};

static bool same_text(const struct jinja_text *a, const struct jinja_text *b)
{
    return a->n_bytes == b->n_bytes && memcmp(a->bytes, b->bytes, a->n_bytes) == 0;
}

/* ---- what a scope knows */

static bool slot_of(struct scope_plan *scope, const struct jinja_text *name, size_t *slot)
{
    struct frame_plan *frame = scope->frame;
    for (size_t i = 0; i < frame->n; i++)
        if (frame->slots[i].level == scope->level && same_text(frame->slots[i].name, name)) {
            *slot = i;
            return true;
        }
    if (frame->n == frame->capacity) {
        size_t capacity = frame->capacity ? 2 * frame->capacity : 8;
        struct plan_slot *larger = jinja_alloc(scope->run, capacity, sizeof *larger);
        if (!larger) return false;
        if (frame->n) memcpy(larger, frame->slots, frame->n * sizeof *larger);
        frame->slots = larger;
        frame->capacity = capacity;
    }
    frame->slots[frame->n] = (struct plan_slot){scope->level, name};
    *slot = frame->n++;
    return true;
}

static struct entry *find_own(const struct scope_plan *scope, const struct jinja_text *name)
{
    for (size_t i = 0; i < scope->n; i++)
        if (same_text(scope->entries[i]->name, name)) return scope->entries[i];
    return NULL;
}

/* The entry in this scope or the nearest around it. */
static struct entry *find_entry(const struct scope_plan *scope, const struct jinja_text *name,
                                const struct scope_plan **found_in)
{
    for (; scope; scope = scope->outer) {
        struct entry *entry = find_own(scope, name);
        if (!entry) continue;
        *found_in = scope;
        return entry;
    }
    return NULL;
}

static struct entry *add_entry(struct scope_plan *scope, const struct jinja_text *name)
{
    struct entry *entry = jinja_alloc(scope->run, 1, sizeof *entry);
    if (!entry || !jinja_charge(scope->run, 8 * scope->n)) return NULL;
    if (scope->n == scope->capacity) {
        size_t capacity = scope->capacity ? 2 * scope->capacity : 8;
        struct entry **larger = jinja_alloc(scope->run, capacity, sizeof *larger);
        if (!larger) return NULL;
        if (scope->n) memcpy(larger, scope->entries, scope->n * sizeof *larger);
        scope->entries = larger;
        scope->capacity = capacity;
    }
    entry->name = name;
    entry->action = LOAD_VARIABLE;
    if (!slot_of(scope, name, &entry->slot)) return NULL;
    return scope->entries[scope->n++] = entry;
}

static bool note_read(struct scope_plan *scope, const struct jinja_text *name)
{
    const struct scope_plan *found_in;
    return find_entry(scope, name, &found_in) || add_entry(scope, name);
}

/* What an assigned name begins as: the outer value, or what `otherwise` says. */
static void begin_as_outer(struct scope_plan *scope, struct entry *entry,
                           enum jinja_load_action otherwise)
{
    entry->outer = scope->outer ? find_entry(scope->outer, entry->name, &entry->outer_scope) : NULL;
    entry->action = entry->outer ? LOAD_OUTER : otherwise;
}

static bool note_stored(struct scope_plan *scope, const struct jinja_text *name)
{
    struct entry *entry = find_own(scope, name);
    if (!entry) {
        entry = add_entry(scope, name);
        if (!entry) return false;
        begin_as_outer(scope, entry, LOAD_MISSING);
    }
    entry->is_stored = true;
    return true;
}

static struct entry *note_parameter(struct scope_plan *scope, const struct jinja_text *name)
{
    struct entry *entry = find_own(scope, name);
    if (!entry) entry = add_entry(scope, name);
    if (entry) entry->is_parameter = entry->is_stored = true;
    return entry;
}

/* ---- first reading: names, without those of the scopes inside */

static bool read_names(void *context, struct jinja_node *node, enum jinja_role role)
{
    struct scope_plan *scope = context;
    if (node->kind == NODE_ATTRIBUTE_TARGET) return note_read(scope, node->name);
    if (node->kind != NODE_NAME) return jinja_visit_children(node, role, read_names, scope);
    switch (role) {
    case ROLE_READ: return note_read(scope, node->name);
    case ROLE_STORED: return note_stored(scope, node->name);
    default: return note_parameter(scope, node->name);
    }
}

static bool read_all(struct scope_plan *scope, const struct jinja_nodes *nodes,
                     enum jinja_role role)
{
    for (size_t i = 0; i < nodes->n; i++)
        if (!read_names(scope, nodes->items[i], role)) return false;
    return true;
}

static bool read_one(struct scope_plan *scope, struct jinja_node *node)
{
    return !node || read_names(scope, node, ROLE_READ);
}

typedef bool statement_fn(struct scope_plan *scope, struct jinja_node *node);

static bool each_statement(struct scope_plan *scope, const struct jinja_node *body,
                           statement_fn *visit)
{
    for (size_t i = 0; body && i < body->list.n; i++)
        if (!visit(scope, body->list.items[i])) return false;
    return true;
}

/* What a branch assigns may stay unassigned: it begins as the outer value or the caller's. */
static bool read_branches(struct scope_plan *scope, struct jinja_node *node, statement_fn *read)
{
    size_t n_before = scope->n;
    bool *was_stored = jinja_alloc(scope->run, n_before, sizeof *was_stored);
    if (!was_stored) return false;
    for (size_t i = 0; i < n_before; i++) was_stored[i] = scope->entries[i]->is_stored;
    for (struct jinja_node *at = node; at; at = at->branch.otherwise) {
        if (at->kind == NODE_BODY) {
            if (!each_statement(scope, at, read)) return false;
            break;
        }
        if (!read_one(scope, at->branch.test) || !each_statement(scope, at->branch.body, read))
            return false;
    }
    for (size_t i = 0; i < scope->n; i++) {
        struct entry *entry = scope->entries[i];
        bool is_new = entry->is_stored && !(i < n_before && was_stored[i]);
        if (is_new) begin_as_outer(scope, entry, LOAD_VARIABLE);
    }
    return true;
}

static bool read_statement(struct scope_plan *scope, struct jinja_node *node)
{
    switch (node->kind) {
    case NODE_OUTPUT: return read_one(scope, node->left);
    case NODE_IF: return read_branches(scope, node, read_statement);
    case NODE_FOR: return read_one(scope, node->loop.items);
    case NODE_SET:
        return read_one(scope, node->set.value) && read_names(scope, node->set.target, ROLE_STORED);
    case NODE_SET_BLOCK: return read_names(scope, node->set.target, ROLE_STORED);
    case NODE_FILTER_BLOCK: return read_one(scope, node->set.value);
    case NODE_WITH: return read_all(scope, &node->with.values, ROLE_READ);
    case NODE_MACRO: return note_stored(scope, node->macro.name);
    case NODE_CALL_BLOCK: return read_one(scope, node->macro.call);
    default: return true;
    }
}

/* ---- second reading: addresses */

static struct jinja_address address_from(const struct scope_plan *scope,
                                         const struct scope_plan *found_in,
                                         const struct entry *entry)
{
    return (struct jinja_address){scope->frame->depth - found_in->frame->depth, entry->slot};
}

static bool find_address(struct scope_plan *scope, const struct jinja_text *name,
                         struct jinja_address *address)
{
    const struct scope_plan *found_in = NULL;
    const struct entry *entry = find_entry(scope, name, &found_in);
    if (!entry)
        return jinja_fail(scope->run, "the name \"%.*s\" is unknown in this scope",
                          (int)name->n_bytes, name->bytes);
    *address = address_from(scope, found_in, entry);
    return true;
}

static bool bind_names(void *context, struct jinja_node *node, enum jinja_role role)
{
    struct scope_plan *scope = context;
    scope->run->at = node->at;
    if (node->kind == NODE_NAME || node->kind == NODE_ATTRIBUTE_TARGET)
        return find_address(scope, node->name, &node->address);
    bool is_applied = node->kind == NODE_FILTER || node->kind == NODE_TEST;
    if (is_applied && !node->builtin && !scope->is_soft)
        return jinja_fail(scope->run, "there is no %s \"%.*s\"",
                          node->kind == NODE_FILTER ? "filter" : "test", (int)node->word->n_bytes,
                          node->word->bytes);
    bool was_soft = scope->is_soft;
    if (node->kind == NODE_CONDITION) scope->is_soft = true;
    bool ok = jinja_visit_children(node, role, bind_names, scope);
    scope->is_soft = was_soft;
    return ok;
}

static bool bind_all(struct scope_plan *scope, const struct jinja_nodes *nodes)
{
    for (size_t i = 0; i < nodes->n; i++)
        if (!bind_names(scope, nodes->items[i], ROLE_READ)) return false;
    return true;
}

static bool bind_one(struct scope_plan *scope, struct jinja_node *node)
{
    return !node || bind_names(scope, node, ROLE_READ);
}

/* A scope inside `outer`; frame: its own, or NULL for outer's. */
static struct scope_plan scope_inside(struct scope_plan *outer, struct frame_plan *frame)
{
    if (frame)
        *frame = (struct frame_plan){.outer = outer->frame, .depth = outer->frame->depth + 1};
    return (struct scope_plan){.run = outer->run,
                               .outer = outer,
                               .frame = frame ? frame : outer->frame,
                               .level = outer->level + 1};
}

/* What entering the scope does; the slots of its frame may still grow until its statements are
 * bound. */
static bool write_loads(struct scope_plan *plan, struct jinja_scope *scope)
{
    scope->loads = jinja_alloc(plan->run, plan->n, sizeof *scope->loads);
    if (!scope->loads) return false;
    for (size_t i = 0; i < plan->n; i++) {
        const struct entry *entry = plan->entries[i];
        if (entry->is_parameter) continue;
        struct jinja_load *load = &scope->loads[scope->n++];
        load->action = entry->action;
        load->slot = entry->slot;
        load->name = entry->name;
        if (entry->action == LOAD_OUTER)
            load->outer = address_from(plan, entry->outer_scope, entry->outer);
    }
    return true;
}

/* Addresses in the body of a scope that was read. */
static bool bind_body(struct scope_plan *plan, struct jinja_node *body, struct jinja_scope *scope,
                      statement_fn *bind)
{
    bool ok = write_loads(plan, scope) && each_statement(plan, body, bind);
    scope->n_slots = plan->frame->n;
    return ok;
}

/* ---- statements with scopes of their own */

/* The test of a loop is a function that picks items: it has the target, but not "loop". */
static bool bind_loop_test(struct scope_plan *outer, struct jinja_node *node)
{
    struct frame_plan frame;
    struct scope_plan plan = scope_inside(outer, &frame);
    if (!node->loop.test) return true;
    bool ok = read_names(&plan, node->loop.test_target, ROLE_PARAMETER) &&
              read_one(&plan, node->loop.test) && write_loads(&plan, &node->loop.test_scope) &&
              bind_one(&plan, node->loop.test_target) && bind_one(&plan, node->loop.test);
    node->loop.test_scope.n_slots = frame.n;
    return ok;
}

static bool bind_for(struct scope_plan *outer, struct jinja_node *node, statement_fn *bind)
{
    static const struct jinja_text LOOP = {"loop", 4, 4};
    const struct jinja_node *assignment = jinja_find_assignment(node, LOOP.bytes);
    if (assignment) {
        outer->run->at = assignment->at;
        return jinja_fail(outer->run, "\"loop\" cannot be assigned inside a loop");
    }
    struct frame_plan frame;
    struct scope_plan plan = scope_inside(outer, node->loop.is_recursive ? &frame : NULL),
                      other = plan;
    const struct entry *loop = note_parameter(&plan, &LOOP);
    if (!loop || !bind_one(outer, node->loop.items) || !bind_loop_test(outer, node)) return false;
    node->loop.loop_address = (struct jinja_address){0, loop->slot};
    bool ok = read_names(&plan, node->loop.target, ROLE_PARAMETER) &&
              each_statement(&plan, node->loop.body, read_statement) &&
              bind_one(&plan, node->loop.target) &&
              bind_body(&plan, node->loop.body, &node->loop.loop_scope, bind) &&
              each_statement(&other, node->loop.otherwise, read_statement) &&
              bind_body(&other, node->loop.otherwise, &node->loop.else_scope, bind);
    node->loop.loop_scope.n_slots = plan.frame->n;
    return ok;
}

/* "caller", "kwargs" and "varargs" are parameters if the body uses them and none is named so. */
static bool declare_special(struct scope_plan *plan, struct jinja_node *node, const char *name,
                            bool *takes, struct jinja_address *address)
{
    struct jinja_value text;
    for (size_t i = 0; i < node->macro.signature.names.n; i++)
        if (jinja_text_is(node->macro.signature.names.items[i]->name, name)) return true;
    if (!jinja_body_reads(node->macro.body, name)) return true;
    if (!jinja_text_of(plan->run, name, strlen(name), &text)) return false;
    const struct entry *entry = note_parameter(plan, text.text);
    if (!entry) return false;
    *takes = true;
    *address = (struct jinja_address){0, entry->slot};
    return true;
}

/* Jinja2 wants a default for a parameter "caller" that the body uses. */
static bool check_caller(struct scope_plan *plan, struct jinja_node *node)
{
    struct jinja_signature *signature = &node->macro.signature;
    size_t n_required = signature->names.n - signature->defaults.n;
    for (size_t i = 0; i < signature->names.n; i++) {
        if (!jinja_text_is(signature->names.items[i]->name, "caller")) continue;
        signature->names_caller = true;
        if (i < n_required && jinja_body_reads(node->macro.body, "caller"))
            return jinja_fail(plan->run, "the parameter \"caller\" takes a default");
        if (jinja_body_reads(node->macro.body, "caller")) signature->takes_caller = true;
    }
    return true;
}

static bool bind_macro(struct scope_plan *outer, struct jinja_node *node, statement_fn *bind)
{
    struct frame_plan frame;
    struct scope_plan plan = scope_inside(outer, &frame);
    struct jinja_signature *signature = &node->macro.signature;
    bool ok =
        check_caller(&plan, node) && read_all(&plan, &signature->names, ROLE_PARAMETER) &&
        read_all(&plan, &signature->defaults, ROLE_READ) &&
        each_statement(&plan, node->macro.body, read_statement) &&
        declare_special(&plan, node, "caller", &signature->takes_caller, &signature->caller) &&
        declare_special(&plan, node, "kwargs", &signature->takes_kwargs, &signature->kwargs) &&
        declare_special(&plan, node, "varargs", &signature->takes_varargs, &signature->varargs) &&
        bind_all(&plan, &signature->names) && bind_all(&plan, &signature->defaults) &&
        bind_body(&plan, node->macro.body, &node->macro.scope, bind);
    return ok && (node->kind == NODE_CALL_BLOCK
                      ? bind_one(outer, node->macro.call)
                      : find_address(outer, node->macro.name, &node->macro.address));
}

static bool bind_with(struct scope_plan *outer, struct jinja_node *node, statement_fn *bind)
{
    struct scope_plan plan = scope_inside(outer, NULL);
    for (size_t i = 0; i < node->with.targets.n; i++)
        if (!read_names(&plan, node->with.targets.items[i], ROLE_PARAMETER)) return false;
    return each_statement(&plan, node->with.body, read_statement) &&
           bind_all(outer, &node->with.values) && bind_all(&plan, &node->with.targets) &&
           bind_body(&plan, node->with.body, &node->with.scope, bind);
}

/* Blocks that are captured. The filters of a filter block see what its body assigns; those of a set
 * block only names that its body mentions too, as Jinja2 has it. */
static bool bind_block(struct scope_plan *outer, struct jinja_node *node, statement_fn *bind)
{
    struct scope_plan plan = scope_inside(outer, NULL);
    return each_statement(&plan, node->set.body, read_statement) &&
           (node->kind == NODE_SET_BLOCK || read_one(&plan, node->set.value)) &&
           bind_body(&plan, node->set.body, &node->set.scope, bind) &&
           bind_one(&plan, node->set.value) && bind_one(outer, node->set.target);
}

/* Jinja2 makes the body a macro without arguments; what differs is refused. */
static bool bind_generation(struct scope_plan *outer, struct jinja_node *node, statement_fn *bind)
{
    static const char *const SPECIAL[] = {"caller", "kwargs", "varargs"};
    struct scope_plan plan = scope_inside(outer, NULL);
    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++) {
        if (!jinja_body_reads(node->set.body, SPECIAL[i])) continue;
        outer->run->at = node->at;
        return jinja_refuse(outer->run, "\"%s\" inside {%% generation %%}", SPECIAL[i]);
    }
    return each_statement(&plan, node->set.body, read_statement) &&
           bind_body(&plan, node->set.body, &node->set.scope, bind);
}

static bool bind_statement(struct scope_plan *scope, struct jinja_node *node)
{
    bool was_soft = scope->is_soft, ok = true;
    switch (node->kind) {
    case NODE_OUTPUT: return bind_one(scope, node->left);
    case NODE_IF:
        scope->is_soft = true;
        for (struct jinja_node *at = node; ok && at; at = at->branch.otherwise) {
            if (at->kind == NODE_BODY) {
                ok = each_statement(scope, at, bind_statement);
                break;
            }
            ok = bind_one(scope, at->branch.test) &&
                 each_statement(scope, at->branch.body, bind_statement);
        }
        scope->is_soft = was_soft;
        return ok;
    case NODE_SET: return bind_one(scope, node->set.target) && bind_one(scope, node->set.value);
    case NODE_FOR: return bind_for(scope, node, bind_statement);
    case NODE_MACRO:
    case NODE_CALL_BLOCK: return bind_macro(scope, node, bind_statement);
    case NODE_WITH: return bind_with(scope, node, bind_statement);
    case NODE_SET_BLOCK:
    case NODE_FILTER_BLOCK: return bind_block(scope, node, bind_statement);
    case NODE_GENERATION: return bind_generation(scope, node, bind_statement);
    default: return true;
    }
}

bool jinja_resolve(struct jinja_run *run, struct jinja_node *body, struct jinja_scope *scope)
{
    struct frame_plan frame = {.depth = 0};
    struct scope_plan plan = {.run = run, .frame = &frame};
    return each_statement(&plan, body, read_statement) &&
           bind_body(&plan, body, scope, bind_statement);
}
