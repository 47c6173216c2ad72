/* task_draw.c - which examples stand before which question.
 *
 * Random ones are those of lm-evaluation-harness: one generator for the questions in their order,
 * random.Random(1234), and where a question may be among its own examples one more is drawn, and
 * what equals the question left out.
 *
 * An example that only reads like the question, or that comes from a file of its own, the harness
 * shows. Here the next one of the pool that is neither the question nor shown already stands in its
 * place. The generator has no part in this: what is drawn for all other questions stays.
 */
#include "base/mem.h"
#include "base/mersenne.h"
#include "suites/task_question.h"

#include <stdlib.h>
#include <string.h>

enum { SEED = 1234 };

struct drawing {
    const struct task_state *state;
    const struct task_pool *pool;
    size_t shots;
    bool leaves_out;  /* an example that equals the question is left out */
    bool is_replaced; /* one was, of the item that is drawn for */
    struct mersenne mersenne;
    uint32_t *chosen, *scratch; /* [shots + 1], [pool->n] */
    uint32_t *others;           /* [pool->n] */
    struct task_own *own;
    struct item *items;
    /* The questions that examples are, made when the first question is compared with them. */
    struct arena *arena;                    /* of the pool */
    const struct task_question **questions; /* [pool->n] NULL: not made yet */
};

static bool is_example_of_itself(const struct drawing *drawing, size_t i_item, uint32_t i_example)
{
    const struct task_state *state = drawing->state;
    return value_is_equal(state->fields[i_item], state->examples[drawing->pool->first + i_example]);
}

static bool fail_short(const struct drawing *drawing, size_t n, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%zu example%s, and %zu shots need more", n, n == 1 ? "" : "s",
                   drawing->shots);
}

/* ---- As the harness draws ---- */

/* Keeps the chosen ones that are not the question itself, up to `shots`. Their number. */
static size_t keep_others(const struct drawing *drawing, size_t i_item, size_t n_chosen,
                          uint32_t *draws)
{
    size_t n = 0;
    for (size_t i = 0; i < n_chosen && n < drawing->shots; i++) {
        if (drawing->leaves_out && is_example_of_itself(drawing, i_item, drawing->chosen[i]))
            continue;
        draws[n++] = drawing->chosen[i];
    }
    return n;
}

/* Takes the pool's first ones, but for the question itself. */
static bool take_first(struct drawing *drawing, size_t i_item, uint32_t *draws, struct err *err)
{
    size_t n = 0;
    for (uint32_t i = 0; i < drawing->pool->n && n < drawing->shots; i++)
        if (!drawing->leaves_out || !is_example_of_itself(drawing, i_item, i)) draws[n++] = i;
    drawing->is_replaced = n && draws[n - 1] >= n;
    return n == drawing->shots || fail_short(drawing, n, err);
}

/* Draws anew from all others than the question, which the pool holds more than once, and of which
 * more was drawn than the one that is spare. */
static bool draw_from_others(struct drawing *drawing, size_t i_item, uint32_t *draws,
                             struct err *err)
{
    uint32_t n = 0, k = (uint32_t)drawing->shots;
    for (uint32_t i = 0; i < drawing->pool->n; i++)
        if (!is_example_of_itself(drawing, i_item, i)) drawing->others[n++] = i;
    if (n < k) return fail_short(drawing, n, err);
    mersenne_sample(&drawing->mersenne, n, k, drawing->chosen, drawing->scratch);
    for (size_t i = 0; i < k; i++) draws[i] = drawing->others[drawing->chosen[i]];
    return true;
}

static bool draw_random(struct drawing *drawing, size_t i_item, uint32_t *draws, struct err *err)
{
    size_t n = drawing->shots + (drawing->leaves_out ? 1 : 0);
    if (n > drawing->pool->n) return fail_short(drawing, drawing->pool->n, err);
    mersenne_sample(&drawing->mersenne, (uint32_t)drawing->pool->n, (uint32_t)n, drawing->chosen,
                    drawing->scratch);
    size_t n_kept = keep_others(drawing, i_item, n, draws);
    bool is_short = n_kept < drawing->shots;
    drawing->is_replaced =
        is_short || memcmp(draws, drawing->chosen, drawing->shots * sizeof *draws) != 0;
    return !is_short || draw_from_others(drawing, i_item, draws, err);
}

/* ---- What reads like the question ---- */

/* Makes the question of a record's fields, with what its subset adds. */
static bool make_question(const struct drawing *drawing, const struct value *fields, size_t i_item,
                          struct arena *arena, struct task_question *question, struct err *err)
{
    const struct value *maps[] = {fields, drawing->state->common[i_item]};
    const struct scope scope = {maps, 2};
    return task_question_make(drawing->state->protocol, &scope, arena, question, err);
}

/* *is_it: whether the example reads like the question of the item. */
static bool compare(struct drawing *drawing, const struct task_question *question, size_t i_item,
                    uint32_t i_example, bool *is_it, struct err *err)
{
    const struct task_question **known = &drawing->questions[i_example];
    if (!*known) {
        const struct value *fields = drawing->state->examples[drawing->pool->first + i_example];
        struct task_question *made = arena_alloc(drawing->arena, 1, sizeof *made, err);
        if (!made) return false;
        if (!make_question(drawing, fields, i_item, drawing->arena, made, err))
            return err_context(err, "making an example");
        *known = made;
    }
    *is_it = task_question_is_example(question, *known);
    return true;
}

