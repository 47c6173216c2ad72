/* task_draw.c - which examples stand before which question.
 *
 * Random ones are those of lm-evaluation-harness: one generator for the questions in their order,
 * random.Random(1234), and where a question may be among its own examples one more is drawn, and
 * what equals the question left out.
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
    bool leaves_out; /* an example that equals the question is left out */
    struct mersenne mersenne;
    uint32_t *chosen, *scratch; /* [shots + 1], [pool->n] */
    uint32_t *others;           /* [pool->n] */
};

static bool is_example_of_itself(const struct drawing *drawing, size_t i_item, uint32_t i_example)
{
    const struct task_state *state = drawing->state;
    return value_is_equal(state->fields[i_item], state->examples[drawing->pool->first + i_example]);
}

/* Keeps the chosen ones that are not the question itself, up to `shots`. Their number. */
static size_t keep_others(const struct drawing *drawing, size_t i_item, size_t n_chosen,
                          uint32_t *draws)
{
    size_t n = 0;
    for (size_t i = 0; i < n_chosen && n < drawing->shots; i++) {
        if (drawing->leaves_out && is_example_of_itself(drawing, i_item, drawing->chosen[i]))
            continue;
        draws[n++] = (uint32_t)drawing->pool->first + drawing->chosen[i];
    }
    return n;
}

static bool fail_short(const struct drawing *drawing, size_t n, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%zu example%s, and %zu shots need more", n, n == 1 ? "" : "s",
                   drawing->shots);
}

/* Takes the pool's first ones, but for the question itself. */
static bool take_first(const struct drawing *drawing, size_t i_item, uint32_t *draws,
                       struct err *err)
{
    size_t n = 0;
    for (uint32_t i = 0; i < drawing->pool->n && n < drawing->shots; i++)
        if (!drawing->leaves_out || !is_example_of_itself(drawing, i_item, i))
            draws[n++] = (uint32_t)drawing->pool->first + i;
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
    for (size_t i = 0; i < k; i++)
        draws[i] = (uint32_t)drawing->pool->first + drawing->others[drawing->chosen[i]];
    return true;
}

static bool draw_random(struct drawing *drawing, size_t i_item, uint32_t *draws, struct err *err)
{
    size_t n = drawing->shots + (drawing->leaves_out ? 1 : 0);
    if (n > drawing->pool->n) return fail_short(drawing, drawing->pool->n, err);
    mersenne_sample(&drawing->mersenne, (uint32_t)drawing->pool->n, (uint32_t)n, drawing->chosen,
                    drawing->scratch);
    return keep_others(drawing, i_item, n, draws) == drawing->shots ||
           draw_from_others(drawing, i_item, draws, err);
}

static bool draw_pool(struct drawing *drawing, size_t i_first, uint32_t *draws, struct err *err)
{
    enum task_draw way = drawing->state->protocol->draw;
    bool ok = true;
    mersenne_seed(&drawing->mersenne, SEED);
    drawing->leaves_out = drawing->pool->has_the_item || way == DRAW_RANDOM_OTHER;
    drawing->scratch = mem_new(drawing->pool->n, sizeof(uint32_t), err);
    drawing->others = mem_new(drawing->pool->n, sizeof(uint32_t), err);
    if (!drawing->scratch || !drawing->others) ok = false;
    for (size_t i = 0; ok && i < drawing->pool->n_items; i++) {
        uint32_t *out = draws + (i_first + i) * drawing->shots;
        ok = way == DRAW_FIRST ? take_first(drawing, i_first + i, out, err)
                               : draw_random(drawing, i_first + i, out, err);
    }
    free(drawing->scratch);
    free(drawing->others);
    return ok;
}

bool task_draw(const struct task_state *state, const struct task_pool *pools, size_t n_pools,
               size_t shots, uint32_t *draws, struct err *err)
{
    struct drawing drawing = {.state = state, .shots = shots};
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
