/* pass.c - what steps have in common: faults are kept in the order of computing, and inputs of
 * projections are quantized once, by whoever wrote them.
 */
#include "engine/steps/pass.h"

#include "engine/importance.h"

#include <math.h>

void pass_report(const struct pass *pass, enum fault_kind kind, size_t i_token)
{
    uint64_t code = fault_code(pass->i_layer, kind, i_token);
    uint64_t first = atomic_load_explicit(&pass->session->fault, memory_order_relaxed);
    while (code < first && !atomic_compare_exchange_weak(&pass->session->fault, &first, code)) {}
}

void pass_check_logits(const struct pass *pass)
{
    enum buffer output = architecture_output(pass->h->architecture);
    size_t n_cols = pass->scratch->widths[output];
    struct range share = pass_share(pass, pass->n_active * n_cols);
    for (size_t at = share.begin, end; at < share.end; at = end) {
        size_t i = at / n_cols;
        end = (i + 1) * n_cols < share.end ? (i + 1) * n_cols : share.end;
        if (!floats_are_below(pass_row(pass, output, 0) + at, end - at, INFINITY))
            pass_report(pass, FAULT_LOGITS, pass->active[i]);
    }
}

static const size_t blocks[ACT_FORMAT_COUNT] = {[ACT_Q8_32] = 32, [ACT_Q8_256] = 256};

struct acts pass_acts(const struct pass *pass, enum buffer buffer, enum act_format format,
                      size_t first, size_t n)
{
    struct acts acts = pass->scratch->acts[format];
    size_t n_cols = pass->scratch->widths[buffer];
    acts.format = format;
    acts.n_tokens = n;
    acts.n_cols = n_cols;
    acts.x = pass_row(pass, buffer, first);
    if (!blocks[format]) return acts;
    acts.q += first * n_cols;
    acts.d += first * (n_cols / blocks[format]);
    acts.sums += first * (n_cols / 16);
    return acts;
}

void pass_quantize(const struct pass *pass, const bool needs[ACT_FORMAT_COUNT], enum buffer buffer,
                   size_t i, size_t begin, size_t end)
{
    const float *x = pass_row(pass, buffer, i);
    size_t n_cols = pass->scratch->widths[buffer];
    if (!floats_are_below(x + begin, end - begin, INFINITY))
        pass_report(pass, FAULT_STREAM, pass->active[i]);
    for (size_t format = 0; format < ACT_FORMAT_COUNT; format++) {
        if (!needs[format] || !blocks[format]) continue;
        const struct acts *acts = &pass->scratch->acts[format];
        size_t block = blocks[format];
        pass->kernels->quantize(x + begin, end - begin, block, acts->q + i * n_cols + begin,
                                acts->d + i * (n_cols / block) + begin / block,
                                acts->sums + i * (n_cols / 16) + begin / 16);
    }
}

/* Each thread adds columns of its own. */
void pass_observe(const struct pass *pass, const struct operation *operation,
                  const struct expert_rows *rows)
{
    const struct projection *projection = &operation->projection;
    struct importance *importance = pass->session->importance;
    struct range share = pass_share(pass, projection->n_cols);
    if (importance)
        importance_observe(importance, projection->i_projection, rows->i_expert,
                           pass_row(pass, operation->step->from, rows->first), rows->n, share.begin,
                           share.end);
}
