/* hf_rows.h - rows of tensors that a Hugging Face folder has in another order than GGUF.
 *
 * Pure functions; the orders are those of arch/hf_form.h.
 */
#ifndef PHIBENCH_ENGINE_HF_HF_ROWS_H
#define PHIBENCH_ENGINE_HF_HF_ROWS_H

#include "engine/arch/hf_form.h"

struct hf_order {
    enum hf_rows rows;
    size_t n_rows;     /* of a tensor in the folder, or values of a bias */
    size_t n_heads;    /* whose rows it has; of BY_KV_HEAD: of queries */
    size_t n_kv_heads; /* of BY_KV_HEAD */
};

/* Whether so many rows can be in this order at all. */
bool hf_order_fits(const struct hf_order *order);

/* The folder's row that is our row `row`, of an order that fits. */
size_t hf_order_row(const struct hf_order *order, size_t row);

#endif
