/* render.h - how a compiled template runs: expressions, statements, iteration, calls.
 *
 * Everything here is single-threaded on one run. A function that gives a bool fails with an error
 * at the run's place; what it allocates dies with the run's arena.
 */
#ifndef PHIBENCH_ENGINE_JINJA_RENDER_H
#define PHIBENCH_ENGINE_JINJA_RENDER_H

#include "engine/jinja/builtins.h"
#include "engine/jinja/syntax.h"

/* The values of one activation; closures keep it. */
struct jinja_frame {
    struct jinja_frame *outer;
    struct jinja_value slots[];
};

struct jinja_frame *jinja_new_frame(struct jinja_run *run, struct jinja_frame *outer,
                                    size_t n_slots);
struct jinja_value *jinja_slot(struct jinja_frame *frame, struct jinja_address address);
/* What the scope's names are when it is entered. */
void jinja_enter_scope(struct jinja_run *run, struct jinja_frame *frame,
                       const struct jinja_scope *scope);

/* ---- expressions */
bool jinja_evaluate(struct jinja_run *run, struct jinja_frame *frame, const struct jinja_node *node,
                    struct jinja_value *out);
/* A NODE_CALL; caller: one more argument of that name, or NULL. */
bool jinja_evaluate_call(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *node, const struct jinja_value *caller,
                         struct jinja_value *out);
/* The filters of a block, applied to its text. */
bool jinja_apply_filters(struct jinja_run *run, struct jinja_frame *frame,
                         const struct jinja_node *filters, struct jinja_value text,
                         struct jinja_value *out);
bool jinja_assign(struct jinja_run *run, struct jinja_frame *frame, const struct jinja_node *target,
                  struct jinja_value value);
bool jinja_operate(struct jinja_run *run, enum jinja_operator op, struct jinja_value a,
                   struct jinja_value b, struct jinja_value *out);
bool jinja_negate(struct jinja_run *run, struct jinja_value value, bool is_negative,
                  struct jinja_value *out);
/* item in container */
bool jinja_contains(struct jinja_run *run, struct jinja_value container, struct jinja_value item,
                    bool *found);
/* text % arguments, as Python formats; arguments: one value, a tuple or a dict. */
bool jinja_percent(struct jinja_run *run, struct jinja_value text, struct jinja_value arguments,
                   struct jinja_value *out);

/* object.name, object[key], object[start:stop:step]; parts are JINJA_NONE where they were left
 * out. */
bool jinja_attribute(struct jinja_run *run, struct jinja_value object,
                     const struct jinja_text *name, struct jinja_value *out);
bool jinja_item(struct jinja_run *run, struct jinja_value object, struct jinja_value key,
                struct jinja_value *out);
bool jinja_slice(struct jinja_run *run, struct jinja_value object,
                 const struct jinja_value parts[3], struct jinja_value *out);
/* An attribute, where no item will do. */
bool jinja_only_attribute(struct jinja_run *run, struct jinja_value object,
                          const struct jinja_text *name, struct jinja_value *out);
/* The characters [begin, end) of a string. */
bool jinja_substring(struct jinja_run *run, struct jinja_value text, size_t begin, size_t end,
                     struct jinja_value *out);
/* The text as HTML: markup stays, all else is escaped. */
bool jinja_escape(struct jinja_run *run, struct jinja_value value, struct jinja_value *out);
/* Replaces up to `most` occurrences; negative: all. */
bool jinja_replace(struct jinja_run *run, const struct jinja_text *text,
                   const struct jinja_text *old, const struct jinja_text *with, int64_t most,
                   struct jinja_value *out);

/* ---- statements */
enum jinja_flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };
enum jinja_flow jinja_execute(struct jinja_run *run, struct jinja_frame *frame,
                              const struct jinja_node *body, struct buf *out);
/* One activation of a recursive loop over the items, as loop(items) calls it. */
bool jinja_run_recursive(struct jinja_run *run, struct jinja_frame *outer,
                         const struct jinja_node *node, struct jinja_value items, int64_t depth,
                         struct jinja_value *out);

/* ---- calls */
bool jinja_call(struct jinja_run *run, struct jinja_value callee,
                const struct jinja_arguments *arguments, struct jinja_value *out);
bool jinja_call_macro(struct jinja_run *run, const struct jinja_macro *macro,
                      const struct jinja_arguments *arguments, struct jinja_value *out);

/* ---- iteration */
struct jinja_iterator {
    /* *done is set where there is no further item. */
    bool (*next)(struct jinja_run *run, struct jinja_iterator *iterator, struct jinja_value *item,
                 bool *done);
    struct jinja_value source;
    size_t position;
    struct jinja_iterator *inner;  /* of an iterator over another one's items */
    void *state;                   /* what `next` needs more */
    const struct jinja_node *node; /* of a loop with a test, and its frame */
    struct jinja_frame *frame;
};
/* Fails for what cannot be iterated,. */
bool jinja_iterate(struct jinja_run *run, struct jinja_value value, struct jinja_iterator **out);
bool jinja_is_iterable(struct jinja_value value);
bool jinja_next_item(struct jinja_run *run, struct jinja_iterator *iterator,
                     struct jinja_value *item, bool *done);
/* A list of all items, new. */
bool jinja_collect(struct jinja_run *run, struct jinja_value value, struct jinja_value *out);
/* A value that gives what `next` gives. */
bool jinja_new_iterator(struct jinja_run *run, struct jinja_iterator iterator,
                        struct jinja_value *out);

struct jinja_loop {
    struct jinja_value iterable;
    struct jinja_iterator *iterator;
    int64_t index0;
    struct jinja_value before, current, after; /* JINJA_MISSING: none */
    struct jinja_value last_changed;           /* the arguments of changed(): a tuple */
    int64_t depth0;
    const struct jinja_node *recursive; /* the node of a recursive loop, else NULL */
    struct jinja_frame *outer;          /* the frame around it */
};
bool jinja_loop_next(struct jinja_run *run, struct jinja_loop *loop, struct jinja_value *item,
                     bool *done);
/* loop.name; *found is false where there is none. */
bool jinja_loop_attribute(struct jinja_run *run, struct jinja_loop *loop,
                          const struct jinja_text *name, struct jinja_value *out, bool *found);

#endif