static bool is_drawn(const struct drawing *drawing, const uint32_t *draws, uint32_t i_example)
{
    size_t i = 0;
    while (i < drawing->shots && draws[i] != i_example) i++;
    return i < drawing->shots;
}

/* Puts another example of the pool in the place of draws[at]; TASK_NO_EXAMPLE if there is none. */
static bool replace(struct drawing *drawing, const struct task_question *question, size_t i_item,
                    uint32_t *draws, size_t at, struct err *err)
{
    uint32_t n = (uint32_t)drawing->pool->n, from = draws[at];
    for (uint32_t step = 1; step < n; step++) {
        uint32_t other = (uint32_t)(((uint64_t)from + step) % n);
        bool is_it;
        if (is_drawn(drawing, draws, other)) continue;
        if (!compare(drawing, question, i_item, other, &is_it, err)) return false;
        if (is_it) continue;
        draws[at] = other;
        return true;
    }
    draws[at] = TASK_NO_EXAMPLE;
    return true;
}

/* Moves those that are missing to the end. Whether there are any. */
static bool close_gaps(const struct drawing *drawing, uint32_t *draws)
{
    size_t n = 0;
    for (size_t i = 0; i < drawing->shots; i++)
        if (draws[i] != TASK_NO_EXAMPLE) draws[n++] = draws[i];
    for (size_t i = n; i < drawing->shots; i++) draws[i] = TASK_NO_EXAMPLE;
    return n < drawing->shots;
}

/* Replaces the examples that read like the question. */
static bool leave_out(struct drawing *drawing, size_t i_item, struct arena *arena, uint32_t *draws,
                      struct err *err)
{
    struct task_question question;
    struct item *item = &drawing->items[i_item];
    bool is_it;
    if (!make_question(drawing, drawing->state->fields[i_item], i_item, arena, &question, err))
        return false;
    for (size_t i = 0; i < drawing->shots; i++) {
        if (!compare(drawing, &question, i_item, draws[i], &is_it, err)) return false;
        if (is_it && !replace(drawing, &question, i_item, draws, i, err)) return false;
        if (is_it) drawing->is_replaced = drawing->own->by_text = item->was_own_example = true;
    }
    return true;
}

/* ---- Pools ---- */

static bool draw_item(struct drawing *drawing, size_t i_item, uint32_t *draws, struct err *err)
{
    struct arena *arena = arena_new(0, err);
    bool is_first = drawing->state->protocol->draw == DRAW_FIRST;
    bool ok = arena && (is_first ? take_first : draw_random)(drawing, i_item, draws, err) &&
              leave_out(drawing, i_item, arena, draws, err);
    bool is_short = ok && close_gaps(drawing, draws);
    for (size_t i = 0; ok && i < drawing->shots; i++)
        if (draws[i] != TASK_NO_EXAMPLE) draws[i] += (uint32_t)drawing->pool->first;
    drawing->own->counts.n_missing += is_short;
    drawing->own->counts.n_replaced += drawing->is_replaced && !is_short;
    arena_free(arena);
    return ok;
}

static bool draw_pool(struct drawing *drawing, size_t i_first, uint32_t *draws, struct err *err)
{
    size_t n = drawing->pool->n;
    mersenne_seed(&drawing->mersenne, SEED);
    drawing->leaves_out =
        drawing->pool->has_the_item || drawing->state->protocol->draw == DRAW_RANDOM_OTHER;
    drawing->scratch = mem_new(n, sizeof(uint32_t), err);
    drawing->others = mem_new(n, sizeof(uint32_t), err);
    drawing->arena = arena_new(0, err);
    drawing->questions = mem_new(n, sizeof *drawing->questions, err);
    bool ok = drawing->scratch && drawing->others && drawing->arena && drawing->questions;
    for (size_t i = 0; ok && i < drawing->pool->n_items; i++)
        ok = draw_item(drawing, i_first + i, draws + (i_first + i) * drawing->shots, err);
    free(drawing->scratch);
    free(drawing->others);
    free(drawing->questions);
    arena_free(drawing->arena);
    return ok;
}

bool task_draw(const struct task_state *state, const struct task_pool *pools, size_t n_pools,
               size_t shots, uint32_t *draws, struct item *items, struct task_own *own,
               struct err *err)
{
    struct drawing drawing = {.state = state, .shots = shots, .items = items, .own = own};
    drawing.chosen = mem_new(shots + 1, sizeof *drawing.chosen, err);
    bool ok = drawing.chosen != NULL;
    size_t i_first = 0;
    for (size_t i = 0; ok && i < n_pools; i++) {
        drawing.pool = &pools[i];
        ok = draw_pool(&drawing, i_first, draws, err);
        i_first += pools[i].n_items;
    }
    free(drawing.chosen);
    return ok;
}
