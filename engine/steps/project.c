/* project.c - the step that multiplies rows with matrices. Threads take parts of the matrices' row
 * groups as they get to them.
 */
#include "engine/steps/pass.h"

/* A thread takes its share of a projection in so many parts, each of whole pairs of row groups,
 * which kernels compute together: few enough to cost nothing, and where one thread is kept from
 * its CPU the others wait for one such part at most. Where experts have rows of their own, this is
 * the work of a part of the one that has most. */
enum { PARTS_PER_SHARE = 16 };

/* Adds biases [n] to columns [0, n) of n_rows rows of out. */
static void add_biases(const struct pass *pass, const float *biases, size_t n, float *out,
                       size_t n_rows, size_t out_stride)
{
    for (size_t i = 0; i < n_rows; i++) pass->kernels->add(out + i * out_stride, biases, n);
}

/* What the step does for the rows of one expert, or for all, for some of the row groups. */
static void project_groups(const struct pass *pass, const struct operation *operation,
                           const struct expert_rows *rows, struct range groups)
{
    const struct projection *projection = &operation->projection;
    enum buffer from = operation->step->from, to = operation->step->to;
    float *out = pass_row(pass, to, rows->first);
    size_t out_stride = pass->scratch->widths[to], first_group = 0, first_row = 0;
    for (size_t i = 0; i < projection->n_parts; i++) {
        struct packed part = projection->parts[i];
        size_t n_part_groups = part_groups(&part);
        size_t begin = groups.begin > first_group ? groups.begin - first_group : 0;
        size_t end = groups.end > first_group ? groups.end - first_group : 0;
        if (end > n_part_groups) end = n_part_groups;
        if (begin < end) {
            struct acts acts =
                pass_acts(pass, from, act_format_for(part.type), rows->first, rows->n);
            part.data += rows->i_expert * expert_bytes(&part);
            pass->kernels->gemm[part.type](&part, &acts, begin, end, out + first_row, out_stride);
            size_t row = begin * ROW_GROUP, end_row = end * ROW_GROUP;
            if (end_row > part.n_rows) end_row = part.n_rows;
            if (projection->biases)
                add_biases(pass, projection->biases + first_row + row, end_row - row,
                           out + first_row + row, rows->n, out_stride);
        }
        first_group += n_part_groups;
        first_row += part.n_rows;
    }
}

/* Row groups of all experts that have rows are one sequence of work. */
void step_project(struct pass *pass, const struct operation *operation)
{
    const struct projection *projection = &operation->projection;
    const struct expert_rows all = {.n = pass->n_active};
    bool is_routed = projection->n_experts > 1;
    const struct expert_rows *experts = is_routed ? pass->experts : &all;
    size_t n_experts = is_routed ? pass->n_experts : 1, most = 0;
    for (size_t i = 0; i < n_experts; i++) {
        if (experts[i].n > most) most = experts[i].n;
        pass_observe(pass, operation, &experts[i]);
    }
    size_t n_groups = projection_groups(projection);
    size_t n_parts = PARTS_PER_SHARE * threads_count(pass->threads);
    struct take take = {.n = n_experts * n_groups};
    take.chunk = (n_groups * pass->n_active / (most * n_parts) + 2) / 2 * 2;
    while (threads_take(pass->threads, pass->i_thread, &take))
        for (size_t at = take.taken.begin, end; at < take.taken.end; at = end) {
            size_t i = at / n_groups, first = i * n_groups;
            end = first + n_groups < take.taken.end ? first + n_groups : take.taken.end;
            project_groups(pass, operation, &experts[i], (struct range){at - first, end - first});
        }
    if (operation->step->to == BUFFER_DELTA) pass->has_delta = true;
    if (operation->step->to == BUFFER_SECOND_DELTA) pass->has_second_delta = true;
}
