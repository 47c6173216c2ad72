/* project.c - the step that multiplies rows with matrices. Threads take parts of the matrices' row
 * groups as they get to them.
 */
#include "engine/importance.h"
#include "engine/steps/pass.h"

/* A thread takes its share of a projection in so many parts, each of whole pairs of row groups,
 * which kernels compute together: few enough to cost nothing, and where one thread is kept from
 * its CPU the others wait for one such part at most. */
enum { PARTS_PER_SHARE = 16 };

/* Adds biases [n] to columns [0, n) of each row of out. */
static void add_biases(const struct pass *pass, const float *biases, size_t n, float *out,
                       size_t out_stride)
{
    for (size_t i = 0; i < pass->n_active; i++) pass->kernels->add(out + i * out_stride, biases, n);
}

/* What the step does, for some of the row groups. */
static void project_groups(const struct pass *pass, const struct operation *operation,
                           struct range groups)
{
    const struct projection *projection = &operation->projection;
    const float *x = pass_row(pass, operation->step->from, 0);
    float *out = pass_row(pass, operation->step->to, 0);
    size_t out_stride = pass->scratch->widths[operation->step->to];
    size_t first_group = 0, first_row = 0;
    for (size_t i = 0; i < projection->n_parts; i++) {
        const struct packed *part = &projection->parts[i];
        size_t n_part_groups = part_groups(part);
        size_t begin = groups.begin > first_group ? groups.begin - first_group : 0;
        size_t end = groups.end > first_group ? groups.end - first_group : 0;
        if (end > n_part_groups) end = n_part_groups;
        if (begin < end) {
            enum act_format format = act_format_for(part->type);
            struct acts acts = pass->scratch->acts[format];
            acts.format = format;
            acts.n_tokens = pass->n_active;
            acts.n_cols = part->n_cols;
            acts.x = x;
            pass->kernels->gemm[part->type](part, &acts, begin, end, out + first_row, out_stride);
            size_t row = begin * ROW_GROUP, end_row = end * ROW_GROUP;
            if (end_row > part->n_rows) end_row = part->n_rows;
            if (projection->biases)
                add_biases(pass, projection->biases + first_row + row, end_row - row,
                           out + first_row + row, out_stride);
        }
        first_group += n_part_groups;
        first_row += part->n_rows;
    }
}

/* Adds the inputs of a projection to what is observed; each thread adds columns of its own. */
static void observe(const struct pass *pass, const struct operation *operation)
{
    const struct projection *projection = &operation->projection;
    struct range share = pass_share(pass, projection->n_cols);
    importance_observe(pass->session->importance, projection->i_projection,
                       pass_row(pass, operation->step->from, 0), pass->n_active, share.begin,
                       share.end);
}

void step_project(struct pass *pass, const struct operation *operation)
{
    struct take take = {.n = projection_groups(&operation->projection)};
    size_t n_parts = PARTS_PER_SHARE * threads_count(pass->threads);
    take.chunk = (take.n / n_parts + 2) / 2 * 2;
    if (pass->session->importance) observe(pass, operation);
    while (threads_take(pass->threads, pass->i_thread, &take))
        project_groups(pass, operation, take.taken);
    if (operation->step->to == BUFFER_DELTA) pass->has_delta = true;
    if (operation->step->to == BUFFER_SECOND_DELTA) pass->has_second_delta = true;
}
