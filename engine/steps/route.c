/* route.c - the steps of a mixture of experts around its projections: a router chooses experts for
 * each token, rows are gathered by expert, and what experts made of them is combined by token.
 *
 * Which other tokens are in a batch decides where a row lies, and nothing about its values.
 */
#include "engine/steps/choose.h"
#include "engine/steps/pass.h"

#include <string.h>

/* Tokens are divided between threads, for the router's few rows could not be. */
static void route(struct pass *pass, const struct operation *operation, choose_fn *choose)
{
    const struct packed *router = &operation->projection.parts[0];
    const struct routing *routing = &pass->session->routing;
    enum buffer to = operation->step->to;
    size_t n_experts = pass->h->n_experts, n_used = pass->h->n_experts_used;
    struct range share = pass_share(pass, pass->n_active);
    pass_observe(pass, operation, &(struct expert_rows){.n = pass->n_active});
    if (share.begin == share.end) return;
    struct acts acts = pass_acts(pass, operation->step->from, act_format_for(router->type),
                                 share.begin, share.end - share.begin);
    pass->kernels->gemm[router->type](router, &acts, 0, part_groups(router),
                                      pass_row(pass, to, share.begin), n_experts);
    for (size_t i = share.begin; i < share.end; i++)
        choose(pass_row(pass, to, i), n_experts, n_used, routing->experts + i * n_used,
               routing->weights + i * n_used);
}

void step_route_softmax(struct pass *pass, const struct operation *operation)
{
    route(pass, operation, choose_softmax);
}

void step_route_sparsemixer(struct pass *pass, const struct operation *operation)
{
    route(pass, operation, choose_sparsemixer);
}

/* Divides the routed rows between experts; next: [n_experts] where each one's begin. */
static void divide_rows(struct pass *pass, size_t n_rows, size_t *next)
{
    const size_t *experts = pass->session->routing.experts;
    size_t counts[HPARAMS_MAX_EXPERTS] = {0}, first = 0;
    for (size_t i = 0; i < n_rows; i++) counts[experts[i]]++;
    pass->n_experts = 0;
    for (size_t i = 0; i < pass->h->n_experts; i++) {
        next[i] = first;
        if (counts[i] > 0)
            pass->experts[pass->n_experts++] = (struct expert_rows){i, first, counts[i]};
        first += counts[i];
    }
}

/* Every thread finds the places of all rows, and fills those of its share of the tokens. */
void step_gather(struct pass *pass, const struct operation *operation)
{
    const struct routing *routing = &pass->session->routing;
    enum buffer from = operation->step->from, to = operation->step->to;
    size_t n_used = pass->h->n_experts_used, n_cols = pass->scratch->widths[to];
    size_t next[HPARAMS_MAX_EXPERTS];
    struct range share = pass_share(pass, pass->n_active);
    pass->tokens = pass->active;
    pass->n_tokens = pass->n_active;
    pass->active = routing->tokens;
    pass->n_active *= n_used;
    divide_rows(pass, pass->n_active, next);
    for (size_t i = 0; i < share.end * n_used; i++) {
        size_t row = next[routing->experts[i]]++, i_token = i / n_used;
        if (i_token < share.begin) continue;
        routing->rows[i] = row;
        routing->tokens[row] = pass->tokens[i_token];
        memcpy(pass_row(pass, to, row), pass_row(pass, from, i_token), n_cols * sizeof(float));
        pass_quantize(pass, operation->needs, to, row, 0, n_cols);
    }
}

void step_combine(struct pass *pass, const struct operation *operation)
{
    const struct routing *routing = &pass->session->routing;
    enum buffer from = operation->step->from, to = operation->step->to;
    size_t n_used = pass->h->n_experts_used, n_cols = pass->scratch->widths[to];
    pass->active = pass->tokens;
    pass->n_active = pass->n_tokens;
    struct range share = pass_share(pass, pass->n_active);
    for (size_t i = share.begin; i < share.end; i++) {
        float *sum = pass_row(pass, to, i);
        memset(sum, 0, n_cols * sizeof *sum);
        for (size_t j = i * n_used; j < (i + 1) * n_used; j++)
            pass->kernels->add_scaled(sum, pass_row(pass, from, routing->rows[j]),
                                      routing->weights[j], n_cols);
    }
    pass->has_delta = true;
}
