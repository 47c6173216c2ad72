/* execute.c - statements of a compiled template.
 *
 * Output goes to a buffer: the caller's, or one of a macro or block whose text becomes a value.
 */
#include "engine/jinja/render.h"

#include <string.h>

struct jinja_frame *jinja_new_frame(struct jinja_run *run, struct jinja_frame *outer,
                                    size_t n_slots)
{
    struct jinja_frame *frame = jinja_alloc(run, 1, sizeof *frame + n_slots * sizeof *frame->slots);
    if (frame) frame->outer = outer; /* zeroed slots are JINJA_MISSING */
    return frame;
}

static struct jinja_value find_variable(const struct jinja_run *run, const struct jinja_text *name)
{
    const struct jinja_value *value =
        jinja_dict_find_text(run->variables, name->bytes, name->n_bytes);
    if (value) return *value;
    const struct jinja_builtin *function = jinja_find_global(name->bytes, name->n_bytes);
    if (function) return (struct jinja_value){.kind = JINJA_FUNCTION, .function = function};
    return (struct jinja_value){.kind = JINJA_MISSING};
}

void jinja_enter_scope(struct jinja_run *run, struct jinja_frame *frame,
                       const struct jinja_scope *scope)
{
    for (size_t i = 0; i < scope->n; i++) {
        const struct jinja_load *load = &scope->loads[i];
        struct jinja_value *slot = &frame->slots[load->slot];
        switch (load->action) {
        case LOAD_VARIABLE: *slot = find_variable(run, load->name); break;
        case LOAD_OUTER: *slot = *jinja_slot(frame, load->outer); break;
        case LOAD_MISSING: slot->kind = JINJA_MISSING; break;
        }
    }
}

static bool print(struct jinja_run *run, struct jinja_value value, struct buf *out)
{
    if (!jinja_append_str(run, out, value)) return false;
    return !out->failed || jinja_exhaust(run, "the text grows past its bound");
}

static enum jinja_flow on(bool ok)
{
    return ok ? FLOW_ON : FLOW_FAILED;
}

/* ---- branches and loops */

static enum jinja_flow execute_if(struct jinja_run *run, struct jinja_frame *frame,
                                  const struct jinja_node *node, struct buf *out)
{
    for (; node && node->kind == NODE_IF; node = node->branch.otherwise) {
        struct jinja_value test;
        if (!jinja_evaluate(run, frame, node->branch.test, &test)) return FLOW_FAILED;
        if (jinja_truth(test)) return jinja_execute(run, frame, node->branch.body, out);
    }
    return node ? jinja_execute(run, frame, node, out) : FLOW_ON;
}

/* The items of a loop that its test lets through, one by one. */
static bool next_that_passes(struct jinja_run *run, struct jinja_iterator *iterator,
                             struct jinja_value *item, bool *done)
{
    const struct jinja_node *node = iterator->node;
    if (iterator->position++ == 0) jinja_enter_scope(run, iterator->frame, &node->loop.test_scope);
    for (;;) {
        struct jinja_value passes;
        if (!jinja_next_item(run, iterator->inner, item, done)) return false;
        if (*done) return true;
        if (!jinja_assign(run, iterator->frame, node->loop.test_target, *item) ||
            !jinja_evaluate(run, iterator->frame, node->loop.test, &passes))
            return false;
        if (jinja_truth(passes)) return true;
    }
}

static bool begin_loop(struct jinja_run *run, struct jinja_frame *outer,
                       const struct jinja_node *node, struct jinja_loop *loop)
{
    if (!jinja_iterate(run, loop->iterable, &loop->iterator)) return false;
    if (!node->loop.test) return true;
    struct jinja_iterator picking = {
        .next = next_that_passes,
        .inner = loop->iterator,
        .node = node,
        .frame = jinja_new_frame(run, outer, node->loop.test_scope.n_slots)};
    if (!picking.frame || !jinja_new_iterator(run, picking, &loop->iterable)) return false;
    loop->iterator = loop->iterable.iterator;
    return true;
}

/* The else branch runs where no round came to its end, as in Jinja2: rounds that continue or break
 * do not count. */
static enum jinja_flow execute_rounds(struct jinja_run *run, struct jinja_frame *frame,
                                      const struct jinja_node *node, struct jinja_value loop,
                                      struct buf *out)
{
    bool is_complete = false;
    for (;;) {
        struct jinja_value item;
        bool done = false;
        run->at = node->at;
        if (!jinja_loop_next(run, loop.loop, &item, &done)) return FLOW_FAILED;
        if (done) break;
        *jinja_slot(frame, node->loop.loop_address) = loop;
        if (!jinja_assign(run, frame, node->loop.target, item)) return FLOW_FAILED;
        jinja_enter_scope(run, frame, &node->loop.loop_scope);
        enum jinja_flow flow = jinja_execute(run, frame, node->loop.body, out);
        if (flow == FLOW_FAILED) return flow;
        if (flow == FLOW_BREAK) break;
        if (flow == FLOW_ON) is_complete = true;
    }
    if (is_complete || !node->loop.otherwise) return FLOW_ON;
    jinja_enter_scope(run, frame, &node->loop.else_scope);
    return jinja_execute(run, frame, node->loop.otherwise, out);
}

static struct jinja_loop *new_loop(struct jinja_run *run, struct jinja_frame *outer,
                                   struct jinja_value items)
{
    struct jinja_loop *loop = jinja_alloc(run, 1, sizeof *loop);
    if (loop) *loop = (struct jinja_loop){.iterable = items, .index0 = -1, .outer = outer};
    return loop;
}

bool jinja_run_recursive(struct jinja_run *run, struct jinja_frame *outer,
                         const struct jinja_node *node, struct jinja_value items, int64_t depth,
                         struct jinja_value *out)
{
    struct jinja_frame *frame = jinja_new_frame(run, outer, node->loop.loop_scope.n_slots);
    struct jinja_loop *loop = frame ? new_loop(run, outer, items) : NULL;
    if (!loop || !begin_loop(run, outer, node, loop)) return false;
    loop->recursive = node;
    loop->depth0 = depth;
    struct jinja_value variable = {.kind = JINJA_LOOP, .loop = loop};
    struct buf text = jinja_buffer(run);
    if (execute_rounds(run, frame, node, variable, &text) == FLOW_ON)
        return jinja_text_take(run, &text, out);
    buf_free(&text);
    return false;
}

static enum jinja_flow execute_for(struct jinja_run *run, struct jinja_frame *frame,
                                   const struct jinja_node *node, struct buf *out)
{
    struct jinja_value items, text;
    if (!jinja_evaluate(run, frame, node->loop.items, &items)) return FLOW_FAILED;
    run->at = node->loop.items->at;
    if (node->loop.is_recursive)
        return on(jinja_run_recursive(run, frame, node, items, 0, &text) && print(run, text, out));
    struct jinja_loop *loop = new_loop(run, frame, items);
    if (!loop || !begin_loop(run, frame, node, loop)) return FLOW_FAILED;
    struct jinja_value variable = {.kind = JINJA_LOOP, .loop = loop};
    return execute_rounds(run, frame, node, variable, out);
}

/* ---- assignments and blocks */

static enum jinja_flow execute_set(struct jinja_run *run, struct jinja_frame *frame,
                                   const struct jinja_node *node, struct buf *out)
{
    (void)out;
    struct jinja_value value;
    return on(jinja_evaluate(run, frame, node->set.value, &value) &&
              jinja_assign(run, frame, node->set.target, value));
}

/* The text of a block's body through its filters; `break` and `continue` leave it behind. */
static enum jinja_flow capture(struct jinja_run *run, struct jinja_frame *frame,
                               const struct jinja_node *node, struct jinja_value *value)
{
    struct buf text = jinja_buffer(run);
    jinja_enter_scope(run, frame, &node->set.scope);
    enum jinja_flow flow = jinja_execute(run, frame, node->set.body, &text);
    if (flow != FLOW_ON) {
        buf_free(&text);
        return flow;
    }
    if (!jinja_text_take(run, &text, value)) return FLOW_FAILED;
    return on(!node->set.value || jinja_apply_filters(run, frame, node->set.value, *value, value));
}

static enum jinja_flow execute_set_block(struct jinja_run *run, struct jinja_frame *frame,
                                         const struct jinja_node *node, struct buf *out)
{
    (void)out;
    struct jinja_value value;
    enum jinja_flow flow = capture(run, frame, node, &value);
    return flow == FLOW_ON ? on(jinja_assign(run, frame, node->set.target, value)) : flow;
}

static enum jinja_flow execute_filter_block(struct jinja_run *run, struct jinja_frame *frame,
                                            const struct jinja_node *node, struct buf *out)
{
    struct jinja_value value;
    enum jinja_flow flow = capture(run, frame, node, &value);
    return flow == FLOW_ON ? on(print(run, value, out)) : flow;
}

static enum jinja_flow execute_generation(struct jinja_run *run, struct jinja_frame *frame,
                                          const struct jinja_node *node, struct buf *out)
{
    jinja_enter_scope(run, frame, &node->set.scope);
    return jinja_execute(run, frame, node->set.body, out);
}

static enum jinja_flow execute_with(struct jinja_run *run, struct jinja_frame *frame,
                                    const struct jinja_node *node, struct buf *out)
{
    jinja_enter_scope(run, frame, &node->with.scope);
    for (size_t i = 0; i < node->with.targets.n; i++) {
        struct jinja_value value;
        if (!jinja_evaluate(run, frame, node->with.values.items[i], &value) ||
            !jinja_assign(run, frame, node->with.targets.items[i], value))
            return FLOW_FAILED;
    }
    return jinja_execute(run, frame, node->with.body, out);
}

/* ---- macros */

static bool new_macro(struct jinja_run *run, struct jinja_frame *frame,
                      const struct jinja_node *node, struct jinja_value *out)
{
    struct jinja_macro *macro = jinja_alloc(run, 1, sizeof *macro);
    if (!macro) return false;
    *macro = (struct jinja_macro){node->macro.name, node, frame};
    *out = (struct jinja_value){.kind = JINJA_MACRO, .macro = macro};
    return true;
}

static enum jinja_flow execute_macro(struct jinja_run *run, struct jinja_frame *frame,
                                     const struct jinja_node *node, struct buf *out)
{
    (void)out;
    return on(new_macro(run, frame, node, jinja_slot(frame, node->macro.address)));
}

static enum jinja_flow execute_output(struct jinja_run *run, struct jinja_frame *frame,
                                      const struct jinja_node *node, struct buf *out)
{
    struct jinja_value value;
    if (!jinja_evaluate(run, frame, node->left, &value)) return FLOW_FAILED;
    run->at = node->at;
    return on(print(run, value, out));
}

static enum jinja_flow execute_data(struct jinja_run *run, struct jinja_frame *frame,
                                    const struct jinja_node *node, struct buf *out)
{
    (void)frame;
    return on(print(run, node->constant, out));
}

/* The body of the block is the argument "caller" of the call. */
static enum jinja_flow execute_call_block(struct jinja_run *run, struct jinja_frame *frame,
                                          const struct jinja_node *node, struct buf *out)
{
    struct jinja_value caller, value;
    return on(new_macro(run, frame, node, &caller) &&
              jinja_evaluate_call(run, frame, node->macro.call, &caller, &value) &&
              print(run, value, out));
}

static enum jinja_flow execute_jump(struct jinja_run *run, struct jinja_frame *frame,
                                    const struct jinja_node *node, struct buf *out)
{
    (void)run;
    (void)frame;
    (void)out;
    return node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
}

typedef enum jinja_flow execute_fn(struct jinja_run *run, struct jinja_frame *frame,
                                   const struct jinja_node *node, struct buf *out);

static execute_fn *const STATEMENTS[] = {
    [NODE_DATA] = execute_data,
    [NODE_OUTPUT] = execute_output,
    [NODE_IF] = execute_if,
    [NODE_FOR] = execute_for,
    [NODE_SET] = execute_set,
    [NODE_SET_BLOCK] = execute_set_block,
    [NODE_WITH] = execute_with,
    [NODE_MACRO] = execute_macro,
    [NODE_CALL_BLOCK] = execute_call_block,
    [NODE_FILTER_BLOCK] = execute_filter_block,
    [NODE_GENERATION] = execute_generation,
    [NODE_BREAK] = execute_jump,
    [NODE_CONTINUE] = execute_jump,
};

enum jinja_flow jinja_execute(struct jinja_run *run, struct jinja_frame *frame,
                              const struct jinja_node *body, struct buf *out)
{
    enum jinja_flow flow = FLOW_ON;
    run->at = body->at;
    if (run->depth >= JINJA_CALL_DEPTH)
        return on(
            jinja_exhaust(run, "calls are nested more than %d levels deep", JINJA_CALL_DEPTH));
    run->depth++;
    for (size_t i = 0; flow == FLOW_ON && i < body->list.n; i++) {
        const struct jinja_node *node = body->list.items[i];
        run->at = node->at;
        flow = jinja_charge(run, 0) ? STATEMENTS[node->kind](run, frame, node, out) : FLOW_FAILED;
    }
    run->depth--;
    return flow;
}
